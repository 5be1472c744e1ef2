import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What Debian's packages bring along and a phone never opens: a third of it all. Every byte is written and read
 * back once for each card.
 */
const UNNEEDED: Readonly<Record<string, RegExp>> = {
  // Where this machine had its packages from.
  'etc/apt': /^sources\.list(\.d)?$/,
  // The boot partition has its own copies.
  'usr/lib': /^(raspi-firmware|linux-image-.+)$/,
  'usr/lib/udev': /^hwdb\.d$/,
  'usr/share': /^(X11|fonts|iso-codes|mime|sounds|xml)$/,
  // FFmpeg, for two plugins of ALSA's that no board uses, and what it draws in: 80 MB of pictures' codecs.
  'usr/lib/aarch64-linux-gnu/alsa-lib': /^libasound_module_(pcm_a52|rate_lavrate)\.so$/,
  'usr/lib/aarch64-linux-gnu':
    /^lib(avcodec|avutil|swresample|codec2|x264|x265|rsvg-2|aom|SvtAv1Enc|hwy|hwy_contrib|jxl|vpx|rav1e|dav1d|cairo|pixman-1|harfbuzz|pango-1\.0|graphite2|zvbi|lcms2|xvidcore|openjp2|va)\.so/,
};

/** @param root of the phone */
export function removeUnneeded(root: string): void {
  for (const [folder, pattern] of Object.entries(UNNEEDED)) {
    for (const name of readdirSync(join(root, folder)).filter((each) => pattern.test(each)))
      rmSync(join(root, folder, name), { recursive: true });
  }
}
