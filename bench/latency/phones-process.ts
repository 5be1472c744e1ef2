import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { loadCodecs } from '../../common/src/codec/codecs.ts';
import { WebSocketTransport } from '../../device/src/connection/websocket.ts';
import { silentLog } from '../../common/src/system/log.ts';
import { seededRandom } from '../../common/src/time/random.ts';
import { systemClock } from '../../common/src/time/clock.ts';
import { FRAME_MS } from '../../protocol/src/index.ts';
import { Caller, recordedUtterances } from './caller.ts';
import type { MeasuredTurn } from './caller.ts';

/** Phones in conversation until there are enough turns. */

export interface PhonesOrder {
  readonly url: string;
  readonly caFile: string;
  readonly devices: readonly { readonly id: string; readonly key: string }[];
  readonly turns: number;
}

export type PhonesNews =
  | { readonly type: 'progress'; readonly done: number }
  | { readonly type: 'turns'; readonly turns: readonly MeasuredTurn[]; readonly cutOff: number };

/** All at once would measure TLS handshakes. */
const STAGGER_MS = 97;

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { url, caFile, devices, turns: wanted } = JSON.parse((await lines.next()).value as string) as PhonesOrder;
const ca = readFileSync(caFile, 'utf8');
const codecs = await loadCodecs(silentLog);
const utterances = recordedUtterances();
const turns: MeasuredTurn[] = [];
let cutOff = 0;
await new Promise<void>((done) => {
  for (const [index, { id, key }] of devices.entries()) {
    const caller = new Caller({
      clock: systemClock,
      random: seededRandom(index),
      deviceId: id,
      codecs,
      utterances,
      transport: new WebSocketTransport({ url, deviceId: id, clientId: randomUUID(), apiKey: key, ca }),
      onTurn(turn) {
        turns.push(turn);
        tell({ type: 'progress', done: Math.min(1, turns.length / wanted) });
        if (turns.length === wanted) done();
      },
      onCutOff: () => {
        cutOff++;
      },
    });
    systemClock.after(index * STAGGER_MS, () => {
      caller.lift();
      systemClock.every(FRAME_MS, () => caller.frame());
    });
  }
});
process.stdout.write(`${JSON.stringify({ type: 'turns', turns, cutOff } satisfies PhonesNews)}\n`, () =>
  process.exit(0),
);

function tell(news: PhonesNews): void {
  process.stdout.write(`${JSON.stringify(news)}\n`);
}
