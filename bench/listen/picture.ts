import { FRAME_MS, SAMPLE_RATE } from '../../protocol/src/index.ts';
import { envelope, writePicture } from '../../test/lib/plot.ts';
import type { TimeSeries } from '../../test/lib/plot.ts';
import type { Heard, Slot } from './render.ts';

const WIDTH = 1_800;
const COLUMNS = WIDTH - 112;

/** In the order of the ladder; what is due and is not received gets a mark over the waveform. */
const MARKED = ['FEC', 'concealed', 'comfort noise', 'prompt'] as const;
const DUE = ['received', ...MARKED] as const;
export type Kind = (typeof DUE)[number] | 'nothing due';

export function kindOf({ rung, state }: Pick<Slot, 'rung' | 'state'>): Kind {
  switch (rung) {
    case 'received':
      return 'received';
    case 'fec':
      return 'FEC';
    case 'concealed':
      return 'concealed';
    case 'prompt':
      return 'prompt';
    case 'comfort-noise':
      return state === 'idle' ? 'nothing due' : 'comfort noise';
  }
}

/** The sound as a waveform, with a mark over each frame that was not received, in the row and colour of its rung. */
export async function drawHeard(
  file: string,
  title: string,
  subtitle: string,
  { samples, slots }: Heard,
): Promise<void> {
  const queue: TimeSeries = {
    name: 'queue',
    as: 'steps',
    points: slots.map(({ queuedMs }, slot) => [secondsOf(slot), queuedMs]),
  };
  const waveform: TimeSeries = { name: 'received', points: envelope(samples, SAMPLE_RATE, COLUMNS) };
  await writePicture(file, {
    title,
    subtitle,
    width: WIDTH,
    panels: [
      {
        kind: 'time',
        title: 'What is heard, marked by what it was made of',
        series: [waveform, ...MARKED.map((kind, row) => marks(slots, kind, row))],
        yMin: -1,
      },
      { kind: 'time', title: 'Of each second, where something was due', unit: '%', series: shares(slots) },
      { kind: 'time', title: 'Sound waiting in the phone', unit: 'ms', series: [queue] },
    ],
  });
}

function secondsOf(slot: number): number {
  return (slot * FRAME_MS) / 1_000;
}

function marks(slots: readonly Slot[], kind: Kind, row: number): TimeSeries {
  const points = slots.flatMap((each, slot): [number, number][] =>
    kindOf(each) === kind ? [[secondsOf(slot), LOWEST_ROW + row * ROW_HEIGHT]] : [],
  );
  return { name: kind, as: 'dots', points };
}

/** Above the waveform, whose peaks are 1. */
const LOWEST_ROW = 1.05;
const ROW_HEIGHT = 0.12;

function shares(slots: readonly Slot[]): TimeSeries[] {
  const perSecond = 1_000 / FRAME_MS;
  const seconds = Array.from({ length: Math.ceil(slots.length / perSecond) }, (_, second) =>
    slots.slice(second * perSecond, (second + 1) * perSecond).map(kindOf),
  );
  return DUE.map((kind) => ({
    name: kind,
    as: 'stacked',
    points: seconds.map(
      (kinds, second) => [second, (100 * kinds.filter((each) => each === kind).length) / kinds.length] as const,
    ),
  }));
}
