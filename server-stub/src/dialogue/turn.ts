import type { Log } from '../../../common/src/system/log.ts';
import type { Clock } from '../../../common/src/time/clock.ts';
import type { ExtendedSequence, ServerMessage } from '../../../protocol/src/index.ts';
import { abortable, once } from '../system/async-tools.ts';
import type { Deferred } from '../system/async-tools.ts';
import type { Downlink } from '../media/downlink.ts';
import type { History } from './history.ts';
import type { Ids } from '../conversation/ids.ts';
import type { Pause } from './pause.ts';
import { StageError } from '../pipeline/ports.ts';
import type { Occasion, Pipeline, SpokenAudio, StageOptions, StageTiming } from '../pipeline/ports.ts';
import { PreparedAnswer } from './prepared-answer.ts';
import type { PreparedStage } from './prepared-answer.ts';
import { ResponseWriter } from './response.ts';
import type { StandbyWords } from './filler-words.ts';
import type { ServerStats, TurnTimes } from '../system/stats.ts';
import { understand } from './understand.ts';
import type { VoiceEncoder } from '../media/voice-encoder.ts';

/** What a turn needs of its conversation. */
export interface TurnContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly ids: Ids;
  readonly stats: ServerStats;
  readonly pipeline: Pipeline;
  readonly standbyWords: StandbyWords;
  readonly downlink: Downlink;
  readonly encoder: VoiceEncoder;
  readonly language: string;
  readonly history: History;
  /** Aborts when the conversation ends: what the patient said is understood even if the answer is called off. */
  readonly lasting: AbortSignal;
  readonly tell: (message: ServerMessage) => void;
  readonly remember: (id: string, writer: ResponseWriter) => void;
  /** Told of every answer's timeline. */
  readonly timed: (id: string, times: TurnTimes) => void;
}

/** What the patient says; `ended` resolves when the turn is over. */
export interface TurnInput {
  readonly audio: AsyncIterable<Int16Array>;
  readonly pause: Pause;
  readonly ended: Deferred<SpeechEnd>;
}

export interface SpeechEnd {
  /** The microphone frame with the last voice. */
  readonly speechEndSeq: ExtendedSequence;
  readonly speechEndMs: number;
  readonly detectedMs: number;
}

/** Why the assistant speaks now; or words that were made already and not heard. */
export type TurnCause = Occasion | { readonly goOnWith: string };

/** `nothing-said`: there was sound, and no words in it. */
export type TurnOutcome = 'over' | 'nothing-said';

/** One turn, from the patient's words (if any) to the companion's. Never rejects: a failed turn is apologised for. */
export async function runTurn(
  context: TurnContext,
  cause: TurnCause,
  input: TurnInput | undefined,
  signal: AbortSignal,
): Promise<TurnOutcome> {
  const turn = new Turn(context, signal);
  try {
    if (input !== undefined && !(await turn.listen(input))) return signal.aborted ? 'over' : 'nothing-said';
    await turn.answer(cause);
  } catch (error) {
    // Whatever went wrong, nobody is spoken to in the middle of a sentence.
    if (!signal.aborted) await input?.ended.promise;
    if (!signal.aborted) await turn.apologise(error);
  } finally {
    turn.close();
  }
  return 'over';
}

class Turn {
  readonly #context: TurnContext;
  readonly #signal: AbortSignal;
  /** On the clock; their times count from the end of the patient's speech. */
  readonly #marks = new Map<keyof TurnTimes, number>();
  #end: SpeechEnd | undefined;
  #prepared: PreparedAnswer | undefined;
  #preparations = 0;
  #filler: { cancel(): void } | undefined;
  #fillerSpoken: Promise<void> = Promise.resolve();

  constructor(context: TurnContext, signal: AbortSignal) {
    this.#context = context;
    this.#signal = signal;
  }

