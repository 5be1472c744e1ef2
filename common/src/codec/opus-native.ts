import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { CodecError } from './ports.ts';

/** The part of `@discordjs/opus` that is used. Its type is written here: the package is optional. */
export interface NativeOpus {
  /** @param pcm exactly 640 bytes: any size that is no Opus frame aborts the process. */
  encode(pcm: Buffer): Buffer;
  decode(packet: Buffer): Buffer;
  setBitrate(bitrate: number): void;
  applyEncoderCTL(request: number, value: number): void;
  applyDecoderCTL(request: number, value: number): void;
}

export type NativeOpusClass = new (sampleRate: number, channels: number) => NativeOpus;

/** OPUS_RESET_STATE: a used instance becomes as new, its settings kept. */
export const RESET_STATE = 4028;

/**
 * Loads the native part at run time, also from a bundle, which cannot hold it. First the `.node` file itself:
 * the package's own lookup reads a dozen files to arrive at the same one, and costs start-up time and memory.
 * @throws {CodecError} not-installed
 */
export function loadNativeOpus(): NativeOpusClass {
  const require = createRequire(import.meta.url);
  try {
    const direct = prebuiltFile(dirname(require.resolve('@discordjs/opus/package.json')));
    const module = require(direct ?? '@discordjs/opus') as { OpusEncoder: NativeOpusClass };
    return module.OpusEncoder;
  } catch (cause) {
    throw new CodecError(
      'not-installed',
      "the native Opus codec cannot be loaded; 'npm rebuild @discordjs/opus' builds it (needs python3, make and g++)",
      { cause },
    );
  }
}

/** The package names its folders by Node ABI, platform, processor and C library. */
function prebuiltFile(packageFolder: string): string | undefined {
  const wanted = `node-v${process.versions.modules}-napi-v3-${process.platform}-${process.arch}-`;
  const matches = readdirSync(join(packageFolder, 'prebuild')).filter((name) => name.startsWith(wanted));
  // Two of them (two C libraries) is a question for the package's own lookup.
  return matches.length === 1 ? join(packageFolder, 'prebuild', matches[0]!, 'opus.node') : undefined;
}
