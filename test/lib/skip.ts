import { createRequire } from 'node:module';
import { availableParallelism, loadavg } from 'node:os';

/** Skips, and says so, where a package is not installed. */
export function needs(context: Mocha.Context, name: string): void {
  try {
    createRequire(import.meta.url).resolve(name);
  } catch {
    console.log(`      SKIPPED: ${name} is not installed; npm run setup says what it needs`);
    context.skip();
  }
}

/** With more than two programs per core waiting, the sound server itself is starved, and what it loses tells nothing of us. */
export function skipWhenTooBusy(context: Mocha.Context): void {
  const load = loadavg()[0]! / availableParallelism();
  if (load < 2) return;
  console.log(`      SKIPPED: the machine is too busy to tell (${load.toFixed(1)} programs per core)`);
  context.skip();
}
