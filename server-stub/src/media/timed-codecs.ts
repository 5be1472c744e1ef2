import type { Decoder, Encoder } from '../../../common/src/codec/ports.ts';
import type { Clock } from '../../../common/src/time/clock.ts';
import type { ServerCodecs } from './codecs.ts';
import type { ServerStats } from '../system/stats.ts';

/** The same codecs, with the time that Opus takes counted; PCM is passed on as it is. */
export function timedCodecs(codecs: ServerCodecs, clock: Clock, stats: ServerStats): ServerCodecs {
  const timed = <T>(work: keyof ServerStats['opusMs'], run: () => T): T => {
    const startMs = clock.now();
    try {
      return run();
    } finally {
      stats.opusMs[work] += Math.min(clock.now() - startMs, MAX_FRAME_MS);
    }
  };
  const encoder = (own: Encoder): Encoder => ({
    codec: own.codec,
    encode: (pcm) => timed('encode', () => own.encode(pcm)),
    tune: (settings) => own.tune(settings),
    close: () => own.close(),
  });
  const decoder = (own: Decoder): Decoder => ({
    codec: own.codec,
    decode: (payload) => {
      stats.framesDecoded++;
      return timed('decode', () => own.decode(payload));
    },
    recover: (next) => timed('decode', () => own.recover(next)),
    conceal: () => timed('decode', () => own.conceal()),
    silent: (payload) => own.silent?.(payload) ?? false,
    close: () => own.close(),
  });
  return {
    available: codecs.available,
    prepare: (count) => codecs.prepare(count),
    encoder: (codec, settings) =>
      codec === 'opus' ? encoder(codecs.encoder(codec, settings)) : codecs.encoder(codec, settings),
    decoder: (codec) => (codec === 'opus' ? decoder(codecs.decoder(codec)) : codecs.decoder(codec)),
  };
}

/** No frame takes longer to code: what does was waiting for a processor. */
const MAX_FRAME_MS = 0.5;
