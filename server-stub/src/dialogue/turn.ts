import type { Log } from '../../../common/src/system/log.ts';
import type { Clock } from '../../../common/src/time/clock.ts';
import type { ExtendedSequence, ServerMessage } from '../../../protocol/src/index.ts';
import { abortable, once } from '../system/async-tools.ts';
import type { Deferred } from '../system/async-tools.ts';
import type { Downlink } from '../media/downlink.ts';
import type { History } from './history.ts';
import type { Ids } from '../conversation/ids.ts';
import type { Pause } from './transcription.ts';
import { StageError } from '../pipeline/ports.ts';
import type { Occasion, Pipeline, SpokenAudio, StageOptions, StageTiming } from '../pipeline/ports.ts';
import { RequestBudget } from '../pipeline/request-budget.ts';
import { PreparedAnswers } from './prepared-answers.ts';
import type { PreparedStage } from './prepared-answers.ts';
import { ResponseWriter } from './response.ts';
import type { StandbyPhrases } from './standby-phrases.ts';
import type { ServerStats, TurnTimes } from '../system/stats.ts';
import { transcribeTurn } from './transcription.ts';
import type { VoiceEncoder } from '../media/voice-encoder.ts';

/** What a turn needs of its conversation. */
export interface TurnContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly ids: Ids;
  readonly stats: ServerStats;
  readonly pipeline: Pipeline;
  readonly standbyPhrases: StandbyPhrases;
  readonly downlink: Downlink;
  readonly encoder: VoiceEncoder;
  readonly language: string;
  readonly history: History;
  /** Aborts when the conversation ends: the patient's words are transcribed even if the answer is cancelled. */
  readonly conversationSignal: AbortSignal;
  readonly tell: (message: ServerMessage) => void;
  readonly remember: (id: string, writer: ResponseWriter) => void;
  /** Called with the times of every answer. */
  readonly timed: (id: string, times: TurnTimes) => void;
}

/** The patient's audio; `ended` resolves at the end of the turn. */
export interface TurnInput {
  readonly audio: AsyncIterable<Int16Array>;
  readonly pause: Pause;
  readonly ended: Deferred<SpeechEnd>;
  /** Called when its words are in the history, or will never be. */
  readonly understood: () => void;
}

interface SpeechEnd {
  /** The microphone frame with the last voice. */
  readonly speechEndSeq: ExtendedSequence;
  readonly speechEndMs: number;
  readonly detectedMs: number;
}

/** Why the assistant speaks now; or the words of an interrupted answer that were not heard. */
export type TurnCause = Occasion | { readonly goOnWith: string };

/** `nothing-said`: there was sound, and no words in it. */
type TurnOutcome = 'over' | 'nothing-said';

/** One turn, from the patient's words (if any) to the assistant's. Never rejects: a turn that fails ends with an apology. */
export async function runTurn(
  context: TurnContext,
  cause: TurnCause,
  input: TurnInput | undefined,
  signal: AbortSignal,
): Promise<TurnOutcome> {
  const turn = new Turn(context, signal);
  try {
    if (input !== undefined && !(await turn.listen(input).finally(input.understood)))
      return signal.aborted ? 'over' : 'nothing-said';
    await turn.answer(cause);
  } catch (error) {
    // Whatever failed, the patient is not interrupted.
    if (!signal.aborted) await input?.ended.promise;
    if (!signal.aborted) await turn.apologise(error, cause);
  } finally {
    turn.close();
  }
  return 'over';
}

class Turn {
  readonly #context: TurnContext;
  readonly #signal: AbortSignal;
  /** By the clock; reported from the end of the patient's speech. */
  readonly #marks = new Map<keyof TurnTimes, number>();
  readonly #budget: RequestBudget;
  #end: SpeechEnd | undefined;
  readonly #prepared: PreparedAnswers;
  #filler: { cancel(): void } | undefined;
  #fillerSpoken: Promise<void> = Promise.resolve();

