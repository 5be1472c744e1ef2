import assert from 'node:assert/strict';
import { loadCodecs } from '../../../common/src/codec/codecs.ts';
import type { CodecFactory } from '../../../common/src/codec/codecs.ts';
import { silentLog } from '../../../common/src/system/log.ts';
import { seededRandom } from '../../../common/src/time/random.ts';
import { FRAME_SAMPLES } from '../../../protocol/src/index.ts';
import { clips } from '../../../test/lib/speech.ts';
import { loadVoiceActivity } from '../../src/pipeline/voice-activity.ts';
import type { VoiceActivity } from '../../src/pipeline/ports.ts';
import { SilenceGate } from '../../src/media/silence-gate.ts';
import { TurnTaking } from '../../src/dialogue/turn-taking.ts';

/** `v` a frame with voice, `.` one without. @returns what was heard, by number: `d` decoded, `q` told as quiet */
function through(
  frames: string,
  listening: (sequence: number) => boolean = () => false,
): { heard: string; order: number[] } {
  const order: number[] = [];
  let heard = '';
  let at = 0;
  const gate = new SilenceGate({
    silent: (payload) => payload[0] === 0,
    listening: () => listening(at),
    decode: () => new Int16Array(FRAME_SAMPLES),
    hear(_pcm, sequence) {
      order.push(sequence);
      heard += 'd';
    },
    quiet(sequence) {
      order.push(sequence);
      heard += 'q';
    },
  });
  for (const frame of frames) gate.take(Uint8Array.of(frame === 'v' ? 1 : 0), at++);
  return { heard, order };
}

const times = (count: number, text: string): string => text.repeat(count);

describe('the gate before the decoder', () => {
  const rows = [
    { name: 'voice is decoded', frames: times(60, 'v'), heard: times(60, 'd') },
    {
      name: 'silence is still decoded for 100 ms, then 200 ms are held',
      frames: `v${times(15, '.')}`,
      heard: times(6, 'd'),
    },
    {
      name: 'silence goes on: it is told as quiet',
      frames: `v${times(100, '.')}`,
      heard: times(6, 'd') + times(85, 'q'),
    },
    {
      name: 'voice again: what is held is decoded before it',
      frames: `v${times(100, '.')}v`,
      heard: times(6, 'd') + times(85, 'q') + times(11, 'd'),
    },
  ];
  for (const { name, frames, heard } of rows) it(name, () => assert.equal(through(frames).heard, heard));

  it('a pause of a patient who has the floor is decoded, however long', () => {
    assert.equal(through(`v${times(200, '.')}`, () => true).heard, times(201, 'd'));
  });

  it('every frame is heard once, in order', () => {
    const { order } = through(`${times(90, '.')}v${times(90, '.')}vv`);
    assert.deepEqual(
      order,
      Array.from({ length: 183 }, (_, index) => index),
    );
  });

  describe('before a real decoder and real voice activity detection', () => {
    let codecs: CodecFactory;
    let loadedVad: () => VoiceActivity;
    before(async () => {
      codecs = await loadCodecs(silentLog);
      loadedVad = await loadVoiceActivity();
      await codecs.prepare(2);
    });

    /** Whose turn it was when, and how much was decoded for it. */
    function turns(packets: readonly Uint8Array[], gated: boolean): { begun: number[]; decoded: number } {
      const [decoder, voiceActivity, turnTaking] = [codecs.decoder('opus'), loadedVad(), new TurnTaking()];
      const begun: number[] = [];
      let decoded = 0;
      const gate = new SilenceGate({
        silent: (payload) => gated && decoder.silent!(payload),
        listening: () => turnTaking.speaking,
        decode(payload) {
          decoded++;
          return decoder.decode(payload);
        },
        hear(pcm, sequence) {
          const event = turnTaking.next(voiceActivity.isVoice(pcm), 'silent');
          if (event?.type === 'speech') begun.push(sequence - event.agoFrames);
        },
        quiet: () => void turnTaking.next(false, 'silent'),
      });
      packets.forEach((packet, sequence) => gate.take(packet, sequence));
      decoder.close();
      voiceActivity.close();
      return { begun, decoded };
    }

    for (const noiseDb of [-90, -65, -50, -40]) {
      it(`the same turns begin as without it, within two frames, in a room at ${noiseDb} dBFS`, () => {
        const packets = encoded(codecs, room(noiseDb));
        const [all, gated] = [turns(packets, false), turns(packets, true)];
        assert.equal(gated.begun.length, clips('caller').length);
        gated.begun.forEach((at, index) =>
          assert.ok(Math.abs(at - all.begun[index]!) <= 2, `${gated.begun.join(' ')} for ${all.begun.join(' ')}`),
        );
        assert.ok(noiseDb > -60 || gated.decoded < 0.65 * all.decoded, `${gated.decoded} of ${all.decoded}`);
      });
    }
  });
});

/** The caller's clips, five seconds apart, over white noise. */
function room(noiseDb: number): Int16Array[] {
  const random = seededRandom(3);
  const peak = Math.sqrt(3) * 32_768 * 10 ** (noiseDb / 20);
  const quiet = Array.from({ length: 250 }, () => new Int16Array(FRAME_SAMPLES));
  const frames = [...clips('caller').flatMap((clip) => [...quiet, ...clip]), ...quiet];
  return frames.map((frame) =>
    frame.map((sample) => Math.max(-32_768, Math.min(32_767, sample + Math.round((random() * 2 - 1) * peak)))),
  );
}

function encoded(codecs: CodecFactory, frames: readonly Int16Array[]): Uint8Array[] {
  const encoder = codecs.encoder('opus');
  const packets = frames.map((frame) => encoder.encode(frame));
  encoder.close();
  return packets;
}
