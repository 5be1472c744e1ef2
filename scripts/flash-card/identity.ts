import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { BOARD_FILE } from '../image/layout.ts';
import { FlashError } from './write-image.ts';

/** What makes a card one phone's. */
export interface Identity {
  readonly deviceId: string;
  readonly apiKey: string;
  readonly board: string;
  readonly server?: string | undefined;
  readonly wifi?: { readonly ssid: string; readonly password: string } | undefined;
}

/** Where a phone calls that is told no other place: as scripts/package/postinst says it. */
const USUAL_SERVER = 'wss://api.bestdayphone.com/v1/conversations/connect';
/** On the card's boot partition; the phone takes it from there at its first start and wipes it. */
const FOLDER = 'bestday';

/** Files of the boot partition, by name. */
export function identityFiles({
  deviceId,
  apiKey,
  board,
  server = USUAL_SERVER,
  wifi,
}: Identity): Record<string, string> {
  const defaults = [
    `BESTDAY_BOARD=${board}`,
    `BESTDAY_CONTROLS=${board === 'virtual' ? 'socket' : 'gpio'}`,
    `BESTDAY_SERVER=${server}`,
  ];
  return {
    'phone.device-id': `${deviceId}\n`,
    'phone.api-key': `${apiKey}\n`,
    default: `${defaults.join('\n')}\n`,
    ...(wifi !== undefined && { 'wifi.nmconnection': networkManagerKeyfile(wifi) }),
  };
}

/**
 * nm-settings-keyfile(5). A blank at either end is lost unless it is escaped; a name that is more than plain letters is
 * a list of bytes, for `;` and `1;2;` mean such a list too.
 */
function networkManagerKeyfile({ ssid, password }: NonNullable<Identity['wifi']>): string {
  const name = /^[\w.-]+( [\w.-]+)*$/.test(ssid) ? ssid : `${[...Buffer.from(ssid)].join(';')};`;
  const key = password.replace(/\\/g, '\\\\').replace(/ /g, '\\s');
  return `[connection]\nid=bestday\ntype=wifi\nautoconnect=true\n\n[wifi]\nmode=infrastructure\nssid=${name}\n\n[wifi-security]\nkey-mgmt=wpa-psk\npsk=${key}\n\n[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=auto\n`;
}

/** The board that an image was made for; undefined: it does not say, as Raspberry Pi OS. @throws {FlashError} */
export function boardOfImage(image: string): string | undefined {
  return read(image, `::${BOARD_FILE}`);
}

/** Whose a card is that no phone has taken yet; undefined: nobody's, or no card of ours at all. */
export function phoneOnCard(card: string): string | undefined {
  try {
    return read(card, `::${FOLDER}/phone.device-id`)?.toLowerCase();
  } catch (error) {
    if (error instanceof FlashError && error.fault === 'bad-image') return undefined;
    throw error;
  }
}

function read(image: string, path: string): string | undefined {
  const text = mtool('mtype', ['-i', `${image}@@${bootOffset(image)}`, path], undefined, true).trim();
  return text === '' ? undefined : text;
}

/** Before anything is written: afterwards is too late. @throws {FlashError} no-tools */
export function needTools(): void {
  mtool('mtype', ['--version'], undefined, true);
}

/**
 * Puts the identity on the card and reads it back. Secrets travel through pipes: they stand in no argument, no
 * variable and no file of this machine.
 * @throws {FlashError} bad-image, inject-failed
 */
export function inject(card: string, identity: Identity): void {
  const partition = `${card}@@${bootOffset(card)}`;
  mtool('mmd', ['-i', partition, '-D', 's', `::${FOLDER}`], undefined, true);
  for (const [name, content] of Object.entries(identityFiles(identity))) {
    mtool('mcopy', ['-i', partition, '-D', 'o', '-', `::${FOLDER}/${name}`], content);
    if (mtool('mtype', ['-i', partition, `::${FOLDER}/${name}`]) !== content)
      throw new FlashError('inject-failed', `${name} on the card is not what was written: take another card`);
  }
}

const TABLE_AT = 446;
const FAT_TYPES = [0x01, 0x04, 0x06, 0x0b, 0x0c, 0x0e];

/** Where the first partition, the firmware's FAT, begins. @throws {FlashError} bad-image */
function bootOffset(card: string): number {
  const table = Buffer.alloc(512);
  const descriptor = openSync(card, 'r');
  readSync(descriptor, table, 0, 512, 0);
  closeSync(descriptor);
  if (!FAT_TYPES.includes(table[TABLE_AT + 4]!))
    throw new FlashError('bad-image', 'the first partition is no FAT: this is no image for a Raspberry Pi');
  return table.readUInt32LE(TABLE_AT + 8) * 512;
}

function mtool(program: string, args: readonly string[], input?: string, mayFail = false): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    input: input ?? '',
    encoding: 'utf8',
    env: { ...process.env, MTOOLS_SKIP_CHECK: '1' },
  });
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
    throw new FlashError('no-tools', `${program} is missing: apt install mtools`);
  if (status !== 0 && !mayFail) throw new FlashError('inject-failed', `${program}: ${stderr.trim()}`);
  return stdout;
}
