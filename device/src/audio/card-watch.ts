import { readFileSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Clock, Timer } from '../../../common/src/time/clock.ts';
import type { BoardProfile } from '../settings/board-profile.ts';

/** Looks whether the sound card is there. @returns why it is not; undefined: it is. Never rejects */
export type CardLook = () => Promise<string | undefined>;

/**
 * At rest no sound is open, so nothing notices a card that was unplugged: it is looked for every few seconds, and the
 * lamp says so before somebody lifts the receiver. While sound is open the stream itself is the better witness.
 */
export class CardWatch {
  readonly #options: CardWatchOptions;
  readonly #timer: Timer;
  #looking = false;
  #missing: string | undefined;

  constructor(options: CardWatchOptions) {
    this.#options = options;
    this.#timer = options.clock.every(LOOK_MS, () => void this.#look());
    void this.#look();
  }

  stop(): void {
    this.#timer.cancel();
  }

  async #look(): Promise<void> {
    // A look that hangs is one look, not a row of them.
    if (this.#looking || !this.#options.resting()) return;
    this.#looking = true;
    const missing = await this.#options.look();
    this.#looking = false;
    const isBack = this.#missing !== undefined && missing === undefined;
    this.#missing = missing;
    this.#options.onLook(missing);
    if (isBack) this.#options.onBack();
  }
}

export interface CardWatchOptions {
  readonly clock: Clock;
  readonly look: CardLook;
  /** No sound is open. */
  readonly resting: () => boolean;
  /** @param missing why there is no card; undefined: there is. Told with every look */
  readonly onLook: (missing: string | undefined) => void;
  /** It was missing in the look before. */
  readonly onBack: () => void;
}

/** Twice within the 15 s in which the lamp has to know; a look costs one folder. */
const LOOK_MS = 5_000;
const CONNECT_LIMIT_MS = 2_000;
const SOUND_FOLDER = '/sys/class/sound';

/** @returns how to look for the board's card; undefined: the profile does not say what that is */
export function cardLookFor(
  sound: BoardProfile['sound'],
  soundServer: string,
  folder = SOUND_FOLDER,
): CardLook | undefined {
  const card = sound.mixer?.card;
  if (card === undefined) return undefined;
  const serverToo = sound.echoCancellation !== undefined;
  return async () => {
    if (!cardIds(folder).includes(card)) return `there is no sound card '${card}': is it plugged in?`;
    return serverToo ? unreachable(soundServer) : undefined;
  };
}

/** Kernel names of the cards, `hw:CARD=` in ALSA. From sysfs: /proc/asound is hidden from the phone's unit. */
function cardIds(folder: string): string[] {
  return foldersIn(folder).map((card) => {
    try {
      return readFileSync(join(folder, card, 'id'), 'utf8').trim();
    } catch {
      return ''; // Unplugged while we looked.
    }
  });
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^card\d+$/.test(name));
  } catch {
    return []; // No sound driver is loaded.
  }
}

/** @returns why nobody listens there; undefined: somebody does */
function unreachable(socketPath: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    const finish = (why: string | undefined): void => {
      socket.destroy();
      resolve(why);
    };
    socket.setTimeout(CONNECT_LIMIT_MS, () => finish('the sound server does not answer'));
    socket.once('connect', () => finish(undefined));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      finish(`the sound server cannot be reached (${error.code}): see \`systemctl status bestday-phone-sound\``),
    );
  });
}
