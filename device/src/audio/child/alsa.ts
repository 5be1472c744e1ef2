import { Framer } from '../../../../common/src/audio/framer.ts';
import { FRAME_MS, SAMPLE_RATE } from '../../../../protocol/src/limits.ts';
import type { AudioDeviceInfo, AudioError } from '../ports.ts';
import { chooseAlsaName, listAlsaNames } from './alsa-names.ts';
import { startArecord } from './arecord.ts';
import type { ChildBackend } from './backend.ts';
import { PlaybackPacer } from './playback-pacer.ts';
import { openPlayer } from './players.ts';

const SAMPLES_PER_MS = SAMPLE_RATE / 1000;
/** As measured on the virtual sound card. ms */
const CARD_DELAY_MS = 5;

/**
 * ALSA's own programs: arecord through node-record-lpcm16 for the microphone, aplay for the other
 * way. Neither player can be asked how much it still has, so the microphone's frames pace it.
 */
export const alsa: ChildBackend = {
  async open(sink, choice, load) {
    const fail = (error: AudioError): void => sink.fault(error);
    const input = await chooseAlsaName('arecord', choice.inputDevice);
    const output = await chooseAlsaName('aplay', choice.outputDevice);
    const player = openPlayer(output, load, fail);
    const pacer = new PlaybackPacer();
    const framer = new Framer();
    const onFrame = (frame: Int16Array): void => {
      sink.capture(frame);
      const { want, restart } = pacer.onMicrophoneFrame(performance.now());
      if (restart) player.restart();
      for (let asked = 0; asked < want; asked++) sink.want(Math.round((pacer.leadMs - FRAME_MS) * SAMPLES_PER_MS));
    };
    const onChunk = (chunk: Buffer): void => {
      for (const frame of framer.push(chunk)) onFrame(frame);
    };
    startArecord(input, load, onChunk, fail);
    sink.ready(`alsa: arecord ${input ?? 'default'} → ${player.name} ${output ?? 'default'}`, CARD_DELAY_MS);
    return player;
  },

  async devices() {
    const [inputs, outputs] = await Promise.all([listAlsaNames('arecord'), listAlsaNames('aplay')]);
    return [...new Set([...inputs, ...outputs])].map((name): AudioDeviceInfo => ({
      backend: 'alsa',
      id: name,
      name,
      inputs: inputs.includes(name) ? 1 : 0,
      outputs: outputs.includes(name) ? 1 : 0,
      isDefaultInput: name === 'default' && inputs.includes(name),
      isDefaultOutput: name === 'default' && outputs.includes(name),
    }));
  },
};
