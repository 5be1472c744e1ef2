import { BenchServer } from '../lib/bench-server.ts';
import { encoded, nativeOpusFile } from '../lib/native-opus.ts';
import { speechFrames } from '../../test/lib/speech.ts';

/** The bench server in a process of its own, so that its work is counted to nobody. Speaks to its parent over IPC. */

/** What it tells. `atNs` is CLOCK_MONOTONIC, the same for all processes. */
export type ServerNews =
  | { readonly type: 'listening'; readonly port: number; readonly ca: string }
  | { readonly type: 'first-frame'; readonly atNs: string };

const tell = (news: ServerNews): void => {
  process.send?.(news);
};

const server = await BenchServer.start({
  packets: encoded(speechFrames('companion'), nativeOpusFile()),
  onFrame: (_payload, index) => {
    if (index === 0) tell({ type: 'first-frame', atNs: String(process.hrtime.bigint()) });
  },
});
tell({ type: 'listening', port: server.port, ca: server.ca });
process.once('disconnect', () => process.exit(0));
