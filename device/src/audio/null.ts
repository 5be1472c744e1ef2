import { openPaced } from './clock-paced.ts';
import type { AudioBackend } from './ports.ts';

/** No card: silence in, nothing out, in step with the clock. The conversation works; nobody hears it. */
export const nullBackend: AudioBackend = {
  name: 'null',
  open: (sink, settings) =>
    Promise.resolve(openPaced({ description: 'null: no sound', speak() {}, hear() {}, close() {} }, sink, settings)),
  devices: () => Promise.resolve([]),
};
