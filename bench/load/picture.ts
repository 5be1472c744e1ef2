import { writePicture } from '../../test/lib/plot.ts';
import type { LoadReport } from './report.ts';

/** What grows, and how, with the number of conversations. */
export async function drawLoad(file: string, reports: readonly LoadReport[]): Promise<void> {
  const ascending = [...reports].sort((a, b) => a.conversations - b.conversations);
  const over = (pick: (report: LoadReport) => number): [number, number][] =>
    ascending.map((report) => [report.conversations, pick(report)]);
  const panel = (title: string, unit: string, series: Readonly<Record<string, (report: LoadReport) => number>>) => ({
    kind: 'time' as const,
    title,
    unit,
    xUnit: 'conversations',
    series: Object.entries(series).map(([name, pick]) => ({ name, points: over(pick) })),
  });
  const busiest =
    (pick: 'withServer' | 'withRelay') =>
    ({ generators }: LoadReport): number =>
      Math.max(...generators[pick].map(({ cpuShare }) => cpuShare * 100));
  const latest =
    (pick: 'withServer' | 'withRelay') =>
    ({ generators }: LoadReport): number =>
      Math.max(...generators[pick].map(({ loopDelayP99Ms }) => loopDelayP99Ms));
  const { codec, minutes, serverProcesses } = ascending[0]!;
  await writePicture(file, {
    title: 'Load: conversations on one server',
    subtitle: `${codec}, ${minutes} min each, ${serverProcesses} server process${serverProcesses > 1 ? 'es' : ''}, phones in other processes of the same machine`,
    panels: [
      panel("The server's own part of an answer", 'ms', {
        p50: ({ overheadMs }) => overheadMs.p50,
        p95: ({ overheadMs }) => overheadMs.p95,
        p99: ({ overheadMs }) => overheadMs.p99,
      }),
      panel('CPU', 's / min', {
        server: ({ serverCpuSecondsPerMinute }) => serverCpuSecondsPerMinute,
        'of it Opus': ({ opus }) => opus.decodeCpuSecondsPerMinute + opus.encodeCpuSecondsPerMinute,
        'bare relay, the same frames': ({ relay }) => relay.cpuSecondsPerMinute,
      }),
      panel('Memory', 'MB', {
        server: ({ serverMemoryMb }) => serverMemoryMb,
        'bare relay': ({ relay }) => relay.memoryMb,
      }),
      panel('Frames lost or late', 'frames', {
        shed: ({ framesShed }) => framesShed,
        underruns: ({ underruns }) => underruns,
        concealed: ({ concealed }) => concealed,
      }),
      panel("The phones' processes: the busiest", '% of a core', {
        'with the server': busiest('withServer'),
        'with the relay': busiest('withRelay'),
      }),
      panel("The phones' processes: how late, p99", 'ms', {
        'with the server': latest('withServer'),
        'with the relay': latest('withRelay'),
      }),
    ],
  });
}
