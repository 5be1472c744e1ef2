import type { CodecFactory } from '../../../common/src/codec/codecs.ts';
import type { CodecName } from '../../../protocol/src/index.ts';

/** The codecs of this machine, made by `loadCodecs` of common/. */
export type ServerCodecs = Pick<CodecFactory, 'available' | 'encoder' | 'decoder'>;

/** The first codec of the device's list that the server has too. */
export function negotiate(offered: readonly CodecName[], codecs: ServerCodecs): CodecName | undefined {
  return offered.find((codec) => codecs.available.includes(codec));
}
