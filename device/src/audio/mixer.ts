import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { BoardProfile } from '../settings/board-profile.ts';
import type { Log } from '../../../common/src/system/log.ts';

/**
 * The card's own controls, as the board's profile asks. They are set whenever a card opens: one that comes later, or is
 * plugged again, brings what it remembers, muted too. Cards of one kind name their controls differently: one that is
 * not there is passed over. The microphone's can be turned step by step, and stays turned.
 */
export class Mixer {
  readonly #mixer: NonNullable<BoardProfile['sound']['mixer']> | undefined;
  readonly #log: Log;
  readonly #amixer: Amixer;
  readonly #microphone: Control | undefined;
  #turnedBy = 0;
  #running: Promise<void> | undefined;
  #again = false;
  #lastOutcome: string | undefined;

  constructor(mixer: BoardProfile['sound']['mixer'], log: Log, amixer: Amixer = systemAmixer) {
    this.#mixer = mixer;
    this.#log = log;
    this.#amixer = amixer;
    this.#microphone = mixer?.controls.find(isMicrophone);
  }

  /** Sets every control; never fails. Asked while it runs, it runs once more. */
  set(): Promise<void> {
    if (this.#mixer === undefined) return Promise.resolve();
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Turns the microphone up or down by one step. @returns false: there is no such control, or it is at its end */
  async turnMicrophone(direction: 1 | -1): Promise<boolean> {
    const [control, before] = [this.#microphone, this.#turnedBy];
    if (control === undefined) return false;
    this.#turnedBy += direction * STEP_PERCENT;
    if (this.#valueOf(control) !== this.#valueOf(control, before) && (await this.#setOne(control))) return true;
    this.#turnedBy = before;
    return false;
  }

  async #run(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      await this.#setAll();
    }
  }

  async #setAll(): Promise<void> {
    const { card, controls } = this.#mixer!;
    let set = 0;
    for (const control of controls) if (await this.#setOne(control)) set++;
    // A card that comes and goes has its levels set each time, and says so when something is different.
    const outcome = `${set} of ${controls.length}`;
    if (outcome !== this.#lastOutcome) this.#log.info('mixer.set', { card, set, of: controls.length });
    this.#lastOutcome = outcome;
  }

  async #setOne(control: Control): Promise<boolean> {
    const { name } = control;
    const value = this.#valueOf(control);
    const forms = value.endsWith('%') ? levelForms(control, value) : [[value]];
    let reason: unknown;
    for (const form of forms) {
      try {
        await this.#amixer(['-q', '-D', `hw:${this.#mixer!.card}`, 'sset', name, ...form]);
        return true;
      } catch (error) {
        reason = error;
      }
    }
    this.#log.debug('mixer.control-missing', { name, reason: (reason as Error).message.split('\n')[0] });
    return false;
  }

  #valueOf(control: Control, turnedBy = this.#turnedBy): string {
    if (control !== this.#microphone) return control.value;
    const percent = Number.parseInt(control.value, 10) + turnedBy;
    return `${Math.max(LEAST_PERCENT, Math.min(100, percent))}%`;
  }
}

/** Runs `amixer` with these arguments; rejected when it fails. */
export type Amixer = (argumentsOf: readonly string[]) => Promise<unknown>;

type Control = NonNullable<BoardProfile['sound']['mixer']>['controls'][number];

const LIMIT_MS = 2_000;
const STEP_PERCENT = 10;
/** Lower, and a card may be deaf. */
const LEAST_PERCENT = 20;

const systemAmixer: Amixer = (argumentsOf) => promisify(execFile)('amixer', argumentsOf, { timeout: LIMIT_MS });

function isMicrophone({ name, value }: Control): boolean {
  return /\b(mic|capture)\b/i.test(name) && value.endsWith('%');
}

/**
 * A level comes with its switch: `unmute` opens that of playback, `cap` that of capture. Of a microphone only the
 * capture side: its playback side is the sidetone, which howls on a speakerphone.
 */
function levelForms(control: Control, value: string): string[][] {
  const both = [value, 'unmute', 'cap'];
  return isMicrophone(control) ? [['capture', value, 'cap'], both] : [both];
}
