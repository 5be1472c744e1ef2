import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FRAME_SAMPLES } from '../../../protocol/src/index.ts';
import { loadCodecs, type CodecFactory, type CodecLoaders } from '../../src/codec/codecs.ts';
import { loadNativeOpus } from '../../src/codec/opus-native.ts';
import { hasLbrr } from '../../src/codec/opus-packet.ts';
import { CodecError } from '../../src/codec/ports.ts';
import { silentLog } from '../../src/system/log.ts';
import { framesOf } from '../../src/audio/framer.ts';
import { joined, rms, roughness } from '../../../test/lib/sound.ts';
import { speech } from '../../../test/lib/speech.ts';

const WITH_FEC = { bitrate: 32_000, inbandFec: true, expectedLoss: 10 };
const FULL: CodecLoaders = { native: loadNativeOpus, wasm: () => import('libopus-wasm') };
const missing = () => {
  throw new CodecError('not-installed', 'taken away by the test');
};

/** Signal over difference, dB. */
function snr(reference: Int16Array, other: Int16Array): number {
  return (
    20 * Math.log10(rms(reference) / Math.max(1e-9, rms(reference.map((sample, index) => sample - other[index]!))))
  );
}

const MACHINES: { name: string; loaders: CodecLoaders; opus: boolean; fec: boolean; describe: RegExp }[] = [
  {
    name: 'both bindings',
    loaders: FULL,
    opus: true,
    fec: true,
    describe: /^encode @discordjs\/opus, decode libopus-wasm \(libopus 1/,
  },
  {
    name: 'no native part',
    loaders: { ...FULL, native: missing },
    opus: true,
    fec: true,
    describe: /^encode libopus-wasm .*, decode libopus-wasm/,
  },
  {
    name: 'no WebAssembly',
    loaders: { ...FULL, wasm: async () => missing() },
    opus: true,
    fec: false,
    describe: /^encode @discordjs\/opus, decode @discordjs\/opus, without FEC$/,
  },
  {
    name: 'neither',
    loaders: { native: missing, wasm: async () => missing() },
    opus: false,
    fec: false,
    describe: /^pcm only/,
  },
];

for (const { name, loaders, opus, fec, describe: expected } of MACHINES) {
  describe(`codecs with ${name}`, () => {
    let codecs: CodecFactory;

    before(async () => {
      codecs = await loadCodecs(silentLog, loaders);
    });

    it('says what serves', () => {
      assert.match(codecs.describe(), expected);
      assert.deepEqual(codecs.available, opus ? ['opus', 'pcm'] : ['pcm']);
    });

    it('carries PCM through unchanged', () => {
      const frame = framesOf(speech())[80]!;
      assert.deepEqual(codecs.decoder('pcm').decode(codecs.encoder('pcm').encode(frame)), frame);
    });

    if (!opus) {
      it('says that Opus is not there, and what to do', () => {
        assert.throws(() => codecs.encoder('opus'), { name: 'CodecError', fault: 'not-installed' });
        assert.throws(() => codecs.decoder('opus'), { name: 'CodecError', fault: 'not-installed' });
      });
      return;
    }

    it('carries speech through Opus', () => {
      const encoder = codecs.encoder('opus');
      const decoder = codecs.decoder('opus');
      const pcm = speech();
      const packets = framesOf(pcm).map((frame) => encoder.encode(frame));
      const decoded = joined(packets.map((packet) => decoder.decode(packet)));
      const bitrate = (packets.reduce((sum, packet) => sum + packet.length, 0) * 8) / (packets.length * 0.02);
      assert.ok(bitrate > 20_000 && bitrate < 40_000, `${bitrate} bit/s`);
      const best = Math.max(
        ...Array.from({ length: 400 }, (_, delay) => snr(pcm.subarray(0, pcm.length - delay), decoded.subarray(delay))),
      );
      assert.ok(best > 3, `${best} dB at the best delay`);
      encoder.close();
      decoder.close();
    });

    it('carries a copy of the frame before when asked to, and none when not', () => {
      const encoder = codecs.encoder('opus', WITH_FEC);
      const share = (list: Int16Array[]) =>
        list.map((frame) => encoder.encode(frame)).filter(hasLbrr).length / list.length;
      assert.ok(share(framesOf(speech())) > 0.5);
      encoder.tune({ bitrate: 32_000, inbandFec: false, expectedLoss: 0 });
      // One more was already made.
      encoder.encode(new Int16Array(FRAME_SAMPLES));
      assert.equal(share(framesOf(speech())), 0);
      encoder.close();
    });

    it('changes its tuning without a click', () => {
      const encoder = codecs.encoder('opus');
      const decoder = codecs.decoder('opus');
      const tone = Int16Array.from({ length: 32_000 }, (_, at) =>
        Math.round(8_000 * Math.sin((2 * Math.PI * 200 * at) / 16_000)),
      );
      const out = joined(
        framesOf(tone).map((frame, index) => {
          if (index % 8 === 0)
            encoder.tune(index % 16 === 0 ? WITH_FEC : { bitrate: 24_000, inbandFec: false, expectedLoss: 0 });
          return decoder.decode(encoder.encode(frame));
        }),
      );
      assert.ok(roughness(out.subarray(3_200)) < 1_000, `roughness ${roughness(out.subarray(3_200))}`);
    });

    const sizes = [0, 1, 160, 319, 321, 640, 960, 2_880];
    for (const size of sizes) {
      it(`refuses to encode ${size} samples`, () => {
        for (const codec of ['opus', 'pcm'] as const) {
          const encoder = codecs.encoder(codec);
          assert.throws(() => encoder.encode(new Int16Array(size)), { name: 'CodecError', fault: 'wrong-size' });
          encoder.close();
        }
      });
    }

    it('refuses to encode what is no Int16Array, though the length be right', () => {
      const encoder = codecs.encoder('opus');
      for (const bad of [Buffer.alloc(320), new Float32Array(320), [], undefined]) {
        assert.throws(() => encoder.encode(bad as never), { name: 'CodecError', fault: 'wrong-size' });
      }
      encoder.close();
    });

    const garbage = [
      { name: 'nothing', packet: [] },
      { name: '60 ms', packet: [0x58, 1, 2, 3] },
      { name: 'stereo', packet: [0x4c, 1, 2, 3] },
      { name: 'two frames in an odd number of bytes', packet: [0x41, 1] },
      { name: 'code 3 without its count', packet: [0x4b] },
    ];
    for (const row of garbage) {
      it(`calls ${row.name} garbage`, () => {
        const decoder = codecs.decoder('opus');
        assert.throws(() => decoder.decode(Uint8Array.from(row.packet)), { name: 'CodecError', fault: 'garbage' });
        assert.equal(decoder.recover(Uint8Array.from(row.packet)), undefined);
        decoder.close();
      });
    }

    it('answers any bytes with 320 samples or a CodecError', () => {
      const decoder = codecs.decoder('opus');
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(0x48, 0x78, 0x98, undefined), (bytes, toc) => {
          if (toc !== undefined && bytes.length > 0) bytes[0] = toc;
          for (const call of [() => decoder.decode(bytes), () => decoder.recover(bytes), () => decoder.conceal()]) {
            try {
              assert.ok([undefined, FRAME_SAMPLES].includes(call()?.length));
            } catch (error) {
              assert.ok(error instanceof CodecError && error.fault === 'garbage', String(error));
            }
          }
        }),
        { numRuns: 2_000 },
      );
      decoder.close();
    });

    it('conceals 20 ms, also before the first packet', () => {
      const decoder = codecs.decoder('opus');
      assert.equal(decoder.conceal().length, FRAME_SAMPLES);
      decoder.close();
    });

    it(fec ? 'recovers a lost frame from the next packet' : 'does not pretend to recover', () => {
      const encoder = codecs.encoder('opus', WITH_FEC);
      const packets = framesOf(speech()).map((frame) => encoder.encode(frame));
      const [recovering, concealing, clean] = [codecs.decoder('opus'), codecs.decoder('opus'), codecs.decoder('opus')];
      let [recoveredDb, concealedDb, lost] = [0, 0, 0];
      for (const [index, packet] of packets.entries()) {
        const truth = clean.decode(packet);
        const next = packets[index + 1];
        if (index % 8 !== 4 || next === undefined || !hasLbrr(next)) {
          recovering.decode(packet);
          concealing.decode(packet);
          continue;
        }
        const recovered = recovering.recover(next);
        if (!fec) return assert.equal(recovered, undefined);
        recoveredDb += snr(truth, recovered!);
        concealedDb += snr(truth, concealing.conceal());
        lost++;
      }
      assert.ok(
        lost > 20 && recoveredDb / lost > concealedDb / lost + 2,
        `${recoveredDb / lost} dB recovered, ${concealedDb / lost} dB concealed`,
      );
    });

    it('serves no one after close, and close may come twice', () => {
      const encoder = codecs.encoder('opus');
      const decoder = codecs.decoder('opus');
      for (const each of [encoder, decoder, encoder, decoder]) each.close();
      assert.throws(() => encoder.encode(new Int16Array(FRAME_SAMPLES)), { fault: 'closed' });
      assert.throws(() => decoder.conceal(), { fault: 'closed' });
    });

    it('starts each instance as new, though it be a used one', () => {
      const packetsOf = () => {
        const encoder = codecs.encoder('opus');
        const list = framesOf(speech())
          .slice(20, 40)
          .map((frame) => Buffer.from(encoder.encode(frame)).toString('hex'));
        encoder.close();
        return list;
      };
      assert.deepEqual(packetsOf(), packetsOf());
    });

    it('does not grow with the conversations it served', async () => {
      const once = async () => {
        for (let each = 0; each < 50; each++) {
          await codecs.prepare(1);
          const encoder = codecs.encoder('opus');
          const decoder = codecs.decoder('opus');
          encoder.encode(new Int16Array(FRAME_SAMPLES));
          decoder.conceal();
          encoder.close();
          decoder.close();
        }
      };
      await once();
      const before = process.memoryUsage.rss();
      for (let each = 0; each < 10; each++) await once();
      const grownMb = (process.memoryUsage.rss() - before) / 2 ** 20;
      assert.ok(grownMb < 16, `${grownMb.toFixed(1)} MB for 500 conversations; leaked instances would be 33 and more`);
    });
  });
}

describe('codecs, one beside the other', () => {
  it('the two decoders agree, bit for bit, on what arrives', async () => {
    const [full, native] = [
      await loadCodecs(silentLog),
      await loadCodecs(silentLog, { ...FULL, wasm: async () => missing() }),
    ];
    const encoder = full.encoder('opus');
    const [one, other] = [full.decoder('opus'), native.decoder('opus')];
    for (const frame of framesOf(speech())) {
      const packet = encoder.encode(frame);
      assert.deepEqual(other.decode(packet), one.decode(packet));
    }
  });

  it('more instances at once than are in stock is an error that names the remedy, and prepare() is the remedy', async () => {
    const codecs = await loadCodecs(silentLog);
    assert.throws(() => Array.from({ length: 9 }, () => codecs.decoder('opus')), /prepare/);
    await codecs.prepare(20);
    for (let each = 0; each < 20; each++) codecs.decoder('opus').close();
  });
});
