import type { CallReport } from '../../device/src/conversation/report.ts';
import type { FrameCounters } from '../../common/src/concealment/frame-counters.ts';
import type { Picture, TimePanel } from '../../test/lib/plot.ts';
import { distribution, slope } from '../../test/lib/statistics.ts';
import type { Distribution } from '../../test/lib/statistics.ts';
import type { Sample, Watch } from './watch.ts';

/** What `npm run soak` found; times in seconds from the start. */
export interface SoakReport {
  readonly minutes: number;
  readonly codec: string;
  readonly breaks: readonly string[];
  readonly turns: number;
  readonly latencyMs: Distribution;
  /** Resident, after the first minute (start-up) and at the end, and growth by the straight line through them. */
  readonly memoryMb: Readonly<
    Record<
      'phone' | 'server',
      { readonly afterOneMinute: number; readonly atEnd: number; readonly highest: number; readonly mbPerHour: number }
    >
  >;
  readonly eventLoopMs: Readonly<
    Record<'phone' | 'server', { readonly medianOfP99: number; readonly highest: number }>
  >;
  readonly frames: FrameCounters;
  /** Sequence numbers have 16 bits: so many frames in one direction cross the wrap for certain, whatever number they began at. */
  readonly wrapCrossed: Readonly<Record<'uplink' | 'downlink', 'certainly' | 'perhaps'>>;
  readonly call: CallReport | undefined;
}

const WRAP = 2 ** 16;
const WARM_UP_S = 60;

export function soakReport(
  watch: Watch,
  { minutes, codec, breaks, call }: Pick<SoakReport, 'minutes' | 'codec' | 'breaks' | 'call'>,
): SoakReport {
  const { samples } = watch;
  const last = samples.at(-1)!;
  const settled = samples.filter(({ atSeconds }) => atSeconds >= Math.min(WARM_UP_S, last.atSeconds / 2));
  const memory = (of: (sample: Sample) => number): SoakReport['memoryMb']['phone'] => ({
    afterOneMinute: round(of(settled[0]!)),
    atEnd: round(of(last)),
    highest: round(Math.max(...samples.map(of))),
    mbPerHour: round(slope(settled.map((sample) => [sample.atSeconds / 3_600, of(sample)]))),
  });
  const loop = (of: (sample: Sample) => Sample['serverLoop']): SoakReport['eventLoopMs']['phone'] => ({
    medianOfP99: round(distribution(settled.map((sample) => of(sample).p99Ms)).median),
    highest: round(Math.max(...settled.map((sample) => of(sample).maxMs))),
  });
  const frames = call?.frames ?? last.frames;
  return {
    minutes,
    codec,
    breaks,
    call,
    frames,
    turns: watch.latenciesMs.length,
    latencyMs: distribution(watch.latenciesMs.map(({ ms }) => ms)),
    memoryMb: { phone: memory(({ phoneMb }) => phoneMb), server: memory(({ serverMb }) => serverMb) },
    eventLoopMs: { phone: loop(({ phoneLoop }) => phoneLoop), server: loop(({ serverLoop }) => serverLoop) },
    wrapCrossed: {
      uplink: frames.sent >= WRAP ? 'certainly' : 'perhaps',
      downlink: frames.received >= WRAP ? 'certainly' : 'perhaps',
    },
  };
}

/** Memory, event loops, the audio ladder and the answers, over the time of the call. */
export function soakPicture(report: SoakReport, watch: Watch): Picture {
  const { samples, latenciesMs } = watch;
  const line = (name: string, of: (sample: Sample) => number): TimePanel['series'][number] => ({
    name,
    points: samples.map((sample) => [sample.atSeconds / 60, of(sample)]),
  });
  const time = { kind: 'time', xUnit: 'min', xRange: [0, report.minutes] } as const;
  const wrapped = samples.find(({ frames }) => frames.sent >= WRAP);
  const marks = wrapped === undefined ? [] : [{ at: wrapped.atSeconds / 60, label: 'uplink has wrapped' }];
  return {
    title: `A conversation of ${report.minutes} min, ${report.breaks.length === 0 ? 'without a break' : `${report.breaks.length} breaks`}`,
    subtitle: `${report.codec}; ${report.turns} answers, median ${Math.round(report.latencyMs.median)} ms after the last word`,
    panels: [
      {
        ...time,
        title: 'Resident memory',
        unit: 'MB',
        marks,
        series: [line('phone', ({ phoneMb }) => phoneMb), line('server', ({ serverMb }) => serverMb)],
      },
      {
        ...time,
        title: 'Event-loop delay, 99th percentile of each second',
        unit: 'ms',
        series: [
          line('phone', ({ phoneLoop }) => phoneLoop.p99Ms),
          line('server', ({ serverLoop }) => serverLoop.p99Ms),
        ],
      },
      { ...time, title: 'What the speaker was given', unit: 'frames/s', series: ladder(samples) },
      {
        ...time,
        title: 'From the last word to the first sound of the answer',
        unit: 'ms',
        yMin: 0,
        series: [{ name: 'answers', as: 'dots', points: latenciesMs.map(({ atSeconds, ms }) => [atSeconds / 60, ms]) }],
      },
    ],
  };
}

const RUNGS = {
  played: 'played',
  recoveredByFec: 'recovered by FEC',
  concealed: 'concealed',
  comfortNoise: 'comfort noise',
} as const;
const LADDER_STEP_S = 10;

/** Frames a second by rung, over steps of ten seconds: single seconds flicker. */
function ladder(samples: readonly Sample[]): TimePanel['series'] {
  const steps = samples.filter(
    ({ atSeconds }, index) =>
      index === 0 || Math.floor(atSeconds / LADDER_STEP_S) > Math.floor(samples[index - 1]!.atSeconds / LADDER_STEP_S),
  );
  return (Object.keys(RUNGS) as (keyof typeof RUNGS)[]).map((rung) => ({
    name: RUNGS[rung],
    as: 'stacked' as const,
    points: steps.slice(1).map((sample, index) => {
      const before = steps[index]!;
      return [
        sample.atSeconds / 60,
        (sample.frames[rung] - before.frames[rung]) / (sample.atSeconds - before.atSeconds),
      ] as const;
    }),
  }));
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
