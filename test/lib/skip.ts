import { createRequire } from 'node:module';
import type { SoundCard } from './sound-card.ts';

/** Skips, and says so, where a package is not installed. */
export function needs(context: Mocha.Context, name: string): void {
  try {
    createRequire(import.meta.url).resolve(name);
  } catch {
    console.log(`      SKIPPED: ${name} is not installed; npm run setup says what it needs`);
    context.skip();
  }
}

/**
 * The body of a test on the virtual sound card. It must pass; but when it fails while the sound server, the phone or the
 * test itself had to wait for a core, that tells nothing: it is tried again, and after the last try skipped out loud.
 *
 * @param retries as the suite's `this.retries()`
 */
export function unlessStarved(
  card: () => SoundCard,
  retries: number,
  body: () => Promise<void>,
): (this: Mocha.Context) => Promise<void> {
  let tries = 0;
  return async function run() {
    tries++;
    const wait = card().cpuWait();
    try {
      await body();
    } catch (error) {
      const share = wait.share();
      if (share < STARVED || tries <= retries) throw error;
      console.log(`      SKIPPED: too busy to tell; ${Math.round(share * 100)} % of the time was a wait for a core`);
      this.skip();
    }
  };
}

/** Share of the time. */
const STARVED = 0.02;
