import type { StageName, StageOptions, Transcript } from './ports.ts';

/** A stage's results, passed on; its timing is reported at their end, however they end. */
export async function* reporting<T>(
  stage: StageName,
  { clock, report }: StageOptions,
  results: AsyncIterable<T>,
): AsyncGenerator<T> {
  const startMs = clock.now();
  let firstMs: number | undefined;
  try {
    for await (const result of results) {
      firstMs ??= clock.now();
      yield result;
    }
  } finally {
    if (firstMs !== undefined) report({ stage, firstResultMs: firstMs - startMs, totalMs: clock.now() - startMs });
  }
}

/** The same for speech-to-text, whose time runs from the pause, or the end, that asks for the text: how long a patient speaks is theirs. */
export async function* reportingTranscripts(
  { clock, report }: StageOptions,
  audio: AsyncIterable<Int16Array>,
  transcribe: (audio: AsyncIterable<Int16Array>) => AsyncIterable<Transcript>,
): AsyncGenerator<Transcript> {
  let askedMs: number | undefined;
  let tookMs: number | undefined;
  async function* observed(): AsyncGenerator<Int16Array> {
    for await (const chunk of audio) {
      if (chunk.length === 0) askedMs = clock.now();
      yield chunk;
    }
    askedMs = clock.now();
  }
  try {
    for await (const transcript of transcribe(observed())) {
      if (askedMs !== undefined && (transcript.final || transcript.settled === true)) tookMs = clock.now() - askedMs;
      yield transcript;
    }
  } finally {
    if (askedMs !== undefined && tookMs !== undefined)
      report({ stage: 'speech-to-text', firstResultMs: tookMs, totalMs: clock.now() - askedMs });
  }
}
