import type { Tape } from './tape.ts';

/** What a relay sends on one socket: after each message from the phone, the lengths of the messages that went down next. */
export type RelayPlan = readonly (readonly [afterMessage: number, lengths: readonly number[]])[];

/** Negative lengths are of text messages. */
export function planOf(tape: Tape): RelayPlan {
  const plan: [number, number[]][] = [];
  let sent = 0;
  for (let index = 0; index < tape.length; index++) {
    const { down, bytes, text } = tape.at(index);
    if (!down) {
      sent++;
      continue;
    }
    const last = plan.at(-1);
    const after = Math.max(1, sent);
    const length = text ? -bytes : bytes;
    if (last?.[0] === after) last[1].push(length);
    else plan.push([after, [length]]);
  }
  return plan;
}