  /** @returns false when nothing was said, or the turn is called off */
  async listen(input: TurnInput): Promise<boolean> {
    const { pipeline, history, lasting, clock, tell } = this.#context;
    const { audio, pause, ended } = input;
    void ended.promise.then((end) => this.#ended(end));
    let text = '';
    pause.listen(() => this.#prepare(pause.paused ? text : ''));
    for await (const words of understand(
      clock,
      input,
      (signal) => pipeline.speechToText.transcribe(audio, this.#stage(signal)),
      lasting,
    )) {
      text = words.text;
      tell({ type: 'transcript', role: 'patient', text: text.slice(0, MAX_TEXT), final: words.final });
      if (pause.paused && !words.final) this.#prepare(text);
      if (words.final) this.#markAt('sttFinalMs', words.knownMs);
    }
    pause.listen(() => {});
    if (this.#prepared?.answers(text) === false) this.#drop();
    if (text !== '') history.patient(text);
    return text !== '' && !this.#signal.aborted;
  }

  async answer(cause: TurnCause): Promise<void> {
    const said = await this.#say(typeof cause === 'object' ? this.#again(cause.goOnWith) : this.#answerTo(cause));
    if (said === undefined)
      throw new StageError('language-model', 'the language model said nothing; check its settings', true);
    this.#context.standbyWords.answered();
    this.#context.tell({
      type: 'transcript',
      role: 'assistant',
      text: said.textUntil(Infinity).slice(0, MAX_TEXT),
      final: true,
    });
  }

  async apologise(error: unknown): Promise<void> {
    const stage = error instanceof StageError ? error.stage : 'unknown';
    this.#context.stats.stageFailures++;
    this.#context.log.warn('turn.failed', { stage, reason: reasonOf(error) });
    this.#filler?.cancel();
    await this.#fillerSpoken;
    await this.#sayStandby(this.#context.standbyWords.apology());
  }

  close(): void {
    this.#filler?.cancel();
    this.#drop();
  }

  /** @param text what was said so far; '' when there is nothing to answer, or no telling yet */
  #prepare(text: string): void {
    if (this.#prepared?.answers(text) === true || this.#signal.aborted) return;
    this.#drop();
    if (text === '' || this.#preparations >= MAX_PREPARATIONS) return;
    this.#preparations++;
    this.#context.stats.answersPrepared++;
    this.#prepared = new PreparedAnswer(this.#context.clock, text, this.#signal, (said, signal, mark) => {
      const history = [...this.#context.history.utterances(), { role: 'patient' as const, text: said }];
      return this.#make('answer', history, signal, mark);
    });
  }

  /** Its requests are called off, and nobody has heard or remembers any of it. */
  #drop(): void {
    const prepared = this.#prepared;
    this.#prepared = undefined;
    prepared?.discard();
    if (prepared?.taken === false) this.#context.stats.preparedDropped++;
  }

  #answerTo(occasion: Occasion): AsyncIterable<SpokenAudio> {
    if (this.#prepared === undefined)
      return this.#make(occasion, this.#context.history.utterances(), this.#signal, (stage) => this.#mark(stage));
    return this.#take(this.#prepared);
  }

  async *#take(prepared: PreparedAnswer): AsyncGenerator<SpokenAudio> {
    this.#context.stats.preparedUsed++;
    for await (const audio of prepared.take()) {
      for (const [stage, atMs] of prepared.marks) this.#markAt(stage, atMs);
      yield audio;
    }
  }

