import type { BlinkPattern } from '../controls/lamp.ts';
import type { Phase } from '../conversation/state.ts';

/** What a person across the room must be able to tell apart. */
export type LampState = 'ready' | 'calling' | 'talking' | 'reconnecting' | 'needs-help';

/**
 * hardware/README.md shows these to the field. No two have the same rhythm, none flickers faster than 3 Hz
 * (WCAG 2.3.1: photosensitive people), and a phone at rest hardly lights a bedroom.
 */
export const LAMP_PATTERNS: Readonly<Record<LampState, BlinkPattern>> = {
  ready: [60, 3_940],
  calling: [500, 500],
  talking: [1_000],
  reconnecting: [150, 250, 150, 1_450],
  'needs-help': [700, 300, 700, 300, 700, 1_300],
};

/** During a call the lamp shows the call; a phone that needs help shows it whenever no call is up. */
export function lampStateOf(phase: Phase, needsHelp: boolean): LampState {
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
