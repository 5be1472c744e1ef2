import type { PhoneStatus } from './control-protocol.ts';
import type { CallReport } from '../conversation/report.ts';
import { MOVES } from '../conversation/state.ts';
import type { FrameCounters } from '../../../common/src/concealment/frame-counters.ts';
import type { Checked } from './front-panel.ts';
import type { Metric } from './prometheus.ts';

/** Counters over all calls since the start, and the current state. */
export class PhoneMetrics {
  readonly #frames = new Map<string, number>();
  readonly #ends = new Map<string, number>();
  #reconnects = 0;
  #resumed = 0;
  #talkMs = 0;

  ended(report: CallReport): void {
    for (const [name, value] of Object.entries<number>({ ...report.frames })) add(this.#frames, name, value);
    add(this.#ends, report.endReason, 1);
    this.#reconnects += report.reconnects.length;
    this.#resumed += report.reconnects.filter(({ resumed }) => resumed).length;
    this.#talkMs += report.durationMs;
  }

  /** @param live counters of the current call */
  collect(
    status: PhoneStatus,
    live: Readonly<FrameCounters> | undefined,
    stalled: readonly string[],
    checked: Checked,
  ): Metric[] {
    const frames = new Map(this.#frames);
    for (const [name, value] of Object.entries(live ?? {})) add(frames, name, value);
    const memory = process.memoryUsage.rss();
    return [
      {
        name: 'info',
        type: 'gauge',
        help: 'Version and board.',
        samples: [
          { labels: { version: status.version, board: status.board ?? '', controls: status.controls }, value: 1 },
        ],
      },
      gauge('up_seconds', 'Since the daemon started.', status.upSeconds),
      gauge('resident_memory_bytes', 'Memory of the daemon.', memory),
      gauge('lifted', '1 while the receiver is up.', Number(status.lifted)),
      gauge('volume_level', 'Of 0 to 9.', status.volume),
      gauge('troubles', 'Things that need help.', status.needsHelp.length),
      gauge('stalled_loops', 'Loops that stand still; the watchdog is not fed.', stalled.length),
      {
        name: 'phase',
        type: 'gauge',
        help: 'The state of the call: 1 for the one it is in.',
        samples: Object.keys(MOVES).map((phase) => ({ labels: { phase }, value: Number(phase === status.phase) })),
      },
      counter('call_seconds_total', 'Length of all ended calls.', Math.round(this.#talkMs / 1_000)),
      {
        name: 'calls_total',
        type: 'counter',
        help: 'Ended calls, by reason.',
        samples: labelled(this.#ends, 'reason'),
      },
      counter('reconnects_total', 'Lost links within ended calls.', this.#reconnects),
      counter('resumes_total', 'Lost links that were resumed.', this.#resumed),
      {
        name: 'frames_total',
        type: 'counter',
        help: '20 ms frames, by what became of them.',
        samples: labelled(frames, 'fate'),
      },
      ...checkMetrics(checked),
    ];
  }
}

const CHECK_STATES = { ok: 0, warn: 1, fail: 2 } as const;

/** What the last self-test or doctor found, one metric for each thing that is read. */
function checkMetrics({ atMs, findings }: Checked): Metric[] {
  if (atMs === undefined) return [];
  const made = findings.flatMap(({ name, state }) =>
    state === 'skipped' ? [] : [{ labels: { check: name }, value: CHECK_STATES[state] }],
  );
  const readings = new Map<string, { labels: Record<string, string>; value: number }[]>();
  for (const { name, measured = {} } of findings) {
    for (const [what, value] of Object.entries(measured))
      readings.set(what, [...(readings.get(what) ?? []), { labels: { check: name }, value }]);
  }
  return [
    gauge('checked_time_seconds', 'When a self-test or the doctor last ran, Unix time.', Math.round(atMs / 1_000)),
    {
      name: 'check_state',
      type: 'gauge',
      help: 'What the last check of this name found: 0 ok, 1 warn, 2 fail.',
      samples: made,
    },
    ...[...readings].map(([what, samples]): Metric => ({
      name: `check_${what}`,
      type: 'gauge',
      help: `Read by the last check: ${what.replaceAll('_', ' ')}.`,
      samples,
    })),
  ];
}

function gauge(name: string, help: string, value: number): Metric {
  return { name, type: 'gauge', help, samples: [{ value }] };
}

function counter(name: string, help: string, value: number): Metric {
  return { name, type: 'counter', help, samples: [{ value }] };
}

function labelled(counts: ReadonlyMap<string, number>, label: string): Metric['samples'] {
  return [...counts].map(([name, value]) => ({ labels: { [label]: name }, value }));
}

function add(counts: Map<string, number>, name: string, value: number): void {
  counts.set(name, (counts.get(name) ?? 0) + value);
}
