import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { BoardProfile } from '../settings/board-profile.ts';
import type { Log } from '../../../common/src/system/log.ts';

const LIMIT_MS = 2_000;

/** Runs `amixer` with these arguments; rejected when it fails. */
export type Amixer = (argumentsOf: readonly string[]) => Promise<unknown>;

const systemAmixer: Amixer = (argumentsOf) => promisify(execFile)('amixer', argumentsOf, { timeout: LIMIT_MS });

/**
 * Sets the card's own controls as the board's profile asks, so that nothing a card remembers can silence a phone.
 * Cards of one kind name their controls differently: one that is not there is passed over.
 */
export async function setMixer(
  mixer: BoardProfile['sound']['mixer'],
  log: Log,
  amixer: Amixer = systemAmixer,
): Promise<void> {
  if (mixer === undefined) return;
  const { card, controls } = mixer;
  let set = 0;
  for (const { name, value } of controls) {
    try {
      await amixer(['-q', '-c', card, 'sset', name, value, ...(/%$/.test(value) ? ['unmute'] : [])]);
      set++;
    } catch (error) {
      log.debug('mixer-control', { card, name, reason: (error as Error).message.split('\n')[0] });
    }
  }
  log.info('mixer', { card, set, of: controls.length });
}
