import { levelDb as levelOf } from '../../../common/src/audio/level.ts';
import { FRAME_MS } from '../../../protocol/src/index.ts';

/** A voice near the phone stands this far over the room. */
const OVER_NOISE_DB = 12;
/** Below this nothing is speech, however quiet the room. dBFS */
const LEAST_DBFS = -50;
/** This much of it in one go: a cough, a door and a cup are shorter. */
const SPEECH_MS = 240;
/** Between syllables it may be quiet for so long. */
const GAP_MS = 160;
/** The room's noise follows down at once and up by 3 dB a second. */
const RISE_DB_PER_FRAME = 3 * (FRAME_MS / 1_000);

/**
 * Notices that somebody speaks near the microphone, from the frames' level alone. Cheap and deaf to words: it only
 * has to tell a receiver that was left lying from one that is in use.
 */
export class SpeechWatch {
  readonly #leastDbfs: number;
  #noiseDb: number | undefined;
  #speechMs = 0;
  #gapMs = 0;

  /** @param leastDbfs below this nothing is speech */
  constructor(leastDbfs = LEAST_DBFS) {
    this.#leastDbfs = leastDbfs;
  }

  /** One microphone frame. @returns true in the frame that makes it speech, and in those that go on with it */
  hears(frame: Int16Array): boolean {
    const levelDb = levelOf(frame);
    const noiseDb = Math.min(levelDb, (this.#noiseDb ?? levelDb) + RISE_DB_PER_FRAME);
    this.#noiseDb = noiseDb;
    if (levelDb >= Math.max(this.#leastDbfs, noiseDb + OVER_NOISE_DB)) {
      this.#speechMs += FRAME_MS;
      this.#gapMs = 0;
    } else {
      this.#gapMs += FRAME_MS;
      if (this.#gapMs > GAP_MS) this.#speechMs = 0;
    }
    return this.#speechMs >= SPEECH_MS && this.#gapMs === 0;
  }
}
