import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../common/src/time/random.ts';
import { BootBench } from './boot-bench.ts';
import type { BootedPhone } from './booted-phone.ts';
import { Ear } from './ear.ts';
import { IMAGE, skipWithoutMachine } from './obstacle.ts';

/**
 * The plug is pulled at moments that a seed chooses; whatever the card then holds is booted again, and must be a phone
 * that knows who it is and how loud it was, and talks. `BESTDAY_CUTS` (20) and `BESTDAY_SEED` (1) choose others.
 *
 * The card is a mean one: of what it was not yet told to flush it keeps each write or loses it, by chance.
 */
const CUTS = Number(process.env['BESTDAY_CUTS'] ?? 20);
const SEED = Number(process.env['BESTDAY_SEED'] ?? 1);
const BOOT_LIMIT_MS = 300_000;
const CALL_LIMIT_MS = 60_000;
/** The loudness that is set before anything is cut. */
const VOLUME = 3;

/** What goes on when the power fails. */
interface Phase {
  readonly name: string;
  /** A card that was never started, one that was, or a phone that rests (restored, not booted). */
  readonly from: 'new card' | 'used card' | 'resting phone';
  readonly begin: (phone: BootedPhone) => Promise<unknown>;
  /** The cut comes before this. ms */
  readonly withinMs: (bootMs: number) => number;
  /** Loudness that may be found afterwards. */
  readonly volumes: readonly (number | undefined)[];
}

const PHASES: readonly Phase[] = [
  {
    name: 'the first start, with the identity arriving',
    from: 'new card',
    begin: async () => {},
    withinMs: (bootMs) => bootMs,
    volumes: [undefined],
  },
  {
    name: 'a settings write',
    from: 'resting phone',
    begin: (phone) => phone.keepWritingVolumes(),
    withinMs: () => 20_000,
    volumes: [VOLUME, 4, 5],
  },
  { name: 'a call', from: 'resting phone', begin: (phone) => phone.lift(), withinMs: () => 15_000, volumes: [VOLUME] },
  { name: 'a start', from: 'used card', begin: async () => {}, withinMs: (bootMs) => bootMs, volumes: [VOLUME] },
];

describe('the image, after power cuts', function () {
  this.timeout(2 * BOOT_LIMIT_MS + 120_000);
  const random = seededRandom(SEED);
  let bench: BootBench;
  /** Of a phone that was started once, has its volume set, and rests; with the snapshot `ready`. */
  let used: string;
  let usedContent: string;
  let bootMs: number;

  before(async function () {
    skipWithoutMachine(this);
    bench = new BootBench(IMAGE);
    await bench.start();
    used = bench.freshCard();
    const startMs = performance.now();
    const phone = await bench.powerUp(used);
    await phone.untilReady(BOOT_LIMIT_MS);
    bootMs = performance.now() - startMs;
    await phone.machine.shell.run(`bestday-phone volume ${VOLUME}`);
    await phone.until('the volume is kept', 30_000, async () => (await phone.keptVolume()) === VOLUME);
    await phone.machine.qmp.save('ready');
    await phone.machine.cutPower();
    usedContent = bench.contentOf(used, 'ready');
    console.log(`    seed ${SEED}, ${CUTS} cuts; a start takes ${(bootMs / 1_000).toFixed(0)} s here`);
  });
  after(() => bench?.stop());

  for (let cut = 0; cut < CUTS; cut++) {
    const { name, from, begin, withinMs, volumes } = PHASES[cut % PHASES.length]!;
    const share = random();
    it(`boots and talks after a cut during ${name}, at ${(100 * share).toFixed(0)} % of it`, async () => {
      const card = from === 'new card' ? bench.freshCard() : bench.copyOf(used);
      const writeLog = join(bench.folder, 'writes.log');
      const before = await bench.powerUp(card, { writeLog, ...(from === 'resting phone' && { snapshot: 'ready' }) });
      await begin(before);
      await sleep(share * withinMs(bootMs));
      await before.machine.cutPower();
      bench.discard(card);
      const after = bench.cardAfterCut(from === 'new card' ? bench.card : usedContent, writeLog, random);
      console.log(
        `      of what the card was told it kept ${after.replay.kept + after.replay.lucky} writes, ${after.replay.lucky} of them by luck, and lost ${after.replay.lost}`,
      );

      const phone = await bench.powerUp(after.card);
      await phone.untilReady(BOOT_LIMIT_MS);
      assert.equal(await phone.machine.shell.run('ls /run/bestday-phone-image'), '', 'the data partition was lost');
      assert.match(
        (await phone.machine.shell.ask('ls /boot/firmware/bestday')).output,
        /No such file/,
        'the identity was not wiped',
      );
      const kept = await phone.keptVolume();
      assert.ok(volumes.includes(kept), `volume ${kept}, want ${volumes.join(' or ')}`);
      bench.sound.silence();
      const ear = new Ear(bench.sound);
      await sleep(1_500);
      const liftedMs = performance.now();
      await phone.lift();
      await phone.until('the greeting', CALL_LIMIT_MS, async () => ear.voiceSince(liftedMs));
      await phone.machine.cutPower();
    });
  }
});
