import type { CodecFactory } from '../../../common/src/codec/codecs.ts';
import { CodecError } from '../../../common/src/codec/ports.ts';
import type { Decoder, Encoder } from '../../../common/src/codec/ports.ts';
import type { CodecName } from '../../../protocol/src/index.ts';

/** The codecs of this machine, made by `loadCodecs` of common/. */
export type ServerCodecs = Pick<CodecFactory, 'available' | 'encoder' | 'decoder' | 'prepare'>;

/** What one conversation needs. */
export interface CodecPair {
  readonly encoder: Encoder;
  readonly decoder: Decoder;
}

/** The first codec of the device's list that the server has too. */
export function negotiate(offered: readonly CodecName[], codecs: ServerCodecs): CodecName | undefined {
  return offered.find((codec) => codecs.available.includes(codec));
}

/** @returns undefined when more were asked for in this turn of the event loop than are in stock: `makePair` waits */
export function takePair(codecs: ServerCodecs, codec: CodecName): CodecPair | undefined {
  let decoder: Decoder | undefined;
  try {
    decoder = codecs.decoder(codec);
    return { decoder, encoder: codecs.encoder(codec) };
  } catch (error) {
    decoder?.close();
    if (!(error instanceof CodecError) || !codecs.available.includes(codec)) throw error;
    return undefined;
  }
}

/** However many are made at once: the stock grows by what is asked for. @throws when there is no memory, or no such codec */
export async function makePair(codecs: ServerCodecs, codec: CodecName): Promise<CodecPair> {
  for (;;) {
    const pair = takePair(codecs, codec);
    if (pair !== undefined) return pair;
    // Each that waits here adds at least one, so that of those who wait one at least is served.
    await codecs.prepare(1);
  }
}

export function closePair(pair: CodecPair | undefined): void {
  pair?.encoder.close();
  pair?.decoder.close();
}
