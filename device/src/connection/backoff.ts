import type { Random } from '../../../common/src/time/random.ts';
import { RECONNECT_DELAYS_MS, RECONNECT_STEADY_MS, RESUME_WINDOW_MS } from '../../../protocol/src/index.ts';

/** ±5 %: enough to spread a street of phones after a server's restart, too little to be noticed. */
const JITTER = 0.05;
/** The last attempt begins this long before the window closes: an outage of 29 s is still resumed. */
const LAST_CALL_MS = 700;

/**
 * Waits before each attempt of one outage, counted from the loss and then from the start of the attempt before:
 * 1, 2, 4, 8 s, then every 2 s. The last one is moved so that an attempt begins shortly before the window closes.
 * @param skip begins with a later one of these waits
 */
export function* reconnectDelays(
  random: Random,
  windowMs = RESUME_WINDOW_MS,
  skip = 0,
): Generator<number, void, undefined> {
  const lastCallMs = windowMs - LAST_CALL_MS;
  let offsetMs = 0;
  for (let attempt = skip; offsetMs < lastCallMs; attempt++) {
    const base = RECONNECT_DELAYS_MS[attempt] ?? RECONNECT_STEADY_MS;
    const delayMs = Math.min(base * (1 + JITTER * (2 * random() - 1)), lastCallMs - offsetMs);
    offsetMs += delayMs;
    yield delayMs;
  }
}