  constructor(context: TurnContext, signal: AbortSignal) {
    this.#context = context;
    this.#signal = signal;
    this.#budget = new RequestBudget(() => context.stats.modelRequests++);
    this.#prepared = new PreparedAnswers({
      ...context,
      signal,
      affordable: () => this.#budget.mayPrepare,
      make: (text, own, mark) => {
        const history = [...context.history.utterances(), { role: 'patient' as const, text }];
        return this.#make('answer', history, own, mark, true);
      },
    });
  }

  /** @returns false when nothing was said, or the turn is cancelled */
  async listen(input: TurnInput): Promise<boolean> {
    const { pipeline, history, conversationSignal, clock, tell } = this.#context;
    const { audio, pause, ended } = input;
    void ended.promise.then((end) => this.#ended(end));
    let text = '';
    pause.listen(() => this.#prepared.prepare(pause.paused ? text : ''));
    for await (const words of transcribeTurn(
      clock,
      input,
      (signal) => pipeline.speechToText.transcribe(audio, this.#stage(signal)),
      conversationSignal,
    )) {
      text = words.text;
      tell({ type: 'transcript', role: 'patient', text: text.slice(0, MAX_TEXT), final: words.final });
      if (pause.paused && !words.final) this.#prepared.prepare(text);
      if (words.final) this.#markAt('sttFinalMs', words.knownMs);
    }
    pause.listen(() => {});
    this.#prepared.dropUnlessAnswers(text);
    if (text !== '') history.patient(text);
    return text !== '' && !this.#signal.aborted;
  }

  async answer(cause: TurnCause): Promise<void> {
    const said = await this.#say(typeof cause === 'object' ? this.#repeat(cause.goOnWith) : this.#answerTo(cause));
    if (said === undefined)
      throw new StageError('language-model', 'the language model said nothing; check its settings', true);
    this.#context.standbyPhrases.answered();
    this.#context.tell({
      type: 'transcript',
      role: 'assistant',
      text: said.textUntil(Infinity).slice(0, MAX_TEXT),
      final: true,
    });
  }

  /** Nobody's first words are an apology: a greeting that failed is a recorded one. */
  async apologise(error: unknown, cause: TurnCause): Promise<void> {
    const stage = error instanceof StageError ? error.stage : 'unknown';
    this.#context.stats.stageFailures++;
    this.#context.log.warn('turn.failed', { stage, reason: reasonOf(error) });
    this.#filler?.cancel();
    await this.#fillerSpoken;
    const { standbyPhrases } = this.#context;
    await this.#sayStandby(cause === 'greeting' ? standbyPhrases.greeting() : standbyPhrases.apology());
  }

  close(): void {
    this.#filler?.cancel();
    this.#prepared.drop();
    if (this.#budget.spent > 0) this.#context.stats.onModelRequests(this.#budget.spent);
  }

  async *#answerTo(occasion: Occasion): AsyncGenerator<SpokenAudio> {
    const prepared = this.#prepared.take();
    let begun = false;
    try {
      for await (const audio of prepared?.audio() ?? []) {
        for (const [stage, atMs] of prepared!.marks) this.#markAt(stage, atMs);
        begun = true;
        yield audio;
      }
    } catch (error) {
      // It was asked for only once; the answer that is waited for has its retry.
      if (begun || this.#signal.aborted) throw error;
    }
    if (begun) return;
    const history = this.#context.history.utterances();
    yield* this.#make(occasion, history, this.#signal, (stage) => this.#mark(stage));
  }

  #make(
    occasion: Occasion,
    history: ReturnType<History['utterances']>,
    signal: AbortSignal,
    mark: (stage: PreparedStage) => void,
    ahead = false,
  ): AsyncIterable<SpokenAudio> {
    const { pipeline } = this.#context;
    const words = pipeline.languageModel.reply(
      { history, occasion },
      { ...this.#stage(signal, () => mark('llmFirstTokenMs')), ahead },
    );
    const marked = marking(abortable(words, signal), () => mark('llmFirstTokenMs'));
    return marking(abortable(pipeline.textToSpeech.speak(marked, { ...this.#stage(signal), ahead }), signal), () =>
      mark('ttsFirstByteMs'),
    );
  }

  #repeat(text: string): AsyncIterable<SpokenAudio> {
    return abortable(this.#context.pipeline.textToSpeech.speak(once(text), this.#stage(this.#signal)), this.#signal);
  }

  #ended(end: SpeechEnd): void {
    this.#end = end;
    this.#markAt('turnDetectedMs', end.detectedMs);
    this.#fillAfter(FILLER_AFTER_MS - (end.detectedMs - end.speechEndMs), 1);
  }

  /** Says a recorded filler when the answer takes long, and another when it takes longer still. */
  #fillAfter(delayMs: number, count: number): void {
    if (this.#signal.aborted || count > MAX_FILLERS) return;
    this.#filler = this.#context.clock.after(Math.max(0, delayMs), () => {
      this.#fillerSpoken = this.#sayStandby(this.#context.standbyPhrases.filler()).then((durationMs) =>
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
    // The next one may have been scheduled while this one was said.
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
   * A recorded sentence, which does not enter the history; if even that fails there is nothing left to say.
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

  /** Only the first time counts. */
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
    return { signal, language, clock, first, report, budget: this.#budget };
  }
}

async function* marking<T>(items: AsyncIterable<T>, mark: () => void): AsyncGenerator<T> {
  for await (const item of items) {
    mark();
    yield item;
  }
}

/** A StageError's message is fit for a log; another error's may quote what was said. */
function reasonOf(error: unknown): string {
  if (error instanceof StageError) return error.message;
  return error instanceof Error ? error.name : 'unknown';
}

/** The protocol's limit for a transcript. */
const MAX_TEXT = 16_384;
/** From the patient's last word. The whole answer should begin within two seconds; a filler is said when it does not. */
const FILLER_AFTER_MS = 2_500;
/** Silence after a filler until the next one. */
const FILLER_AGAIN_MS = 4_000;
const MAX_FILLERS = 3;
