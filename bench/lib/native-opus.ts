import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { NativeOpus, NativeOpusClass } from '../../common/src/codec/opus-native.ts';

/** The `.node` file of `@discordjs/opus`, found the way the package itself does. @throws {Error} when it is not installed */
export function nativeOpusFile(): string {
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve('@discordjs/opus/package.json'));
  const { find } = createRequire(folder)('@discordjs/node-pre-gyp') as { find(packageFile: string): string };
  return find(join(folder, 'package.json'));
}

/** Without any code of ours, and without the package's own lookup. */
export function openNativeOpus(file: string): NativeOpusClass {
  const module = { exports: {} as { OpusEncoder: NativeOpusClass } };
  process.dlopen(module, file);
  return module.exports.OpusEncoder;
}

/** As packets of a call on a clean link. @param nativeOpus its file */
export function encoded(frames: readonly Int16Array[], nativeOpus: string): Buffer[] {
  const opus = newNativeOpus(openNativeOpus(nativeOpus));
  return frames.map((frame) => opus.encode(Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)));
}

/** The settings of a call on a clean link (device/src/codec): VOIP, voice, complexity 5, 32 kbit/s, no FEC. */
export function newNativeOpus(native: NativeOpusClass): NativeOpus {
  const opus = new native(16_000, 1);
  opus.applyEncoderCTL(4000, 2048);
  opus.applyEncoderCTL(4024, 3001);
  opus.applyEncoderCTL(4010, 5);
  opus.applyEncoderCTL(4012, 0);
  opus.applyEncoderCTL(4014, 0);
  opus.setBitrate(32_000);
  return opus;
}
