import type { Phase } from '../conversation/state.ts';

/** What a person across the room must be able to tell apart. */
export type LedState = 'ready' | 'calling' | 'talking' | 'reconnecting' | 'needs-help';

/** On, off, on, off … ms, over and over. A single number: on for good. */
export type LedPattern = readonly number[];

/**
 * hardware/README.md shows these to the field. No two have the same rhythm, none flickers faster than 3 Hz
 * (WCAG 2.3.1: photosensitive people), and a phone at rest hardly lights a bedroom.
 */
export const LED_PATTERNS: Readonly<Record<LedState, LedPattern>> = {
  ready: [60, 3_940],
  calling: [500, 500],
  talking: [1_000],
  reconnecting: [150, 250, 150, 1_450],
  'needs-help': [700, 300, 700, 300, 700, 1_300],
};

/** Whether the lamp is lit `atMs` after the pattern began, and for how much longer it stays so. */
export function ledAt(pattern: LedPattern, atMs: number): { readonly lit: boolean; readonly forMs: number } {
  if (pattern.length < 2) return { lit: true, forMs: Infinity };
  let restMs = atMs % pattern.reduce((sum, ms) => sum + ms, 0);
  let step = 0;
  while (restMs >= pattern[step]!) restMs -= pattern[step++]!;
  return { lit: step % 2 === 0, forMs: pattern[step]! - restMs };
}

/** While somebody talks, the lamp shows the call; a phone that needs help says so whenever it is at rest. */
export function ledStateOf(phase: Phase, needsHelp: boolean): LedState {
  switch (phase) {
    case 'talking':
      return 'talking';
    case 'reconnecting':
      return 'reconnecting';
    case 'connecting':
    case 'handshaking':
      return 'calling';
    case 'ending':
    case 'idle':
      return needsHelp ? 'needs-help' : 'ready';
  }
}
