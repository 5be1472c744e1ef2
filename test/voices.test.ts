import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { FRAME_SAMPLES, SAMPLE_RATE } from '../protocol/src/index.ts';

const ROOT = new URL('../', import.meta.url);
const FOLDERS = [
  { path: 'server-stub/voices/companion/', manifest: 'clips.json' },
  { path: 'server-stub/voices/caller/', manifest: 'clips.json' },
  { path: 'device/prompts/en/', manifest: 'prompts.json' },
];
const ROLES = ['apology', 'farewell', 'filler', 'greeting', 'question', 'reply'];
const WAV_HEADER_BYTES = 44;
/** −40 dBFS in a 20 ms frame: speech, not room noise. */
const SPEECH_RMS = 0.01;

interface Clip {
  readonly id: string;
  readonly file: string;
  readonly text: string;
  readonly role?: string;
}

function clipsOf({ path, manifest }: (typeof FOLDERS)[number]): Clip[] {
  return JSON.parse(readFileSync(new URL(path + manifest, ROOT), 'utf8')) as Clip[];
}

for (const folder of FOLDERS) {
  const clips = clipsOf(folder);

  describe(`the voice in ${folder.path}`, () => {
    it('has a recording for each line of its list, and no others', () => {
      const recordings = readdirSync(new URL(folder.path, ROOT)).filter((name) => name.endsWith('.wav'));
      assert.deepEqual(clips.map(({ file }) => file).sort(), recordings.sort());
      assert.equal(new Set(clips.map(({ id }) => id)).size, clips.length);
    });

    for (const { id, file } of clips) {
      it(`is level, clean and as long as a sentence: ${id}`, () => {
        const samples = samplesOf(folder.path + file);
        const seconds = samples.length / SAMPLE_RATE;
        assert.ok(seconds >= 2 && seconds <= 7, `${seconds} s`);
        assert.ok(peakOf(samples) <= 10 ** (-3 / 20), `peak ${peakOf(samples)}`);
        assert.ok(Math.abs(meanOf(samples)) < 0.001, `DC ${meanOf(samples)}`);
        const levelDb = speechLevelDb(samples);
        assert.ok(levelDb > -22 && levelDb < -17, `speech at ${levelDb} dBFS`);
        const margins = [samples.subarray(0, SAMPLE_RATE / 10), samples.subarray(-SAMPLE_RATE / 10)];
        for (const margin of margins) assert.ok(peakOf(margin) < 0.003, 'an end is not quiet');
      });
    }
  });
}

describe('the companion', () => {
  it('has something to say in every role', () => {
    const roles = clipsOf(FOLDERS[0]!).map(({ role }) => role);
    assert.deepEqual([...new Set(roles)].sort(), ROLES);
  });

  it('never tests anybody’s memory', () => {
    for (const { text } of clipsOf(FOLDERS[0]!))
      assert.doesNotMatch(text, /remember|recall|forget|forgot|told me|already/i);
  });
});

describe('the demonstration’s caller', () => {
  const samples = samplesOf('device/demo/caller.wav');

  it('is one side of a whole conversation: four turns, with room for the greeting and each answer, in little over a minute', () => {
    const turns = turnsOf(samples);
    assert.equal(turns.length, 4);
    assert.ok(turns[0]!.startS >= 8, `first words at ${turns[0]!.startS} s`);
    for (const [index, { endS }] of turns.entries()) {
      const nextS = turns[index + 1]?.startS ?? samples.length / SAMPLE_RATE;
      assert.ok(nextS - endS >= 9, `${nextS - endS} s for the answer to turn ${index + 1}`);
    }
    assert.ok(samples.length / SAMPLE_RATE <= 65);
  });

  it('speaks when its script says so', () => {
    const script = JSON.parse(readFileSync(new URL('device/demo/caller.json', ROOT), 'utf8')) as {
      atMs: number;
      untilMs: number;
    }[];
    const turns = turnsOf(samples);
    assert.equal(script.length, turns.length);
    for (const [index, { atMs, untilMs }] of script.entries()) {
      assert.ok(
        Math.abs(turns[index]!.startS * 1000 - atMs) < 200,
        `turn ${index + 1} starts at ${turns[index]!.startS} s`,
      );
      assert.ok(
        Math.abs(turns[index]!.endS * 1000 - untilMs) < 200,
        `turn ${index + 1} ends at ${turns[index]!.endS} s`,
      );
    }
  });

  it('sits in a room: its pauses are faint noise, never digital silence', () => {
    const quiet = samples.subarray(0, 5 * SAMPLE_RATE);
    const levelDb = 20 * Math.log10(rmsOf(quiet));
    assert.ok(levelDb > -66 && levelDb < -54, `room at ${levelDb} dBFS`);
    for (let at = 0; at + FRAME_SAMPLES <= samples.length; at += FRAME_SAMPLES) {
      assert.ok(rmsOf(samples.subarray(at, at + FRAME_SAMPLES)) > 1e-4, `silence at sample ${at}`);
    }
  });
});

/** 16 kHz mono 16-bit samples, −1 … 1; anything else in the header fails the test. */
function samplesOf(path: string): Float32Array {
  const data = readFileSync(new URL(path, ROOT));
  const format = {
    code: data.readUInt16LE(20),
    channels: data.readUInt16LE(22),
    rate: data.readUInt32LE(24),
    bits: data.readUInt16LE(34),
  };
  assert.deepEqual(format, { code: 1, channels: 1, rate: SAMPLE_RATE, bits: 16 }, path);
  assert.equal(data.toString('latin1', 36, 40), 'data', `${path}: a WAV header of ${WAV_HEADER_BYTES} bytes`);
  const samples = new Float32Array((data.length - WAV_HEADER_BYTES) / 2);
  return samples.map((_, index) => data.readInt16LE(WAV_HEADER_BYTES + 2 * index) / 32_768);
}

function rmsOf(samples: Float32Array): number {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

function meanOf(samples: Float32Array): number {
  return samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
}

function peakOf(samples: Float32Array): number {
  return samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
}

function levelsOf(samples: Float32Array): number[] {
  return Array.from({ length: Math.floor(samples.length / FRAME_SAMPLES) }, (_, index) =>
    rmsOf(samples.subarray(index * FRAME_SAMPLES, (index + 1) * FRAME_SAMPLES)),
  );
}

/** Mean power of the frames that hold speech: within 2 dB of ITU-T P.56 on these clips. */
function speechLevelDb(samples: Float32Array): number {
  const speech = levelsOf(samples).filter((rms) => rms > SPEECH_RMS);
  return 10 * Math.log10(speech.reduce((sum, rms) => sum + rms * rms, 0) / speech.length);
}

/** Stretches of speech with at least 3 s of quiet between them. */
function turnsOf(samples: Float32Array): { startS: number; endS: number }[] {
  const turns: { startS: number; endS: number }[] = [];
  for (const [index, rms] of levelsOf(samples).entries()) {
    if (rms <= SPEECH_RMS) continue;
    const atS = index * 0.02;
    const last = turns.at(-1);
    if (last === undefined || atS - last.endS > 3) turns.push({ startS: atS, endS: atS + 0.02 });
    else last.endS = atS + 0.02;
  }
  return turns;
}
