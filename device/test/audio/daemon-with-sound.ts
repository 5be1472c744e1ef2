import { once } from 'node:events';
import { systemClock } from '../../../common/src/time/clock.ts';
import { openAudio } from '../../src/audio/backends.ts';
import type { AudioBackendName } from '../../src/audio/ports.ts';
import { silentLog } from '../../../common/src/system/log.ts';

/** A daemon that has nothing but sound, to be ended in every way: prints `open`, then waits for `exit` or `close`. */
async function main(backend: AudioBackendName): Promise<void> {
  const audio = await openAudio(
    backend,
    { capture() {}, render: (into) => into.fill(0), failed() {} },
    { clock: systemClock, log: silentLog },
  );
  process.stdout.write('open\n');
  const [order] = (await once(process.stdin, 'data')) as [Buffer];
  process.stdin.destroy();
  if (order.toString('utf8') === 'exit\n') process.exit(0);
  await audio.close();
}

void main(process.argv[2] as AudioBackendName);
