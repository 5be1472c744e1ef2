import type { Encoder } from '../../device/src/codec/ports.ts';
import type { Log } from '../../device/src/system/log.ts';
import type { Clock, ExtendedSequence, ServerMessage } from '../../protocol/src/index.ts';
import { abortable } from './async-tools.ts';
import type { Deferred } from './async-tools.ts';
import type { Downlink } from './downlink.ts';
import type { History } from './history.ts';
import type { Ids } from './ids.ts';
import { StageError } from './pipeline/ports.ts';
import type { Occasion, Pipeline, SpokenAudio, StageOptions, TextToSpeech } from './pipeline/ports.ts';
import { ResponseWriter } from './response.ts';
import type { ServerStats, TurnTimes } from './stats.ts';

/** What a turn needs of its conversation. */
export interface TurnContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly ids: Ids;
  readonly stats: ServerStats;
  readonly pipeline: Pipeline;
  readonly downlink: Downlink;
  readonly encoder: Encoder;
  readonly language: string;
  readonly history: History;
  /** Aborts when the conversation ends: what the patient said is understood even if the answer is called off. */
  readonly lasting: AbortSignal;
  readonly tell: (message: ServerMessage) => void;
  readonly remember: (id: string, writer: ResponseWriter) => void;
}

/** What the patient says; `ended` resolves when the turn is over. */
export interface TurnInput {
  readonly audio: AsyncIterable<Int16Array>;
  readonly ended: Deferred<SpeechEnd>;
}

export interface SpeechEnd {
  /** The microphone frame with the last voice. */
  readonly speechEndSeq: ExtendedSequence;
  readonly speechEndMs: number;
  readonly detectedMs: number;
}

/** One turn, from the patient's words (if any) to the companion's. Never rejects: a failed turn is apologised for. */
export async function runTurn(context: TurnContext, occasion: Occasion, input: TurnInput | undefined, signal: AbortSignal): Promise<void> {
  const turn = new Turn(context, signal);
  try {
    if (input !== undefined && !(await turn.listen(input))) return;
    await turn.answer(occasion);
  } catch (error) {
    if (!signal.aborted) await turn.apologise(error);
  } finally {
    turn.close();
  }
}

class Turn {
  readonly #context: TurnContext;
  readonly #signal: AbortSignal;
  readonly #times: TurnTimes = {};
  #end: SpeechEnd | undefined;
  #filler: { cancel(): void } | undefined;
  #fillerSpoken: Promise<void> = Promise.resolve();

  constructor(context: TurnContext, signal: AbortSignal) {
    this.#context = context;
    this.#signal = signal;
  }

