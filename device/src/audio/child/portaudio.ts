import type { Readable, Writable } from 'node:stream';
import { Framer } from '../../../../common/src/audio/framer.ts';
import { FRAME_BYTES, FRAME_SAMPLES, SAMPLE_RATE } from '../../../../protocol/src/limits.ts';
import { AudioError, type AudioDeviceInfo } from '../ports.ts';
import { chooseByName, firstLine, loadOptional, type ChildBackend, type DeviceChoice, type Load } from './backend.ts';

/** Small steps out: the next frame is asked for later, so it is fresher. Samples */
const OUTPUT_STEP_SAMPLES = 80;
/** PortAudio's own buffer, as measured on the virtual sound card. ms */
const CARD_DELAY_MS = 12;
/** When a write is done, one frame begins to be played and one waits. Samples */
const QUEUED_SAMPLES = 2 * FRAME_SAMPLES;
/** naudiodon's word for the system's own choice. */
const DEFAULT_DEVICE = -1;

/** What is used of naudiodon. */
interface Naudiodon {
  readonly SampleFormat16Bit: number;
  AudioIO(options: {
    inOptions?: StreamOptions;
    outOptions?: StreamOptions;
  }): (Readable & Writable) & { start(): void };
  getDevices(): NativeDevice[];
  getHostAPIs(): { HostAPIs: { defaultInput: number; defaultOutput: number }[]; defaultHostAPI: number };
}

interface StreamOptions {
  readonly channelCount: number;
  readonly sampleFormat: number;
  readonly sampleRate: number;
  readonly deviceId: number;
  readonly framesPerBuffer: number;
  readonly highwaterMark?: number;
  readonly maxQueue: number;
  readonly closeOnError: boolean;
}

interface NativeDevice {
  readonly id: number;
  readonly name: string;
  readonly maxInputChannels: number;
  readonly maxOutputChannels: number;
}

/**
 * PortAudio through naudiodon: two streams of one direction each, because a starved output of a two-way
 * stream stops the microphone too. A write is finished when PortAudio has taken the frame before it, so
 * asking for the next one then is being pulled by the card.
 */
export const portaudio: ChildBackend = {
  async open(sink, choice, load) {
    const native = loadNative(load);
    const { input, output } = chooseDevices(native, choice);
    const framer = new Framer();
    const microphone = opened('microphone', () =>
      native.AudioIO({ inOptions: optionsFor(native, input?.id, FRAME_SAMPLES) }),
    );
    const speaker = opened('speaker', () =>
      native.AudioIO({ outOptions: optionsFor(native, output?.id, OUTPUT_STEP_SAMPLES) }),
    );
    for (const stream of [microphone, speaker]) {
      stream.on('error', (error) => sink.fault(new AudioError('died', `PortAudio: ${firstLine(error)}`)));
    }
    microphone.on('data', (chunk: Buffer) => {
      for (const frame of framer.push(chunk)) sink.capture(frame);
    });
    opened('speaker', () => speaker.start());
    opened('microphone', () => microphone.start());
    sink.ready(`portaudio: ${nameOf(native, input, 'in')} → ${nameOf(native, output, 'out')}`, CARD_DELAY_MS);
    sink.want(0);
    return {
      play: (pcm) => {
        speaker.write(pcm, () => sink.want(QUEUED_SAMPLES));
      },
    };
  },

  async devices(load) {
    const native = loadNative(load);
    const defaults = defaultIds(native);
    return native
      .getDevices()
      .map((device): AudioDeviceInfo => ({
        backend: 'portaudio',
        id: String(device.id),
        name: device.name,
        inputs: device.maxInputChannels,
        outputs: device.maxOutputChannels,
        isDefaultInput: device.id === defaults.input,
        isDefaultOutput: device.id === defaults.output,
      }));
  },
};

function loadNative(load: Load): Naudiodon {
  return loadOptional(
    load,
    'naudiodon',
    'to have PortAudio: apt install libportaudio2 build-essential python3 && ' +
      'npm rebuild naudiodon && node scripts/mend-naudiodon.mjs',
  ) as Naudiodon;
}

function optionsFor(native: Naudiodon, deviceId: number | undefined, framesPerBuffer: number): StreamOptions {
  return {
    channelCount: 1,
    sampleFormat: native.SampleFormat16Bit,
    sampleRate: SAMPLE_RATE,
    deviceId: deviceId ?? DEFAULT_DEVICE,
    framesPerBuffer,
    highwaterMark: FRAME_BYTES,
    maxQueue: 1,
    // At an underrun the stream would be destroyed; a moment of silence is the lesser harm.
    closeOnError: false,
  };
}

function chooseDevices(native: Naudiodon, choice: DeviceChoice): { input?: NativeDevice; output?: NativeDevice } {
  if (choice.inputDevice === undefined && choice.outputDevice === undefined) return {};
  const devices = native.getDevices();
  return {
    ...(choice.inputDevice === undefined
      ? {}
      : {
          input: chooseByName(
            devices.filter((device) => device.maxInputChannels > 0),
            choice.inputDevice,
          ),
        }),
    ...(choice.outputDevice === undefined
      ? {}
      : {
          output: chooseByName(
            devices.filter((device) => device.maxOutputChannels > 0),
            choice.outputDevice,
          ),
        }),
  };
}

function nameOf(native: Naudiodon, chosen: NativeDevice | undefined, direction: 'in' | 'out'): string {
  if (chosen !== undefined) return chosen.name;
  const defaults = defaultIds(native);
  const id = direction === 'in' ? defaults.input : defaults.output;
  return native.getDevices().find((device) => device.id === id)?.name ?? 'default';
}

function defaultIds(native: Naudiodon): { input: number; output: number } {
  const { HostAPIs, defaultHostAPI } = native.getHostAPIs();
  const api = HostAPIs[defaultHostAPI];
  return { input: api?.defaultInput ?? DEFAULT_DEVICE, output: api?.defaultOutput ?? DEFAULT_DEVICE };
}

function opened<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const reason = firstLine(cause);
    const fault = /no default device/i.test(reason) ? 'no-device' : 'open-failed';
    throw new AudioError(fault, `PortAudio cannot open the ${what}: ${reason}; see \`bestday-phone devices\``, {
      cause,
    });
  }
}
