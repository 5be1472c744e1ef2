import type { StageName, StageOptions, Transcript } from './ports.ts';

/** A stage's results, passed on, and its time reported at their end, however they end. */
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

/** The same for who listens: how long a patient speaks is theirs, so time runs from the pause, or the end, that asked for the text. */
export async function* reportingTranscripts(
  { clock, report }: StageOptions,
  audio: AsyncIterable<Int16Array>,
  listen: (audio: AsyncIterable<Int16Array>) => AsyncIterable<Transcript>,
): AsyncGenerator<Transcript> {
  let askedMs: number | undefined;
  let tookMs: number | undefined;
  const heard = noting(audio, (chunk) => {
    if (chunk === undefined || chunk.length === 0) askedMs = clock.now();
  });
  try {
    for await (const transcript of listen(heard)) {
      if (askedMs !== undefined && (transcript.final || transcript.settled === true)) tookMs = clock.now() - askedMs;
      yield transcript;
    }
  } finally {
    if (askedMs !== undefined && tookMs !== undefined)
      report({ stage: 'speech-to-text', firstResultMs: tookMs, totalMs: clock.now() - askedMs });
  }
}

/** @param note is told of each chunk, and with `undefined` of the end */
async function* noting(
  audio: AsyncIterable<Int16Array>,
  note: (chunk: Int16Array | undefined) => void,
): AsyncGenerator<Int16Array> {
  for await (const chunk of audio) {
    note(chunk);
    yield chunk;
  }
  note(undefined);
}
