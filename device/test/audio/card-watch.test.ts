import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { CardWatch, cardLookFor } from '../../src/audio/card-watch.ts';
import { SoundTrouble } from '../../src/audio/sound-trouble.ts';
import { loadBoard } from '../../src/settings/board-profile.ts';

describe('the sound card at rest', () => {
  it('is missed within 15 s of being unplugged, and found again within 15 s', async () => {
    const clock = new VirtualClock();
    const shown: (string | undefined)[] = [];
    const trouble = new SoundTrouble(clock, (what) => {
      if (what !== shown.at(-1)) shown.push(what);
    });
    let missing: string | undefined;
    let back = 0;
    const watch = new CardWatch({
      clock,
      look: () => Promise.resolve(missing),
      resting: () => true,
      onLook: (why) => trouble.report('card', why),
      onBack: () => back++,
    });
    clock.every(1_000, () => trouble.tick());
    await clock.advanceAsync(60_000);
    assert.deepEqual(shown, []);
    missing = "there is no sound card 'phone'";
    await clock.advanceAsync(15_000);
    assert.deepEqual(shown, [missing]);
    missing = undefined;
    await clock.advanceAsync(15_000);
    assert.deepEqual(shown.length, 2);
    assert.equal(shown[1], undefined);
    assert.equal(back, 1);
    watch.stop();
  });

  it('is not looked for while sound is open, nor twice at once', async () => {
    const clock = new VirtualClock();
    let [looks, resting] = [0, false];
    const watch = new CardWatch({
      clock,
      look: () => {
        looks++;
        return new Promise(() => {});
      },
      resting: () => resting,
      onLook: () => assert.fail('nothing was seen'),
      onBack() {},
    });
    await clock.advanceAsync(60_000);
    assert.equal(looks, 0);
    resting = true;
    await clock.advanceAsync(60_000);
    assert.equal(looks, 1);
    watch.stop();
  });

  describe('by the folders of the kernel', () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'bestday-cards-'));
    });
    afterEach(() => rmSync(folder, { recursive: true }));

    const plug = (card: string, id: string): void => {
      mkdirSync(join(folder, card));
      writeFileSync(join(folder, card, 'id'), `${id}\n`);
    };
    const socket = (): string => join(folder, 'pulse.sock');

    it('is there under its name, and no other card will do', async () => {
      const look = cardLookFor(loadBoard('pi-4-usb').profile.sound, socket(), folder)!;
      assert.match((await look()) ?? '', /no sound card 'phone'/);
      plug('card0', 'vc4hdmi');
      assert.match((await look()) ?? '', /no sound card 'phone'/);
      plug('card1', 'phone');
      assert.equal(await look(), undefined);
    });

    it('of a speakerphone needs its sound server too', async () => {
      const look = cardLookFor(loadBoard('pi-4-speakerphone').profile.sound, socket(), folder)!;
      plug('card0', 'phone');
      assert.match((await look()) ?? '', /sound server cannot be reached \(ENOENT\)/);
      const server = createServer().listen(socket());
      assert.equal(await look(), undefined);
      await new Promise((resolve) => {
        server.close(resolve);
      });
    });

    it('is missed where no sound driver is loaded', async () => {
      const look = cardLookFor(loadBoard('pi-4-usb').profile.sound, socket(), join(folder, 'none'))!;
      assert.match((await look()) ?? '', /no sound card/);
    });

    it('is not looked for where the board names none', () =>
      assert.equal(cardLookFor(loadBoard('virtual').profile.sound, socket(), folder), undefined));
  });
});

describe('trouble with the sound', () => {
  it('holds what each source says until that one has been well for a while', async () => {
    const clock = new VirtualClock();
    let shown: string | undefined;
    const trouble = new SoundTrouble(clock, (what) => {
      shown = what;
    });
    trouble.report('microphone', 'it hums');
    trouble.report('stream', 'no card');
    assert.equal(shown, 'it hums; no card');
    trouble.report('stream', undefined);
    assert.equal(shown, 'it hums; no card');
    await clock.advanceAsync(5_000);
    trouble.tick();
    assert.equal(shown, 'it hums');
  });

  it('is one trouble for a card that comes and goes', async () => {
    const clock = new VirtualClock();
    const shown = new Set<string | undefined>();
    const trouble = new SoundTrouble(clock, (what) => shown.add(what));
    for (let second = 0; second < 120; second++) {
      trouble.report('stream', second % 2 === 0 ? `lost, for reason ${second}` : undefined);
      await clock.advanceAsync(1_000);
    }
    assert.deepEqual([...shown], ['lost, for reason 0']);
  });
});
