import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../../common/src/time/clock.ts';
import { openAudio, type OpenAudio } from '../../src/audio/backends.ts';
import { AudioError, type AudioBackendName, type AudioSink } from '../../src/audio/ports.ts';
import { childCommand } from '../../src/audio/process/spawn.ts';
import { silentLog } from '../../../common/src/system/log.ts';
import { needs } from '../../../test/lib/skip.ts';
import { SoundCard } from '../../../test/lib/sound-card.ts';

const SINK: AudioSink = { capture() {}, render: (into) => into.fill(0), failed() {} };
const CHILD_WITHOUT = fileURLToPath(new URL('child-without.ts', import.meta.url));

describe('native sound parts that are missing, on a sound card made of software', function missingParts() {
  this.timeout(20_000);
  this.slow(5000);
  this.retries(2);
  let card: SoundCard;
  let folder: string;
  let audio: OpenAudio | undefined;

  before(function start() {
    card = SoundCard.startOrSkip(this);
    folder = mkdtempSync(join(tmpdir(), 'bestday-path-'));
    symlinkSync(execFileSync('sh', ['-c', 'command -v arecord'], { encoding: 'utf8' }).trim(), join(folder, 'arecord'));
  });
  after(() => {
    card?.stop();
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });
  afterEach(async () => {
    await audio?.close();
    audio = undefined;
  });

  /** @param without packages that are not there @param env what else is different */
  async function open(
    choice: 'auto' | AudioBackendName,
    without: string,
    env: NodeJS.ProcessEnv = {},
  ): Promise<OpenAudio> {
    const args = [...childCommand().args.slice(0, -1), CHILD_WITHOUT];
    return (audio = await openAudio(
      choice,
      SINK,
      { clock: systemClock, log: silentLog },
      card.spawner({ BESTDAY_WITHOUT: without, ...env }, args),
      () => true,
    ));
  }

  it('where it can be told beforehand that naudiodon is missing, no process is started to find out', async () => {
    const started: string[] = [];
    const spawn = card.spawner({});
    audio = await openAudio(
      'auto',
      SINK,
      { clock: systemClock, log: silentLog },
      (job, events) => {
        started.push(job.backend);
        return spawn(job, events);
      },
      () => false,
    );
    assert.deepEqual([audio.backend, started], ['alsa', ['alsa']]);
  });

  it('without naudiodon ALSA takes over, and it is said why', async () => {
    const opened = await open('auto', 'naudiodon');
    assert.equal(opened.backend, 'alsa');
    assert.equal(opened.passedOver[0]?.backend, 'portaudio');
    assert.match(opened.passedOver[0]?.why ?? '', /naudiodon.*apt install libportaudio2/);
  });

  it('without naudiodon and alsa-utils there is silence, and both reasons', async () => {
    const opened = await open('auto', 'naudiodon,speaker', { PATH: '' });
    assert.equal(opened.backend, 'null');
    assert.deepEqual(
      opened.passedOver.map(({ backend }) => backend),
      ['portaudio', 'alsa'],
    );
    assert.match(opened.passedOver[1]?.why ?? '', /apt install alsa-utils/);
  });

  it('without node-record-lpcm16 arecord is started all the same', async () => {
    assert.match((await open('alsa', 'node-record-lpcm16')).description, /arecord/);
  });

  it('without aplay and speaker ALSA is not opened, and what to install is said', async () => {
    await assert.rejects(
      open('alsa', 'speaker', { PATH: folder }),
      (error) => error instanceof AudioError && error.fault === 'not-installed' && /alsa-utils/.test(error.message),
    );
  });

  describe('and with the package speaker', () => {
    before(function needsSpeaker() {
      needs(this, 'speaker');
    });

    it('without aplay speaker plays', async () => {
      assert.match((await open('alsa', '', { PATH: folder })).description, /→ speaker/);
    });

    it('which aborts its process when ALSA has no default device: only the child dies', async () => {
      const configuration = join(folder, 'no-default.conf');
      writeFileSync(configuration, '');
      await assert.rejects(open('alsa', '', { PATH: folder, ALSA_CONFIG_PATH: configuration }), AudioError);
    });
  });
});
