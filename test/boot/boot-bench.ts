import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SoundCard } from '../lib/sound-card.ts';
import { addDevice, startServer } from '../../scripts/programs.ts';
import type { Credentials, RunningServer } from '../../scripts/programs.ts';
import { inject } from '../../scripts/flash-card/identity.ts';
import { ownCertificate } from '../../server-stub/src/http/certificates.ts';
import { openDataFolder } from '../../server-stub/src/system/data-folder.ts';
import type { Random } from '../../common/src/time/random.ts';
import { BootedPhone } from './booted-phone.ts';
import { BOARD_FILES } from './emulated-board.ts';
import { makeOverlay, run, takeBootFiles } from './emulator/card.ts';
import type { BootFiles } from './emulator/card.ts';
import { visitParts, VISIT_FOLDER } from './emulator/guest-shell.ts';
import { Machine } from './emulator/machine.ts';
import type { MachineOptions } from './emulator/machine.ts';
import { replay } from './emulator/write-log.ts';
import type { Replay } from './emulator/write-log.ts';

/** QEMU's user network: the host's own loopback, as the guest sees it. */
const HOST_AS_GUEST_SEES_IT = '10.0.2.2';
/** More than the image: the data partition grows at its first start. */
const CARD_BYTES = 3 * 2 ** 30;

/** The reference server's certificate is its own. */
const TRUST = `[Service]\nEnvironment=BESTDAY_CA_FILE=${VISIT_FOLDER}/ca.pem\n`;

/** The world around the emulated phone: a card with an identity, the reference server, a sound card. */
export class BootBench {
  readonly folder = mkdtempSync(join(tmpdir(), 'bestday-boot-'));
  readonly card: string;
  server!: RunningServer;
  device!: Credentials;
  sound!: SoundCard;
  readonly #image: string;
  #boot!: BootFiles;
  #ca = '';
  #machines: Machine[] = [];
  #serial = 0;
  readonly #silence = (): void => this.sound.stop();
  readonly #leave = (): void => process.exit(1);

  constructor(image: string) {
    this.#image = image;
    this.card = join(this.folder, 'card.img');
  }

  /** Everything but the phone. */
  async start(): Promise<void> {
    const data = join(this.folder, 'server');
    // The certificate that the server finds in its folder names the host as the guest calls it.
    await ownCertificate(await openDataFolder(data), HOST_AS_GUEST_SEES_IT, new Date());
    this.device = addDevice(data);
    this.server = await startServer(data, openSync(join(this.folder, 'server.log'), 'w'));
    this.#ca = readFileSync(this.server.ca!, 'utf8');
    this.sound = SoundCard.start();
    // The emulator dies with this process by itself; the sound server has to be told.
    process.once('exit', this.#silence);
    process.once('SIGTERM', this.#leave);
    run('cp', ['--sparse=always', this.#image, this.card]);
    this.#boot = takeBootFiles(this.card, this.folder);
    inject(this.card, {
      deviceId: this.device.deviceId,
      apiKey: readFileSync(this.device.keyFile, 'utf8').trim(),
      board: `${VISIT_FOLDER}/profile.json`,
      server: this.server.url.replace(/\/\/[^:/]+/, `//${HOST_AS_GUEST_SEES_IT}`),
    });
  }

  /** A fresh copy of the card, as it came out of the flasher. @returns its path */
  freshCard(): string {
    const overlay = join(this.folder, `card-${++this.#serial}.qcow2`);
    makeOverlay(this.card, overlay, CARD_BYTES);
    return overlay;
  }

  /** Another card with all that this one holds, snapshots as well. */
  copyOf(overlay: string): string {
    const copy = join(this.folder, `card-${++this.#serial}.qcow2`);
    run('cp', ['--sparse=always', '--reflink=auto', overlay, copy]);
    return copy;
  }

  /** What a card held at a snapshot, byte by byte. @returns its path */
  contentOf(overlay: string, snapshot: string): string {
    const raw = join(this.folder, `content-${++this.#serial}.img`);
    run('qemu-img', ['convert', '-O', 'raw', '-l', `snapshot.name=${snapshot}`, overlay, raw]);
    return raw;
  }

  /** @param before the card's content when the log began. @returns the card as a cut left it, and what that cost */
  cardAfterCut(before: string, log: string, random: Random): { readonly card: string; readonly replay: Replay } {
    const raw = join(this.folder, 'after-cut.img');
    run('cp', ['--sparse=always', before, raw]);
    truncateSync(raw, CARD_BYTES);
    const counts = replay(log, raw, random);
    const card = join(this.folder, 'after-cut.qcow2');
    makeOverlay(raw, card, CARD_BYTES);
    return { card, replay: counts };
  }

  discard(overlay: string): void {
    rmSync(overlay, { force: true });
  }

  /** Plugs the power in. */
  async powerUp(card: string, more: Pick<MachineOptions, 'snapshot' | 'writeLog'> = {}): Promise<BootedPhone> {
    const folder = join(this.folder, `machine-${++this.#serial}`);
    mkdirSync(folder);
    const machine = await Machine.start({
      boot: this.#boot,
      card,
      folder,
      ...more,
      soundServer: this.sound.env,
      visit: visitParts({
        files: { ...BOARD_FILES, 'ca.pem': this.#ca },
        dropIns: { 'bestday-phone.service': TRUST, 'bestday-phone-self-test.service': TRUST },
      }),
    });
    this.#machines.push(machine);
    return new BootedPhone(machine);
  }

  async stop(): Promise<void> {
    for (const machine of this.#machines.splice(0)) await machine.cutPower();
    await this.server?.stop();
    process.off('exit', this.#silence);
    process.off('SIGTERM', this.#leave);
    this.sound?.stop();
    if (existsSync(this.folder) && process.env['BESTDAY_BOOT_KEEP'] === undefined)
      rmSync(this.folder, { recursive: true, force: true });
  }
}
