import assert from 'node:assert/strict';
import { seededRandom } from '../../src/time/random.ts';
import { loadCodecs, type CodecFactory } from '../../src/codec/codecs.ts';
import { hasLbrr } from '../../src/codec/opus-packet.ts';
import { LearnedComfortNoise } from '../../src/concealment/comfort-noise.ts';
import { newFrameCounters } from '../../src/concealment/frame-counters.ts';
import { Ladder } from '../../src/concealment/ladder.ts';
import { silentLog } from '../../src/system/log.ts';
import { framesOf } from '../../src/audio/framer.ts';
import { dbfs, joined, longestFlat, roughness } from '../../../test/lib/sound.ts';
import { speech } from '../../../test/lib/speech.ts';

/** The ladder over real speech and the real codec, beside libopus alone on the same packets. */
describe('Ladder over Opus', () => {
  let codecs: CodecFactory;
  let packets: Uint8Array[];

  before(async () => {
    codecs = await loadCodecs(silentLog);
    await codecs.prepare(20);
    const encoder = codecs.encoder('opus', { bitrate: 32_000, inbandFec: true, expectedLoss: 10 });
    packets = framesOf(speech()).map((frame) => encoder.encode(frame));
  });

  /** What is heard when the frames that `lost` names are lost. */
  function heard(lost: (index: number) => boolean): {
    out: Int16Array[];
    counters: ReturnType<typeof newFrameCounters>;
  } {
    const counters = newFrameCounters();
    const ladder = new Ladder({
      decoder: codecs.decoder('opus'),
      comfortNoise: new LearnedComfortNoise(seededRandom(1)),
      counters,
    });
    const out = packets.map((packet, index) =>
      lost(index) ? ladder.missing(lost(index + 1) ? undefined : packets[index + 1]) : ladder.received(packet),
    );
    return { out, counters };
  }

  /** The same through libopus alone. */
  function plain(lost: (index: number) => boolean): Int16Array[] {
    const decoder = codecs.decoder('opus');
    return packets.map((packet, index) => {
      const next = lost(index + 1) ? undefined : packets[index + 1];
      if (!lost(index)) return decoder.decode(packet);
      return next && hasLbrr(next) ? decoder.recover(next)! : decoder.conceal();
    });
  }

  it("gives nothing away when nothing is lost: every sample after the first 10 ms is libopus'", () => {
    const { out } = heard(() => false);
    plain(() => false).forEach((frame, index) => {
      const from = index === 0 ? 160 : 0;
      assert.deepEqual(out[index]!.subarray(from), frame.subarray(from));
    });
  });

  it('recovers and conceals sample for sample as libopus does, up to 80 ms', () => {
    // Single frames, and a gap of four: three concealed, the last recovered.
    const lost = (index: number) => index % 25 === 10 || (index % 25 >= 17 && index % 25 <= 20);
    const { out } = heard(lost);
    plain(lost).forEach((frame, index) => {
      if (index > 0) assert.deepEqual(out[index], frame, `frame ${index}`);
    });
  });

  for (const gap of [1, 2, 3, 5, 8, 20]) {
    it(`goes through gaps of ${gap} frames of speech without a click or silence`, () => {
      const lost = (index: number) => index > 5 && index % 40 < gap;
      const { out, counters } = heard(lost);
      const all = joined(out);
      // Speech is rough by itself, and what libopus recovers of a fricative is too.
      const natural = Math.max(roughness(joined(plain(() => false))), roughness(joined(plain(lost))));
      assert.ok(roughness(all) <= natural * 1.1, `${roughness(all)} against ${natural}`);
      assert.ok(longestFlat(all) < 80);
      for (const frame of out) assert.ok(dbfs(frame) > -80);
      assert.equal(
        counters.played + counters.recoveredByFec + counters.concealed + counters.comfortNoise,
        packets.length,
      );
    });
  }

  it('recovers four of five frames of independent loss', () => {
    const random = seededRandom(8);
    const gone = packets.map(() => random() < 0.05);
    const { counters } = heard((index) => gone[index] === true);
    assert.ok(counters.recoveredByFec / (counters.recoveredByFec + counters.concealed) > 0.7, JSON.stringify(counters));
  });
});
