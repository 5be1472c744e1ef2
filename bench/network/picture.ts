import { writePicture } from '../../test/lib/plot.ts';
import type { TimeSeries } from '../../test/lib/plot.ts';
import type { HeldConversation } from './conversation.ts';
import { firstFrameDelays, queueLengths, rungsBySecond, uplinkDelays } from './measure.ts';
import type { Sample } from './measure.ts';
import type { NetworkReport } from './report.ts';

export async function drawConversation(
  file: string,
  report: NetworkReport,
  { phone, server }: HeldConversation,
): Promise<void> {
  const startMs = phone[0]?.at ?? 0;
  const points = (samples: readonly Sample[]): [number, number][] =>
    samples.map(({ at, ms }) => [(at - startMs) / 1_000, ms]);
  const rungs: TimeSeries[] = [...rungsBySecond(phone, startMs)].map(([name, values]) => ({
    name,
    as: 'stacked',
    points: values,
  }));
  await writePicture(file, {
    title: `${report.scenario}: ${report.about}`,
    subtitle: `${report.seconds} s over wss, ${report.congestionControl}; longest gap after a response's first second ${report.longestGapAfterFirstSecondMs} ms`,
    panels: [
      { kind: 'time', title: 'What the patient heard', unit: '%', series: rungs },
      {
        kind: 'time',
        title: 'Sound waiting in the phone',
        unit: 'ms',
        series: [{ name: 'queue', as: 'steps', points: points(queueLengths(phone)) }],
      },
      {
        kind: 'time',
        title: 'From the first frame sent to the first frame heard',
        unit: 'ms',
        series: [{ name: 'a response', as: 'dots', points: points(firstFrameDelays(phone, server)) }],
      },
      {
        kind: 'time',
        title: 'From the microphone to the server',
        unit: 'ms',
        series: [{ name: 'a frame', points: points(uplinkDelays(phone, server)) }],
      },
    ],
  });
}
