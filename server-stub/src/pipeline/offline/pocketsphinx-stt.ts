import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Clock } from '../../../../common/src/time/clock.ts';
import { Channel, ignore } from '../../system/async-tools.ts';
import type { SpeechToText, StageOptions, Transcript } from '../ports.ts';
import { reportingTranscripts } from '../reporting.ts';
import { withTimeLimit } from '../resilience/time-limit.ts';

const PROGRAM = 'pocketsphinx_continuous';
/** It takes about as long as the speech itself, so it runs while the patient speaks; a later result is dropped. */
const FINAL_WITHIN_MS = 1_500;
/** Each takes a core and 150 MB. */
const AT_ONCE = 2;
const MAX_TEXT = 4_000;
const MAX_FRAMES = 3_000;

/** @returns a recogniser of English when Debian's `pocketsphinx` is installed (and `pocketsphinx-en-us`, its model, beside it) */
export async function findPocketsphinx(clock: Clock, without: SpeechToText): Promise<SpeechToText | undefined> {
  const found = await new Promise<boolean>((resolve) => {
    // Without arguments it says what it takes, and ends at once.
    const child = spawn(PROGRAM, [], { stdio: 'ignore' });
    child.on('error', () => resolve(false));
    child.on('close', () => resolve(true));
  });
  return found ? new PocketsphinxSpeechToText(clock, without) : undefined;
}

/**
 * Debian's recogniser, one process per utterance, fed as the patient speaks. Where it cannot help (another language, too
 * many at once, too slow) the conversation goes on without words.
 */
class PocketsphinxSpeechToText implements SpeechToText {
  readonly #clock: Clock;
  readonly #without: SpeechToText;
  #running = 0;

  constructor(clock: Clock, without: SpeechToText) {
    this.#clock = clock;
    this.#without = without;
  }

  async *transcribe(audio: AsyncIterable<Int16Array>, options: StageOptions): AsyncGenerator<Transcript> {
    if (this.#running >= AT_ONCE || !/^en\b/i.test(options.language)) {
      yield* this.#without.transcribe(audio, options);
      return;
    }
    this.#running++;
    const child = start();
    try {
      yield* reportingTranscripts(options, audio, (heard) => this.#hear(child, heard, options));
    } finally {
      this.#running--;
      stop(child);
    }
  }

  async *#hear(
    child: ChildProcessWithoutNullStreams,
    audio: AsyncIterable<Int16Array>,
    options: StageOptions,
  ): AsyncGenerator<Transcript> {
    const text = textOf(child);
    // What it says in the end may be too late to be looked at.
    text.catch(ignore);
    const heard = new Channel<Int16Array>(MAX_FRAMES);
    for await (const frame of audio) {
      heard.push(frame);
      child.stdin.write(Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength));
    }
    heard.end();
    child.stdin.end();
    const words = await withTimeLimit(this.#clock, FINAL_WITHIN_MS, 'speech-to-text', text).catch(() => undefined);
    // Its time is this one's, and reported here.
    if (words === undefined) yield* this.#without.transcribe(heard, { ...options, report() {} });
    else yield { text: words, final: true };
  }
}

function start(): ChildProcessWithoutNullStreams {
  // Node's pipes are sockets, which cannot be opened by name; the shell's are pipes.
  const child = spawn('/bin/sh', ['-c', `cat | ${PROGRAM} -infile /dev/stdin -logfn /dev/null`], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  // It may be gone before it has heard everything; its exit tells that better.
  child.stdin.on('error', ignore);
  child.stderr.resume();
  return child;
}

/** The shell and both programs: a group of their own. */
function stop({ pid, exitCode, signalCode }: ChildProcessWithoutNullStreams): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Gone in this moment.
  }
}

/** One line for each stretch between pauses. @throws {Error} when it cannot be started, or fails */
function textOf(child: ChildProcessWithoutNullStreams): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.on('error', reject);
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(0, MAX_TEXT);
    });
    child.on('close', (code) => {
      if (code === 0)
        resolve(
          text
            .split('\n')
            .map((line) => line.trim())
            .filter((line) => line !== '')
            .join(' '),
        );
      else reject(new Error(`${PROGRAM} ended with ${code}`));
    });
  });
}