  /** @returns false when nothing was said, or the turn is called off */
  async listen(input: TurnInput): Promise<boolean> {
    const { pipeline, history, lasting } = this.#context;
    void input.ended.promise.then((end) => this.#ended(end));
    const transcripts = abortable(pipeline.speechToText.transcribe(input.audio, this.#stage(lasting)), lasting);
    let text = '';
    for await (const transcript of transcripts) {
      text = transcript.text;
      this.#context.tell({ type: 'transcript', role: 'patient', text: text.slice(0, MAX_TEXT), final: transcript.final });
    }
    this.#mark('sttFinalMs');
    if (text !== '') history.patient(text);
    return text !== '' && !this.#signal.aborted;
  }

  async answer(occasion: Occasion): Promise<void> {
    const { pipeline, history } = this.#context;
    const words = pipeline.languageModel.reply({ history: history.utterances(), occasion }, this.#stage(this.#signal));
    const said = await this.#say(pipeline.textToSpeech, this.#firstToken(words));
    if (said === undefined) throw new StageError('language-model', 'the language model said nothing; check its settings', true);
    this.#context.tell({ type: 'transcript', role: 'assistant', text: said.textUntil(Infinity).slice(0, MAX_TEXT), final: true });
  }

  async apologise(error: unknown): Promise<void> {
    const stage = error instanceof StageError ? error.stage : 'unknown';
    this.#context.stats.stageFailures++;
    this.#context.log.warn('turn.failed', { stage, reason: reasonOf(error) });
    this.#filler?.cancel();
    await this.#fillerSpoken;
    const { voice, apologies } = this.#context.pipeline.standby;
    await this.#sayStandby(voice, apologies);
  }

  close(): void {
    this.#filler?.cancel();
  }

  #ended(end: SpeechEnd): void {
    this.#end = end;
    this.#times.turnDetectedMs = end.detectedMs - end.speechEndMs;
    if (this.#signal.aborted) return;
    const { voice, fillers } = this.#context.pipeline.standby;
    this.#filler = this.#context.clock.after(FILLER_AFTER_MS, () => {
      this.#fillerSpoken = this.#sayStandby(voice, fillers);
    });
  }

  /** @returns undefined when there was nothing to say */
  async #say(voice: TextToSpeech, text: AsyncIterable<string>): Promise<ResponseWriter | undefined> {
    let writer: ResponseWriter | undefined;
    for await (const audio of abortable(voice.speak(text, this.#stage(this.#signal)), this.#signal)) {
      writer ??= await this.#begin();
      await this.#write(writer, audio);
    }
    writer?.end();
    return writer;
  }

  async #begin(): Promise<ResponseWriter> {
    this.#mark('ttsFirstByteMs');
    this.#filler?.cancel();
    await this.#fillerSpoken;
    return this.#newResponse();
  }

  async #write(writer: ResponseWriter, audio: SpokenAudio): Promise<void> {
    const first = writer.durationMs === 0;
    await writer.write(audio.pcm, audio.text, this.#signal);
    if (this.#signal.aborted) return;
    this.#context.history.rewrite(writer.id, writer.textUntil(Infinity));
    if (first) this.#report(writer.id);
  }

  #newResponse(): ResponseWriter {
    const { ids, history, remember } = this.#context;
    const writer = new ResponseWriter(ids.responseId(), { ...this.#context, firstFrame: () => this.#mark('firstFrameSentMs') });
    history.assistant(writer.id, '');
    remember(writer.id, writer);
    return writer;
  }

  /** A recorded sentence; if even that fails there is nothing left to say. It is not remembered as conversation. */
  async #sayStandby(voice: TextToSpeech, sentences: readonly string[]): Promise<void> {
    const { clock, ids, log } = this.#context;
    const sentence = sentences[Math.floor(clock.now()) % Math.max(1, sentences.length)];
    if (sentence === undefined) return;
    const writer = new ResponseWriter(ids.responseId(), this.#context);
    try {
      for await (const audio of abortable(voice.speak(once(sentence), this.#stage(this.#signal)), this.#signal)) {
        await writer.write(audio.pcm, audio.text, this.#signal);
      }
    } catch (error) {
      if (!this.#signal.aborted) log.error('turn.standby-failed', { reason: reasonOf(error) });
    } finally {
      writer.end();
    }
  }

  async *#firstToken(words: AsyncIterable<string>): AsyncGenerator<string> {
    for await (const piece of abortable(words, this.#signal)) {
      this.#mark('llmFirstTokenMs');
      yield piece;
    }
  }

  /** Notes the time of a stage, once, if the turn began with speech. */
  #mark(stage: keyof TurnTimes): void {
    if (this.#end !== undefined) this.#times[stage] ??= Math.max(0, this.#context.clock.now() - this.#end.speechEndMs);
  }

  #report(id: string): void {
    if (this.#end === undefined) return;
    this.#context.stats.onTurn(this.#times);
    this.#context.log.info('turn', { responseId: id, ...rounded(this.#times) });
    this.#context.tell({ type: 'timing', id, speechEndSeq: Math.max(0, this.#end.speechEndSeq), ...rounded(this.#times) });
  }

  #stage(signal: AbortSignal): StageOptions {
    const { language, log } = this.#context;
    return { signal, language, report: (timing) => log.debug('turn.stage', { ...timing }) };
  }
}

/** A stage's own words are fit for a log; a stranger's may quote what was said. */
function reasonOf(error: unknown): string {
  if (error instanceof StageError) return error.message;
  return error instanceof Error ? error.name : 'unknown';
}

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}

function rounded(times: TurnTimes): TurnTimes {
  return Object.fromEntries(Object.entries(times).map(([stage, ms]) => [stage, Math.round(ms)]));
}

/** The protocol's limit for a transcript. */
const MAX_TEXT = 16_384;
/** From the turn's detection; the whole answer should take under two seconds, so this is said only when it will not. */
const FILLER_AFTER_MS = 2_500;
