import { writePicture } from '../../test/lib/plot.ts';
import type { SpansPanel } from '../../test/lib/plot.ts';
import type { LatencyReport, LatencySummary } from './report.ts';

/** The median turn of every run as a waterfall: what runs beside what, from the patient's last word to the first sound. */
export async function drawWaterfall(file: string, report: LatencyReport): Promise<void> {
  await writePicture(file, {
    title: 'From the last word to the first sound',
    subtitle: `medians; ${report.runs[0]?.turns ?? 0} turns each, link ${report.linkMs} ms there and back (${report.network})`,
    panels: report.runs.map((run) => panelOf(run, report.goalMs)),
  });
}

function panelOf(run: LatencySummary, goalMs: number): SpansPanel {
  const { reached, reported, answerMs } = run;
  const uplinkMs = Math.max(0, run.networkAndQueueMs.p50 / 2);
  const at = (mark: keyof LatencySummary['reached']): number => uplinkMs + reached[mark].p50;
  const stage = (name: string, doneMs: number, tookMs: number) => ({
    name,
    fromMs: Math.max(0, doneMs - tookMs),
    toMs: doneMs,
  });
  return {
    kind: 'spans',
    title: `budget = ${run.budgetIs}: ${run.title}; p50 ${Math.round(answerMs.p50)}, p95 ${Math.round(answerMs.p95)}`,
    rows: [
      { name: 'way there', fromMs: 0, toMs: uplinkMs },
      { name: 'patience', fromMs: uplinkMs, toMs: at('turnDetectedMs') },
      stage('STT', at('sttFinalMs'), reported.stt.p50),
      stage('LLM', at('llmFirstTokenMs'), reported.llm.p50),
      stage('TTS', at('ttsFirstByteMs'), reported.tts.p50),
      { name: 'way back', fromMs: at('firstFrameSentMs'), toMs: answerMs.p50 },
    ],
    marks: [
      { at: answerMs.p95, label: 'p95' },
      { at: goalMs, label: 'goal' },
    ],
  };
}