  #make(
    occasion: Occasion,
    history: ReturnType<History['utterances']>,
    signal: AbortSignal,
    mark: (stage: PreparedStage) => void,
  ): AsyncIterable<SpokenAudio> {
    const { pipeline } = this.#context;
    const words = pipeline.languageModel.reply(
      { history, occasion },
      this.#stage(signal, () => mark('llmFirstTokenMs')),
    );
    const noted = noting(abortable(words, signal), () => mark('llmFirstTokenMs'));
    return noting(abortable(pipeline.textToSpeech.speak(noted, this.#stage(signal)), signal), () =>
      mark('ttsFirstByteMs'),
    );
  }

  #again(text: string): AsyncIterable<SpokenAudio> {
    return abortable(this.#context.pipeline.textToSpeech.speak(once(text), this.#stage(this.#signal)), this.#signal);
  }

  #ended(end: SpeechEnd): void {
    this.#end = end;
    this.#markAt('turnDetectedMs', end.detectedMs);
    this.#fillAfter(FILLER_AFTER_MS - (end.detectedMs - end.speechEndMs), 1);
  }

  /** Says something from a recording when the answer takes long, and again when it takes longer still. */
  #fillAfter(delayMs: number, count: number): void {
    if (this.#signal.aborted || count > MAX_FILLERS) return;
    this.#filler = this.#context.clock.after(Math.max(0, delayMs), () => {
      this.#fillerSpoken = this.#sayStandby(this.#context.standbyWords.filler()).then((durationMs) =>
        this.#fillAfter(durationMs + FILLER_AGAIN_MS, count + 1),
      );
    });
  }

  /** @returns undefined when there was nothing to say */
  async #say(spoken: AsyncIterable<SpokenAudio>): Promise<ResponseWriter | undefined> {
    let writer: ResponseWriter | undefined;
    try {
      for await (const audio of abortable(spoken, this.#signal)) {
        writer ??= await this.#begin();
        await this.#write(writer, audio);
      }
    } finally {
      writer?.end();
    }
    return writer;
  }

  async #begin(): Promise<ResponseWriter> {
    this.#mark('ttsFirstByteMs');
    this.#filler?.cancel();
    await this.#fillerSpoken;
    // One more may have been planned while this one was being said.
    this.#filler?.cancel();
    return this.#newResponse();
  }

  async #write(writer: ResponseWriter, audio: SpokenAudio): Promise<void> {
    const first = writer.durationMs === 0;
    await writer.write(audio, this.#signal);
    if (this.#signal.aborted) return;
    this.#context.history.rewrite(writer.id, writer.textUntil(Infinity));
    if (first) this.#report(writer.id);
  }

  #newResponse(): ResponseWriter {
    const { ids, history, remember } = this.#context;
    const writer = new ResponseWriter(ids.responseId(), {
      ...this.#context,
      firstFrame: () => this.#mark('firstFrameSentMs'),
    });
    history.assistant(writer.id, '');
    remember(writer.id, writer);
    return writer;
  }

  /**
   * A recorded sentence; if even that fails there is nothing left to say. It is not remembered as conversation.
   * @returns how long it takes to say, ms
   */
  async #sayStandby(sentence: string | undefined): Promise<number> {
    const { ids, log, pipeline } = this.#context;
    if (sentence === undefined || this.#signal.aborted) return 0;
    const writer = new ResponseWriter(ids.responseId(), this.#context);
    try {
      for await (const audio of abortable(
        pipeline.standby.textToSpeech.speak(once(sentence), this.#stage(this.#signal)),
        this.#signal,
      ))
        await writer.write(audio, this.#signal);
    } catch (error) {
      if (!this.#signal.aborted) log.error('turn.standby-failed', { reason: reasonOf(error) });
    } finally {
      writer.end();
    }
    return writer.durationMs;
  }

  #mark(stage: keyof TurnTimes): void {
    this.#markAt(stage, this.#context.clock.now());
  }

  /** Notes when a stage was done, once. */
  #markAt(stage: keyof TurnTimes, atMs: number): void {
    if (!this.#marks.has(stage)) this.#marks.set(stage, atMs);
  }

  #report(id: string): void {
    const end = this.#end;
    if (end === undefined) return;
    const times: TurnTimes = Object.fromEntries(
      [...this.#marks].map(([stage, atMs]) => [stage, Math.max(0, Math.round(atMs - end.speechEndMs))]),
    );
    this.#context.stats.onTurn(times);
    this.#context.timed(id, times);
    this.#context.log.info('turn', { responseId: id, ...times });
    this.#context.tell({ type: 'timing', id, speechEndSeq: Math.max(0, end.speechEndSeq), ...times });
  }

  #stage(signal: AbortSignal, first?: () => void): StageOptions {
    const { language, log, clock, stats } = this.#context;
    const report = (timing: StageTiming): void => {
      stats.onStage(timing);
      log.debug('turn.stage', { ...timing });
    };
    return { signal, language, clock, first, report };
  }
}

async function* noting<T>(items: AsyncIterable<T>, note: () => void): AsyncGenerator<T> {
  for await (const item of items) {
    note();
    yield item;
  }
}

/** A stage's own words are fit for a log; a stranger's may quote what was said. */
function reasonOf(error: unknown): string {
  if (error instanceof StageError) return error.message;
  return error instanceof Error ? error.name : 'unknown';
}

/** The protocol's limit for a transcript. */
const MAX_TEXT = 16_384;
/** Of one turn: somebody who pauses after every word must not cost a request each. */
const MAX_PREPARATIONS = 4;
/** From the patient's last word; the whole answer should take under two seconds, so this is said only when it will not. */
const FILLER_AFTER_MS = 2_500;
/** Silence after a filler until the next one. */
const FILLER_AGAIN_MS = 4_000;
const MAX_FILLERS = 3;
