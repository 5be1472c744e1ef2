import type { BoardProfile } from '../../device/src/settings/board-profile.ts';

/** QEMU's `virt` machine as a board: a handset's cradle and a lamp on its PL061 (line 3 is the power button), Intel HDA for sound. */
export const HOOK_LINE = 7;
export const LED_LINE = 6;
const CHIP = '9030000.pl061';

const PROFILE: BoardProfile = {
  name: 'qemu-virt',
  title: "QEMU's virt machine",
  architectures: ['arm64'],
  sound: { input: 'phone_in', output: 'phone_out', rates: [48_000], asoundConf: 'asound.conf' },
  switch: { kind: 'cradle', chip: CHIP, line: HOOK_LINE, pin: null, activeLow: false, bias: 'off' },
  led: { chip: CHIP, line: LED_LINE, pin: null, activeLow: false },
  boot: [],
};

/** As on the boards with a USB card, but for the card's name. */
const ASOUND_CONF = `</usr/share/alsa/alsa.conf>
pcm.phone_out {
	type plug
	slave { pcm { type hw card 0 } }
	hint { show on description "speaker" }
}
pcm.phone_in {
	type plug
	slave { pcm { type hw card 0 } }
	hint { show on description "microphone" }
}
pcm.!default { type asym playback.pcm "phone_out" capture.pcm "phone_in" }
ctl.!default { type hw card 0 }
`;

/** Files of the board's folder. */
export const BOARD_FILES = { 'profile.json': JSON.stringify(PROFILE), 'asound.conf': ASOUND_CONF } as const;
