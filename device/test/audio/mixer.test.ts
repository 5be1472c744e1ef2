import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, dirname } from 'node:path';
import { promisify } from 'node:util';
import { Mixer } from '../../src/audio/mixer.ts';
import { silentLog } from '../../../common/src/system/log.ts';
import { SoundCard } from '../../../test/lib/sound-card.ts';

const MIXER = {
  card: 'phone',
  controls: [
    { name: 'Speaker', value: '85%' },
    { name: 'Mic', value: '80%' },
    { name: 'Left Mixer', value: 'on' },
  ],
};

/** What amixer is run with. @param refuses arguments that fail */
function recorded(refuses: RegExp = /^$/): { seen: string[]; mixer: Mixer } {
  const seen: string[] = [];
  const mixer = new Mixer(MIXER, silentLog, (argumentsOf) => {
    const line = argumentsOf.slice(3).join(' ');
    seen.push(line);
    return refuses.test(line) ? Promise.reject(new Error('amixer: Unable to find simple control')) : Promise.resolve();
  });
  return { seen, mixer };
}

describe("the card's mixer", () => {
  it('is set control by control, and a control that is not there is passed over', async () => {
    const { seen, mixer } = recorded(/Speaker/);
    await mixer.set();
    assert.deepEqual(seen, ['sset Speaker 85% unmute cap', 'sset Mic capture 80% cap', 'sset Left Mixer on']);
  });

  it('sets a microphone that has no capture side of its own as a whole', async () => {
    const { seen, mixer } = recorded(/capture/);
    await mixer.set();
    assert.ok(seen.includes('sset Mic 80% unmute cap'));
  });

  it('is set again when asked again, also while it runs', async () => {
    const { seen, mixer } = recorded();
    await Promise.all([mixer.set(), mixer.set(), mixer.set()]);
    assert.equal(seen.length, 6);
    await mixer.set();
    assert.equal(seen.length, 9);
  });

  it('turns the microphone by steps within bounds, and a card that is plugged again gets it as turned', async () => {
    const { seen, mixer } = recorded();
    assert.deepEqual(
      [await mixer.turnMicrophone(1), await mixer.turnMicrophone(1), await mixer.turnMicrophone(1)],
      [true, true, false],
    );
    seen.length = 0;
    await mixer.set();
    assert.ok(seen.includes('sset Mic capture 100% cap'));
    while (await mixer.turnMicrophone(-1));
    assert.equal(seen.at(-1), 'sset Mic capture 20% cap');
  });

  it('says that it cannot turn a microphone whose control is not there', async () => {
    assert.equal(await recorded(/Mic/).mixer.turnMicrophone(1), false);
  });

  it('is left alone where the profile names none', async () => {
    const mixer = new Mixer(undefined, silentLog, () => assert.fail('amixer was run'));
    await mixer.set();
    assert.equal(await mixer.turnMicrophone(1), false);
  });
});

describe('the mixer of a card made of software', function realMixer() {
  this.timeout(30_000);
  let card: SoundCard;
  let env: NodeJS.ProcessEnv;

  before(function start() {
    card = SoundCard.startOrSkip(this);
    // amixer sees a card called `phone` whose two controls are the sound server's.
    env = { ...card.env, ALSA_CONFIG_PATH: join(dirname(card.env['ALSA_CONFIG_PATH']!), 'mixer.conf') };
    writeFileSync(
      env['ALSA_CONFIG_PATH']!,
      'ctl.hw { @args [ CARD ] @args.CARD { type string } type pulse }\nctl.!default { type pulse }\n',
    );
  });
  after(() => card?.stop());

  const pactl = (...args: string[]): string => execFileSync('pactl', args, { env, encoding: 'utf8' });

  it('opens a microphone and a speaker that the card remembered as muted and turned down', async () => {
    pactl('set-source-mute', 'micfeed.monitor', '1');
    pactl('set-source-volume', 'micfeed.monitor', '5%');
    pactl('set-sink-mute', 'spk', '1');
    const controls = [
      { name: 'Master', value: '85%' },
      { name: 'Capture', value: '75%' },
    ];
    const mixer = new Mixer({ card: 'phone', controls }, silentLog, (argumentsOf) =>
      promisify(execFile)('amixer', argumentsOf, { env }),
    );
    await mixer.set();
    assert.match(pactl('get-source-mute', 'micfeed.monitor'), /no/);
    assert.match(pactl('get-source-volume', 'micfeed.monitor'), /75%/);
    assert.match(pactl('get-sink-mute', 'spk'), /no/);
    assert.match(pactl('get-sink-volume', 'spk'), /85%/);
  });
});
