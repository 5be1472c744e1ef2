import type { CodecFactory } from '../../common/src/codec/codecs.ts';
import type { Decoder, Encoder } from '../../common/src/codec/ports.ts';
import type { CodecName } from '../../protocol/src/index.ts';
import { FRAME_SAMPLES } from '../../protocol/src/index.ts';
import { packStamp, soundOf } from './stamp.ts';

/** A codec that carries nothing but the stamp: ten bytes a frame, no arithmetic. It passes for Opus on the wire. */
const CODEC: CodecName = 'opus';

/** @param leaks counts codecs made and not closed, so that a run can tell whether any was forgotten */
export function stampCodecs(leaks: { open: number }): CodecFactory {
  return {
    available: [CODEC],
    encoder: () => counted<Encoder>(leaks, { codec: CODEC, encode: packStamp, tune() {}, close() {} }),
    decoder: () =>
      counted<Decoder>(leaks, {
        codec: CODEC,
        decode: soundOf,
        recover: () => undefined,
        conceal: () => new Int16Array(FRAME_SAMPLES).fill(CONCEALED),
        close() {},
      }),
    describe: () => 'stamps',
    prepare: () => Promise.resolve(),
  };
}

/** Heard, but no stamp. */
const CONCEALED = 50;

function counted<T extends { close(): void }>(leaks: { open: number }, codec: T): T {
  let closed = false;
  leaks.open++;
  return {
    ...codec,
    close() {
      if (closed) return;
      closed = true;
      leaks.open--;
    },
  };
}
