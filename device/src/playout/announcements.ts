import { FRAME_MS } from '../../../protocol/src/index.ts';
import type { PromptKind, PromptSource } from './prompts.ts';

/**
 * Why the person hears no conversation at the moment. It decides what the phone says by itself, and how often; the
 * table below is all of it.
 */
export type Situation = 'connecting' | 'cut-off' | 'lost' | 'no-answer' | 'refused' | 'not-set-up' | 'resting';

interface Schedule {
  readonly prompt: PromptKind;
  /** Wordless time before the first prompt, ms. */
  readonly firstMs: number;
  /** Wordless time before each further prompt, ms; the last one repeats. */
  readonly againMs: readonly number[];
}

/** Whoever dials or was cut off hears something within 8 s: the wordless stretch between two prompts. */
const AGAIN_MS = [6_000];
/** Nobody waits for anything: said at once, then more and more seldom. */
const SELDOM_MS = [10_000, 20_000, 40_000, 80_000, 160_000];

const SCHEDULES: Readonly<Record<Situation, Schedule>> = {
  connecting: { prompt: 'connecting', firstMs: 1_500, againMs: AGAIN_MS },
  'cut-off': { prompt: 'one-moment', firstMs: 1_000, againMs: AGAIN_MS },
  lost: { prompt: 'calling-again', firstMs: 0, againMs: AGAIN_MS },
  'no-answer': { prompt: 'no-answer', firstMs: 0, againMs: AGAIN_MS },
  refused: { prompt: 'needs-help', firstMs: 0, againMs: AGAIN_MS },
  'not-set-up': { prompt: 'not-set-up', firstMs: 300, againMs: AGAIN_MS },
  resting: { prompt: 'resting', firstMs: 500, againMs: SELDOM_MS },
};

/** The far end owes sound and none comes, though nobody called it an outage. */
const STALL: Schedule = { prompt: 'one-moment', firstMs: 2_000, againMs: AGAIN_MS };

/**
 * Decides when the phone speaks by itself. Time is the frames that pass without words, so it runs at the speaker's
 * pace and needs no timer.
 */
export class Announcements {
  readonly #options: AnnouncementOptions;
  #situation: Situation | undefined;
  #wordlessMs = 0;
  #spoken = 0;

  constructor(options: AnnouncementOptions) {
    this.#options = options;
  }

  get situation(): Situation | undefined {
    return this.#situation;
  }

  /** `undefined`: the conversation is live. */
  enter(situation: Situation | undefined): void {
    if (situation === this.#situation) return;
    this.#situation = situation;
    this.#restart();
  }

  /**
   * One frame of 20 ms passes in which no prompt is spoken.
   * @param heard `flowing`: words of the far end; `waiting`: it owes some; `idle`: it owes none
   * @returns the prompt that begins now
   */
  next(heard: 'flowing' | 'waiting' | 'idle'): Int16Array | undefined {
    const schedule =
      this.#situation === undefined ? (heard === 'waiting' ? STALL : undefined) : SCHEDULES[this.#situation];
    if (heard === 'flowing' || schedule === undefined) {
      this.#restart();
      return undefined;
    }
    this.#wordlessMs += FRAME_MS;
    const { firstMs, againMs } = schedule;
    const dueMs = this.#spoken === 0 ? firstMs : againMs[Math.min(this.#spoken, againMs.length) - 1]!;
    if (this.#wordlessMs < dueMs || this.#options.attended?.() === false) return undefined;
    this.#wordlessMs = 0;
    this.#spoken++;
    return this.#options.prompts.next(schedule.prompt);
  }

  #restart(): void {
    this.#wordlessMs = 0;
    this.#spoken = 0;
  }
}

export interface AnnouncementOptions {
  readonly prompts: PromptSource;
  /** Whether somebody may be listening; a receiver left on a table is no person. Always, when absent. */
  readonly attended?: (() => boolean) | undefined;
}
