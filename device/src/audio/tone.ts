import { openPaced } from './clock-paced.ts';
import { SAMPLE_RATE } from '../../../protocol/src/limits.ts';
import type { AudioBackend } from './ports.ts';

const TONE_HZ = 440;
/** −20 dBFS: audible, not startling. */
const TONE_PEAK = 3277;

/** A soft 440 Hz into the microphone; what is heard is measured and said at the end. For trying a phone without a card. */
export const toneBackend: AudioBackend = {
  name: 'tone',
  open(sink, settings) {
    const tone = toneGenerator(TONE_HZ, TONE_PEAK);
    const meter = levelMeter();
    return Promise.resolve(
      openPaced(
        {
          description: `tone: ${TONE_HZ} Hz into the microphone, what is heard is measured`,
          speak: tone,
          hear: meter.add,
          close: () => settings.log.info('audio.tone-heard', meter.report()),
        },
        sink,
        settings,
      ),
    );
  },
  devices: () => Promise.resolve([]),
};

/** @returns a function that fills its argument with the next samples of a sine, without a seam */
export function toneGenerator(hertz: number, peak: number): (into: Int16Array) => void {
  let sample = 0;
  return (into) => {
    for (let index = 0; index < into.length; index++) {
      into[index] = Math.round(peak * Math.sin((2 * Math.PI * hertz * sample) / SAMPLE_RATE));
      // A whole second holds whole cycles, so the count never grows until it loses precision.
      sample = (sample + 1) % SAMPLE_RATE;
    }
  };
}

interface LevelMeter {
  add(frame: Int16Array): void;
  report(): { frames: number; rmsDbfs: number; peakDbfs: number };
}

function levelMeter(): LevelMeter {
  let frames = 0;
  let samples = 0;
  let squares = 0;
  let peak = 0;
  return {
    add(frame) {
      frames++;
      samples += frame.length;
      for (const sample of frame) {
        squares += sample * sample;
        peak = Math.max(peak, Math.abs(sample));
      }
    },
    report: () => ({ frames, rmsDbfs: dbfs(samples === 0 ? 0 : Math.sqrt(squares / samples)), peakDbfs: dbfs(peak) }),
  };
}

/** To a tenth of a dB; silence is −100. */
function dbfs(amplitude: number): number {
  return amplitude === 0 ? -100 : Math.round(200 * Math.log10(amplitude / 32768)) / 10;
}
