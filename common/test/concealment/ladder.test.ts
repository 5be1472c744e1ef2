import assert from 'node:assert/strict';
import fc from 'fast-check';
import { seededRandom } from '../../src/time/random.ts';
import { LearnedComfortNoise, type ComfortNoise } from '../../src/concealment/comfort-noise.ts';
import { newFrameCounters } from '../../src/concealment/frame-counters.ts';
import { Ladder } from '../../src/concealment/ladder.ts';
import { dbfs, joined, longestFlat, roughness, SineDecoder, SMOOTH, toneOverNoise } from '../../../test/lib/sound.ts';

const GOOD = Uint8Array.of(1, 0, 0);
const WITH_FEC = Uint8Array.of(1, 1, 0);
const GARBAGE = Uint8Array.of(0);
const DTX = Uint8Array.of(0x48);

function ladder(decoder = new SineDecoder(), comfortNoise: ComfortNoise = new LearnedComfortNoise(seededRandom(7))) {
  const counters = newFrameCounters();
  return { decoder, counters, ladder: new Ladder({ decoder, comfortNoise, counters }) };
}

/** g received, f lost with FEC in the next, l lost, s stalled, i idle, x garbage, d packet without audio, u the first of a new stream. */
function play(subject: Ladder, script: string): Int16Array[] {
  return [...script].map((step) => {
    switch (step) {
      case 'g':
        return subject.received(GOOD);
      case 'u':
        subject.use(new SineDecoder(30));
        return subject.received(GOOD);
      case 'd':
        return subject.received(DTX);
      case 'x':
        return subject.received(GARBAGE);
      case 'f':
        return subject.missing(WITH_FEC);
      case 'l':
        return subject.missing(GOOD);
      case 's':
        return subject.stalled();
      default:
        return subject.idle();
    }
  });
}

describe('Ladder', () => {
  const rows = [
    { name: 'frames are played', script: 'ggg', played: 3 },
    { name: 'FEC of the next frame makes good', script: 'ggfg', played: 3, recoveredByFec: 1 },
    {
      name: 'of a gap of two, the first is concealed and the second recovered',
      script: 'gglfg',
      played: 3,
      concealed: 1,
      recoveredByFec: 1,
    },
    {
      name: 'concealment lasts 120 ms, then comfort noise',
      script: 'ggllllllll',
      played: 2,
      concealed: 6,
      comfortNoise: 2,
    },
    { name: 'a late frame sounds like a lost one', script: 'ggssssssss', played: 2, concealed: 6, comfortNoise: 2 },
    { name: 'packets without audio are no loss', script: 'ggddddddddgg', played: 12 },
    { name: 'garbage counts as missing', script: 'ggxg', played: 3, concealed: 1 },
    { name: 'idle is comfort noise, not concealment', script: 'ggiii', played: 2, comfortNoise: 3 },
    { name: 'nothing to conceal before the first frame', script: 'llgg', played: 2, comfortNoise: 2 },
    {
      name: 'what is lost after a pause is no reason to bring back what was said before it',
      script: 'ggiilg',
      played: 3,
      comfortNoise: 3,
    },
  ];
  for (const { name, script, ...expected } of rows) {
    it(name, () => {
      const { ladder: subject, counters } = ladder();
      play(subject, script);
      assert.deepEqual(counters, { ...newFrameCounters(), ...expected });
    });
  }

  it('never asks the decoder to conceal and then to recover the same slot', () => {
    const { ladder: subject, decoder } = ladder();
    play(subject, 'gf');
    assert.deepEqual(decoder.calls, ['decode', 'recover']);
  });

  it('tells the decoder of every lost frame, however long the gap, and of no late one beyond its fade', () => {
    const lost = ladder();
    play(lost.ladder, 'gllllllllll');
    assert.equal(lost.decoder.calls.filter((call) => call === 'conceal').length, 10);
    const late = ladder();
    play(late.ladder, 'gssssssssss');
    assert.equal(late.decoder.calls.filter((call) => call === 'conceal').length, 6);
  });

  it('leaves good frames exactly as they were decoded', () => {
    const { ladder: subject } = ladder();
    const reference = new SineDecoder();
    const out = play(subject, 'gggglg').slice(1);
    for (const [index, frame] of out.entries()) {
      if (index === 0) reference.decode(GOOD);
      assert.deepEqual(frame, reference.decode(GOOD), `frame ${index + 1}`);
    }
  });

  it('holds concealment at full level to 80 ms and ends it at 120 ms', () => {
    const { ladder: subject } = ladder();
    const levels = play(subject, 'gggllllllll').map(dbfs);
    const full = levels[2]!;
    for (const index of [3, 4, 5, 6])
      assert.ok(Math.abs(levels[index]! - full) < 0.1, `frame ${index}: ${levels[index]} dB against ${full}`);
    assert.ok(levels[7]! < full - 1 && levels[8]! < levels[7]! - 6, `fades: ${levels.slice(7, 9).join(', ')}`);
    assert.ok(levels[9]! < -56, `comfort noise: ${levels[9]}`);
  });

  it('lets the sound of packets without audio go the way of concealment', () => {
    const levels = play(ladder().ladder, 'gggddddddddgg').map(dbfs);
    assert.ok(Math.abs(levels[5]! - levels[2]!) < 0.1 && levels[9]! < -56 && levels[12]! > -20, levels.join(', '));
  });

  it('puts noise under digital silence', () => {
    const silent = new SineDecoder();
    silent.decode = () => new Int16Array(320);
    const { ladder: subject } = ladder(silent);
    const out = joined(play(subject, 'gggggggggg'));
    assert.ok(longestFlat(out.subarray(320)) < 20);
    assert.ok(dbfs(out.subarray(640)) > -75);
  });

  it('lets that noise come and go gradually', () => {
    const silent = new SineDecoder();
    const { ladder: subject } = ladder(silent, { learn() {}, fill: (into) => void into.fill(1_000) });
    play(subject, 'gggg');
    silent.decode = () => new Int16Array(320);
    const out = joined(play(subject, 'ggg'));
    const steps = [...out].map((sample, index) => Math.abs(sample - (index === 0 ? 0 : out[index - 1]!)));
    assert.equal(out.at(-1), 1_000);
    assert.ok(Math.max(...steps) < 20, `a step of ${Math.max(...steps)}`);
  });

  it('starts a new stream without a click, and takes nothing over from the old one', () => {
    const { ladder: subject, counters } = ladder();
    const before = play(subject, 'iiggggg');
    subject.use(new SineDecoder(30));
    const out = joined([...before, ...play(subject, 'iilliggg')]);
    assert.ok(roughness(out) < SMOOTH, `roughness ${roughness(out)}`);
    assert.equal(counters.concealed, 0);
  });

  it('never clicks, whatever the order of calls', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('g', 'g', 'g', 'f', 'l', 's', 'i', 'x', 'd', 'u'), { minLength: 5, maxLength: 120 }),
        (script) => {
          const { ladder: subject } = ladder();
          const out = joined(play(subject, script.join('')));
          assert.ok(roughness(out) < SMOOTH, `roughness ${roughness(out)}`);
          assert.ok(longestFlat(out) < 80, `flat for ${longestFlat(out)} samples`);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('leaves no tone behind when voice has faded', () => {
    const { ladder: subject } = ladder();
    const out = joined(play(subject, `${'g'.repeat(20)}${'l'.repeat(60)}`)).subarray(28 * 320);
    for (let hz = 100; hz < 8_000; hz += 50)
      assert.ok(toneOverNoise(out, hz) < 20, `${hz} Hz: ${toneOverNoise(out, hz)} dB`);
  });
});
