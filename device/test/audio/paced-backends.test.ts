import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { openAudio } from '../../src/audio/backends.ts';
import { AudioError, type AudioSink } from '../../src/audio/ports.ts';
import { WavWriter, readWav } from '../../../common/src/audio/wav.ts';
import { silentLog, type LogFields } from '../../../common/src/system/log.ts';
import { amplitudeAt, ramp } from '../../../test/lib/signals.ts';
import { joined } from '../../../test/lib/sound.ts';

class Ear implements AudioSink {
  readonly captured: Int16Array[] = [];
  rendered = 0;

  capture(frame: Int16Array): void {
    this.captured.push(frame);
  }

  render(into: Int16Array): void {
    into.set(ramp(320, 320 * this.rendered++));
  }

  failed(error: AudioError): void {
    throw error;
  }
}

describe('sound without a card, in virtual time', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bestday-paced-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('null: a silent frame each way every 20 ms, and nothing after close', async () => {
    const clock = new VirtualClock();
    const ear = new Ear();
    const audio = await openAudio('null', ear, { clock, log: silentLog });
    clock.advance(30 * 60_000);
    await audio.close();
    clock.advance(1000);
    assert.equal(ear.captured.length, 30 * 60 * 50);
    assert.equal(ear.rendered, 30 * 60 * 50);
    assert.ok(ear.captured.every((frame) => frame.length === 320));
    assert.equal(clock.pending, 0);
  });

  it('tone: 440 Hz at −20 dBFS without a seam, and what is heard is measured', async () => {
    const clock = new VirtualClock();
    const ear = new Ear();
    const said: [string, LogFields | undefined][] = [];
    const log = {
      ...silentLog,
      info: (event: string, fields?: LogFields) => {
        said.push([event, fields]);
      },
    };
    const audio = await openAudio('tone', ear, { clock, log });
    clock.advance(2000);
    await audio.close();
    assert.ok(Math.abs(amplitudeAt(joined(ear.captured), 440) - 3277) < 2);
    assert.equal(said[0]?.[0], 'audio.tone-heard');
    assert.equal(said[0]?.[1]?.['frames'], 100);
  });

  it('file: speaks the input once, says so, then is silent; writes what it hears', async () => {
    const [inputFile, outputFile] = [join(folder, 'in.wav'), join(folder, 'out.wav')];
    const input = new WavWriter(inputFile);
    input.write(ramp(1000, 1));
    input.close();
    const clock = new VirtualClock();
    const ear = new Ear();
    let ended = 0;
    const audio = await openAudio('file', ear, {
      clock,
      log: silentLog,
      inputFile,
      outputFile,
      inputEnded: () => {
        ended++;
      },
    });
    clock.advance(80);
    assert.equal(ended, 0);
    clock.advance(920);
    await audio.close();
    assert.equal(ended, 1);
    assert.deepEqual(joined(ear.captured).subarray(0, 1000), ramp(1000, 1));
    assert.ok(
      joined(ear.captured)
        .subarray(1000)
        .every((sample) => sample === 0),
    );
    assert.deepEqual(readWav(outputFile), ramp(50 * 320));
  });

  it('file: speaks the input over and over when asked to, and never says that it ended', async () => {
    const inputFile = join(folder, 'loop.wav');
    const input = new WavWriter(inputFile);
    input.write(ramp(640, 1));
    input.close();
    const clock = new VirtualClock();
    const ear = new Ear();
    const audio = await openAudio('file', ear, {
      clock,
      log: silentLog,
      inputFile,
      inputRepeat: 'forever',
      inputEnded: () => assert.fail('it ended'),
    });
    clock.advance(120);
    await audio.close();
    assert.deepEqual(joined(ear.captured), Int16Array.from([...ramp(640, 1), ...ramp(640, 1), ...ramp(640, 1)]));
  });

  it('file: an input of another kind is refused before anything starts', async () => {
    const inputFile = join(folder, 'bad.wav');
    writeFileSync(inputFile, 'not a wav');
    const clock = new VirtualClock();
    const opening = openAudio('file', new Ear(), {
      clock,
      log: silentLog,
      inputFile,
      outputFile: join(folder, 'out.wav'),
    });
    await assert.rejects(
      opening,
      (error) => error instanceof AudioError && error.fault === 'bad-file' && error.message.includes('bad.wav'),
    );
    assert.equal(clock.pending, 0);
  });
});
