import type { Clock, Timer } from '../../common/src/time/clock.ts';
import type { NetworkWatch } from './connection/network-watch.ts';
import type { PromptSource } from './playout/prompts.ts';

/*
 * What a call can do without until its first frame has left: 25 ms of a start that would otherwise come before
 * dialling. Each comes by itself a little later, or when it is first asked for.
 */

/** The first retry and the first prompt are a second and more away. */
const AFTER_MS = 400;

/** Reads the clips after the start; asked for one sooner, it reads them then. */
export function promptsAfterStart(clock: Clock, load: () => PromptSource): PromptSource {
  let prompts: PromptSource | undefined;
  const loaded = (): PromptSource => (prompts ??= load());
  clock.after(AFTER_MS, loaded);
  return { next: (kind) => loaded().next(kind) };
}

/** Begins to watch after the start. */
export function watchAfterStart(clock: Clock, watch: NetworkWatch): NetworkWatch {
  let begin: Timer | undefined;
  return {
    start(up) {
      begin = clock.after(AFTER_MS, () => watch.start(up));
    },
    stop() {
      begin?.cancel();
      watch.stop();
    },
  };
}
