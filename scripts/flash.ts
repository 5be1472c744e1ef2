import { statSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { BatchLog, readBatch } from './flash-card/batch.ts';
import { drives, thisMachine } from './flash-card/drives.ts';
import { checkedIdentity } from './flash-card/identity-checks.ts';
import type { Given } from './flash-card/identity-checks.ts';
import { boardOfImage, inject, needTools, phoneOnCard } from './flash-card/identity.ts';
import type { Identity } from './flash-card/identity.ts';
import { FlashError, openCard, writeImage } from './flash-card/write-image.ts';
import type { Progress } from './flash-card/write-image.ts';
import { complain, say } from '../common/src/system/terminal.ts';

/** `scripts/flash`: a card for one phone, or for forty before lunch. */

const HELP = `scripts/flash --list
scripts/flash --image FILE.img --to /dev/sdX --device-id UUID --api-key-file FILE --board NAME
scripts/flash --image FILE.img --to /dev/sdX --batch DEVICES.csv

  --server URL                              in place of the usual one
  --wifi-ssid NAME --wifi-password-file F   Wi-Fi for the phone
  --yes                                     ask nothing (a file as --to, or a reader that you are sure of); a card
                                            that is another phone's is refused
DEVICES.csv: device_id,api_key_file,board. It goes on where it was broken off.
Keys and passwords are read from files, never from arguments, which every process can see.
`;
const { values: flags } = parseArgs({
  options: {
    list: { type: 'boolean' },
    help: { type: 'boolean' },
    yes: { type: 'boolean', default: false },
    image: { type: 'string' },
    to: { type: 'string' },
    batch: { type: 'string' },
    'device-id': { type: 'string' },
    'api-key-file': { type: 'string' },
    board: { type: 'string' },
    server: { type: 'string' },
    'wifi-ssid': { type: 'string' },
    'wifi-password-file': { type: 'string' },
  },
});

async function main(): Promise<void> {
  if (flags.help === true) say(HELP);
  else if (flags.list === true) listDrives();
  else if (flags.image === undefined || flags.to === undefined) throw new Error(`--image and --to are needed\n${HELP}`);
  else if (flags.batch !== undefined) await batch(flags.image, flags.to, flags.batch);
  else await flash(flags.image, flags.to, identityFor(flags.image)(asGiven()));
}

function listDrives(): void {
  for (const { name, bytes, model, refused } of drives(thisMachine)) {
    say(
      `/dev/${name}  ${(bytes / 1e9).toFixed(1)} GB  ${model}  ${refused === undefined ? 'may be written' : `refused: ${refused}`}\n`,
    );
  }
}

async function batch(image: string, to: string, file: string): Promise<void> {
  const log = new BatchLog(file);
  const identityOf = identityFor(image);
  const rows = readBatch(file, identityOf);
  for (const [index, row] of rows.entries()) {
    if (log.isDone(row)) continue;
    complain(`card ${index + 1} of ${rows.length}: ${row.deviceId}, ${row.board}\n`);
    if (!flags.yes) await confirmed(`Put a card into ${to}, then press enter: `);
    await flash(image, to, identityOf(row));
    log.done(row);
  }
  complain(`${rows.length} cards are done\n`);
}

async function flash(image: string, to: string, identity: Identity): Promise<void> {
  const card = await openCard(to, sizeOf(to));
  try {
    await agree(to, card.bytes, identity);
    await writeImage(image, card, showProgress);
  } finally {
    await card.close();
  }
  inject(to, identity);
  complain(`${to}: written, read back, and ${identity.deviceId}'s\n`);
}

/** A card that waits for another phone is not overwritten by the way: two identities went to one card so. */
async function agree(to: string, bytes: number, { deviceId }: Identity): Promise<void> {
  const phone = phoneOnCard(to);
  const isAnothers = phone !== undefined && phone !== deviceId;
  if (flags.yes && isAnothers)
    throw new FlashError('not-empty', `${to} is the card of ${phone}: put in another one, or answer without --yes`);
  if (flags.yes) return;
  const whose = isAnothers ? ` It is the card of ${phone}, which has not been started yet.` : '';
  const question = `Everything on ${to} (${(bytes / 1e9).toFixed(1)} GB) will be lost.${whose} Type yes: `;
  if ((await confirmed(question)) !== 'yes') throw new Error('nothing was written');
}

/** Of a device that may be written to; undefined for a plain file. @throws {Error} */
function sizeOf(to: string): number | undefined {
  if (statSync(to).isFile()) return undefined;
  const drive = drives(thisMachine).find(({ name }) => to === `/dev/${name}`);
  if (drive === undefined)
    throw new Error(`${to} is no whole disk that a card could be in; scripts/flash --list shows those there are`);
  if (drive.refused !== undefined) throw new Error(`${to} is not written to: ${drive.refused}`);
  return drive.bytes;
}

type Row = Pick<Given, 'deviceId' | 'apiKeyFile' | 'board'>;

/** Checks all that can be known before a card is touched. @throws {FlashError} */
function identityFor(image: string): (row: Row) => Identity {
  needTools();
  const imagesBoard = boardOfImage(image);
  return (row) => {
    const ssid = flags['wifi-ssid'];
    const wifi = ssid === undefined ? undefined : { ssid, passwordFile: needed('wifi-password-file') };
    const identity = checkedIdentity({ ...row, server: flags.server, wifi });
    if (imagesBoard !== undefined && imagesBoard !== identity.board)
      throw new FlashError('bad-identity', `${image} is for ${imagesBoard}, not for ${identity.board}`);
    return identity;
  };
}

function asGiven(): Row {
  return { deviceId: needed('device-id'), apiKeyFile: needed('api-key-file'), board: needed('board') };
}

function needed(name: 'device-id' | 'api-key-file' | 'board' | 'wifi-password-file'): string {
  const value = flags[name];
  if (value === undefined) throw new Error(`--${name} is missing\n${HELP}`);
  return value;
}

async function confirmed(question: string): Promise<string> {
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await asking.question(question)).trim();
  } finally {
    asking.close();
  }
}

let shown = -1;
const showProgress: Progress = (what, done, all) => {
  const percent = Math.floor((100 * done) / all);
  if (percent === shown || !process.stderr.isTTY) return;
  shown = percent;
  process.stderr.write(`\r${what} ${percent} % `);
};

try {
  await main();
} catch (error) {
  complain(`flash: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
