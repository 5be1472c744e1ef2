import type { CodecFactory } from '../../../common/src/codec/codecs.ts';
import type { CodecName } from '../../../protocol/src/index.ts';

/** What this machine can speak; the phone's `loadCodecs` makes it. */
export type ServerCodecs = Pick<CodecFactory, 'available' | 'encoder' | 'decoder'>;

/** The first codec of the device's list that the server can speak too. */
export function negotiate(offered: readonly CodecName[], codecs: ServerCodecs): CodecName | undefined {
  return offered.find((codec) => codecs.available.includes(codec));
}
