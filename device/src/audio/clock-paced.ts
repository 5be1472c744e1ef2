import { FRAME_MS, FRAME_SAMPLES } from '../../../protocol/src/limits.ts';
import type { AudioSettings, AudioSink, AudioStream } from './ports.ts';

/** Both ends of a stream that has no sound card: where microphone frames come from, and where heard ones go. */
export interface PacedEnds {
  readonly description: string;
  /** Fills all 320 samples. */
  speak(into: Int16Array): void;
  /** `frame` is used again for the next one. */
  hear(frame: Int16Array): void;
  close(): void;
}

/** A frame each way every 20 ms of the given clock: works the same in real and in virtual time. */
export function openPaced(ends: PacedEnds, sink: AudioSink, settings: AudioSettings): AudioStream {
  const heard = new Int16Array(FRAME_SAMPLES);
  let open = true;
  const timer = settings.clock.every(FRAME_MS, () => {
    const spoken = new Int16Array(FRAME_SAMPLES);
    ends.speak(spoken);
    sink.capture(spoken);
    if (!open) return;
    sink.render(heard);
    ends.hear(heard);
  });
  return {
    description: ends.description,
    outputDelayMs: 0,
    close() {
      if (open) {
        open = false;
        timer.cancel();
        ends.close();
      }
      return Promise.resolve();
    },
  };
}
