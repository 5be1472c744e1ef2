import type { Log } from '../../../common/src/system/log.ts';
import { FRAME_MS } from '../../../protocol/src/index.ts';
import type { Clock, Timer } from '../../../common/src/time/clock.ts';
import type { ExtendedSequence, ServerMessage } from '../../../protocol/src/index.ts';
import { Channel, deferred } from '../system/async-tools.ts';
import type { Deferred } from '../system/async-tools.ts';
import type { Downlink } from '../media/downlink.ts';
import { History } from './history.ts';
import type { Ids } from '../conversation/ids.ts';
import { Pause } from './transcription.ts';
import { PAUSE } from '../pipeline/ports.ts';
import type { Pipeline, Utterance, VoiceActivity } from '../pipeline/ports.ts';
import { StandbyPhrases } from './standby-phrases.ts';
import type { ServerStats, TurnTimes } from '../system/stats.ts';
import { runTurn } from './turn.ts';
import type { TurnCause, TurnContext, TurnInput } from './turn.ts';
import { TurnTaking } from './turn-taking.ts';
import type { AssistantState, TurnEvent, TurnTakingSettings } from './turn-taking.ts';
import type { VoiceEncoder } from '../media/voice-encoder.ts';

/**
 * The spoken side of a conversation: takes decoded frames, decides whose turn it is, starts turns and stops them.
 *
 *   hear → voice activity detection → turn-taking → utterance → runTurn: STT → LLM → TTS → downlink
 *
 * It goes on whether or not the phone is connected.
 */
export class Dialogue {
  readonly #options: DialogueOptions;
  readonly #history: History;
  readonly #voiceActivity: VoiceActivity;
  readonly #turnTaking: TurnTaking;
  /** The latest frames: an utterance begins before turn-taking can tell that it is speech. */
  readonly #preRoll: HeardFrame[] = [];
  #utterance: Channel<Int16Array> | undefined;
  #turn: RunningTurn | undefined;
  #spoken = new Map<string, SpokenResponse>();
  readonly #standbyPhrases: StandbyPhrases;
  /** What an interruption cut off, by response; said after all if the interruption turns out to hold no words. */
  #unheard = new Map<string, string>();
  /** Aborts with the conversation. */
  readonly #abort = new AbortController();
  #silence: Timer | undefined;
  #reprompts = 0;
  /** First frames of the utterances whose words are not in the history yet, in order. */
  #unread: ExtendedSequence[] = [];
  /** Frames before this one belong to no utterance that may yet begin. */
  #over: ExtendedSequence = 0;
  /** Utterances that began in another process. */
  #again: readonly ExtendedSequence[] = [];
  /** When the patient last spoke, by the clock. */
  lastSpeechMs: number;

  constructor(options: DialogueOptions) {
    this.#options = options;
    this.#history = new History(options.history);
    this.#standbyPhrases = new StandbyPhrases(options.pipeline.standby);
    this.#voiceActivity = options.pipeline.voiceActivity();
    this.#turnTaking = new TurnTaking(options.turnTaking);
    this.lastSpeechMs = options.clock.now();
  }

  history(): Utterance[] {
    return this.#history.utterances();
  }

  /** The receiver was lifted. */
  greet(): void {
    this.#start('greeting', undefined);
  }

  /** Resolves when nobody is speaking and no answer is being made; the turn that follows an interruption counts too. */
  async turnOver(): Promise<void> {
    while (this.#turn !== undefined) await this.#turn.over.promise;
  }

  /** First frames of the utterances that are not understood yet. */
  get unread(): readonly ExtendedSequence[] {
    return this.#unread;
  }

  /** The first frame that is still needed. @param heard the last one */
  neededFrom(heard: ExtendedSequence): ExtendedSequence {
    return Math.min(this.#unread[0] ?? Infinity, Math.max(this.#over, heard - ONSET_FRAMES));
  }

  /** @param hear hands over the frames that another process held, in which utterances begin at `utterances` */
  hearAgain(utterances: readonly ExtendedSequence[], hear: () => void): void {
    this.#again = utterances;
    hear();
    this.#again = [];
  }

  /** The conversation was claimed from another process: does what that one was about to do. */
  takeUp(): void {
    // What was said there is being heard again.
    if (this.#turn !== undefined) return;
    if (this.#history.utterances().at(-1)?.role === 'patient') this.#start('answer', undefined);
    else this.#awaitPatient();
  }

  /** The patient has the floor. */
  get listening(): boolean {
    return this.#turnTaking.speaking;
  }

  /** @param pcm 320 samples */
  hear(pcm: Int16Array, sequence: ExtendedSequence): void {
    this.#remember({ pcm, sequence });
    if (this.#again.includes(sequence)) this.#beginAgain(sequence);
    const event = this.#turnTaking.next(this.#voiceActivity.isVoice(pcm), this.#assistant());
    this.#utterance?.push(pcm);
    if (event !== undefined) this.#act(event, sequence);
    // Not at the end of the turn: the prepared answer is needed then.
    if (this.#utterance !== undefined) this.#notePause(this.#utterance, this.#turnTaking.pausing);
  }

  /** A silent frame that was not decoded; never while the patient has the floor. */
  quiet(sequence: ExtendedSequence): void {
    const event = this.#turnTaking.next(false, this.#assistant());
    if (event !== undefined) this.#act(event, sequence);
  }

  /** What the device says of a response: how much of it left its speaker. */
  played(id: string, state: 'started' | 'finished' | 'flushed', playedMs: number): void {
    if (state === 'started') return;
    // It was heard to its end after all, whatever was assumed when the patient began to speak.
    if (state === 'finished') this.#cut(id, Infinity);
    if (state === 'flushed') {
      this.#cut(id, playedMs);
      this.#options.interrupted(id, playedMs);
    }
    this.#spoken.delete(id);
    this.#options.downlink.settled(id);
  }

  /** The device stopped the assistant (a button). */
  interrupted(id: string, playedMs: number): void {
    this.#stopTurn();
    this.#flush();
    this.#unheard.clear();
    this.#cut(id, playedMs);
    this.#options.downlink.settled(id);
    this.#awaitPatient();
  }

  close(): void {
    this.#silence?.cancel();
    this.#stopTurn();
    this.#abort.abort();
    this.#utterance?.end();
    this.#voiceActivity.close();
  }

  /** The assistant also has the floor while its answer is being made: a cough must not cost that answer either. */
  #assistant(): AssistantState {
    const { downlink } = this.#options;
    if (this.#turn !== undefined && this.#utterance === undefined) return 'speaking';
    if (!downlink.speaking) return 'silent';
    return downlink.remainingMs <= ENDING_MS ? 'ending' : 'speaking';
  }

  #notePause(utterance: Channel<Int16Array>, pausing: boolean): void {
    const pause = this.#turn?.input?.pause;
    if (pausing && pause?.paused === false) utterance.push(PAUSE);
    pause?.set(pausing);
  }

  #act(event: TurnEvent, sequence: ExtendedSequence): void {
    if (event.type === 'end' || event.type === 'backchannel') this.#over = sequence + 1;
    if (event.type === 'backchannel') return;
    this.lastSpeechMs = this.#options.clock.now() - event.agoFrames * FRAME_MS;
    if (event.type === 'end') this.#patientEnded(sequence - event.agoFrames, event.agoFrames * FRAME_MS);
    else this.#patientBegan(event, sequence);
  }

  #patientBegan(event: TurnEvent, sequence: ExtendedSequence): void {
    this.#silence?.cancel();
    this.#reprompts = 0;
    this.#stopTurn();
    if (event.type === 'barge-in') {
      this.#options.stats.interruptions++;
      this.#options.log.info('dialogue.interrupted');
    }
    // What was made and not yet heard is out of date too: the patient goes on.
    this.#unheard.clear();
    // Who replies to the last words has understood them: they are not broken off for it.
    if (event.type !== 'reply') this.#flush();
    this.#listen(sequence - event.agoFrames - PRE_ROLL_FRAMES);
  }

  /** It began so in the process that had the conversation, which did what else there is to do. */
  #beginAgain(from: ExtendedSequence): void {
    this.#silence?.cancel();
    this.#utterance?.end();
    this.#stopTurn();
    this.#turnTaking.begin();
    this.#listen(from);
    // `hear` goes on with this frame.
    this.#preRoll.length = 0;
  }

  #listen(from: ExtendedSequence): void {
    const utterance = new Channel<Int16Array>(MAX_UTTERANCE_FRAMES);
    const kept = this.#preRoll.filter((heard) => heard.sequence >= from);
    for (const heard of kept) utterance.push(heard.pcm);
    this.#utterance = utterance;
    const first = kept[0]?.sequence ?? from;
    this.#unread.push(first);
    const understood = (): void => void (this.#unread = this.#unread.filter((begins) => begins !== first));
    this.#start('answer', { audio: utterance, pause: new Pause(), ended: deferred(), understood });
  }

  #patientEnded(speechEndSeq: ExtendedSequence, agoMs: number): void {
    this.#utterance?.end();
    this.#utterance = undefined;
    const now = this.#options.clock.now();
    this.#turn?.input?.ended.resolve({ speechEndSeq, speechEndMs: now - agoMs, detectedMs: now });
  }

  #start(cause: TurnCause, input: TurnInput | undefined): void {
    const abort = new AbortController();
    const turn: RunningTurn = { abort, input, over: deferred() };
    this.#turn = turn;
    const context: TurnContext = {
      ...this.#options,
      history: this.#history,
      standbyPhrases: this.#standbyPhrases,
      remember: (id, response) => this.#remembered(id, response),
      conversationSignal: this.#abort.signal,
    };
    void runTurn(context, cause, input, abort.signal).then((outcome) => {
      turn.over.resolve();
      if (this.#turn !== turn) return;
      this.#turn = undefined;
      if (outcome === 'nothing-said') this.#goOn();
      else this.#awaitPatient();
    });
  }

  /** The interruption held no words: says the rest of the answer that it cut off, or makes the answer that it prevented. */
  #goOn(): void {
    const unheard = [...this.#unheard.values()].join(' ').trim();
    this.#unheard.clear();
    if (unheard !== '') this.#start({ goOnWith: unheard }, undefined);
    else if (this.#history.utterances().at(-1)?.role === 'patient') this.#start('answer', undefined);
    else this.#awaitPatient();
  }

  #remembered(id: string, response: SpokenResponse): void {
    this.#spoken.set(id, response);
    const oldest = this.#spoken.keys().next();
    if (this.#spoken.size > MAX_SPOKEN && oldest.done !== true) this.#spoken.delete(oldest.value);
  }

  #stopTurn(): void {
    this.#turn?.abort.abort();
    this.#turn = undefined;
  }

  #flush(): void {
    for (const { id, playedMs } of this.#options.downlink.flush()) {
      this.#unheard.set(id, '');
      this.#cut(id, playedMs);
    }
  }

  #cut(id: string, playedMs: number): void {
    const spoken = this.#spoken.get(id);
    if (spoken === undefined) return;
    this.#history.rewrite(id, spoken.textUntil(playedMs));
    // The device corrects the estimate of what was heard.
    if (this.#unheard.has(id)) this.#unheard.set(id, spoken.textFrom(playedMs));
  }

  /** Reprompts after a long silence, a few times; then it waits. */
  #awaitPatient(): void {
    this.#silence?.cancel();
    if (this.#reprompts >= MAX_REPROMPTS) return;
    this.#silence = this.#options.clock.after(REPROMPT_AFTER_MS, () => {
      if (this.#options.downlink.speaking) return this.#awaitPatient();
      this.#reprompts++;
      this.#start('silence', undefined);
    });
  }

  #remember(heard: HeardFrame): void {
    this.#preRoll.push(heard);
    if (this.#preRoll.length > KEPT_FRAMES) this.#preRoll.shift();
  }
}

export interface DialogueOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly ids: Ids;
  readonly stats: ServerStats;
  readonly pipeline: Pipeline;
  readonly downlink: Downlink;
  readonly encoder: VoiceEncoder;
  readonly language: string;
  readonly turnTaking: TurnTakingSettings;
  readonly history: readonly Utterance[];
  /** To the device, when it is there. */
  readonly tell: (message: ServerMessage) => void;
  /** Called with the times of every answer. */
  readonly timed: (id: string, times: TurnTimes) => void;
  /** Called with how much was heard of an answer that the patient interrupted. */
  readonly interrupted: (id: string, playedMs: number) => void;
}

/** What is kept of a response until the device says how much of it was heard. */
interface SpokenResponse {
  textUntil(playedMs: number): string;
  /** Whole sentences, from the one that `playedMs` falls into. */
  textFrom(playedMs: number): string;
}

interface HeardFrame {
  readonly pcm: Int16Array;
  readonly sequence: ExtendedSequence;
}

interface RunningTurn {
  readonly abort: AbortController;
  readonly input: TurnInput | undefined;
  readonly over: Deferred<void>;
}

/** Quiet beginnings of words that voice activity detection missed. */
const PRE_ROLL_FRAMES = 200 / FRAME_MS;
/** More than the longest time in which speech is told from a noise, and the pre-roll. */
const ONSET_FRAMES = 1_400 / FRAME_MS;
/** Holds the longest time in which a barge-in is decided, and the pre-roll before it. */
const KEPT_FRAMES = 2_000 / FRAME_MS;
const MAX_UTTERANCE_FRAMES = 60_000 / FRAME_MS;
/** Who speaks this shortly before the assistant's end does not assent to it, but answers. */
const ENDING_MS = 700;
const MAX_SPOKEN = 32;
const REPROMPT_AFTER_MS = 12_000;
const MAX_REPROMPTS = 3;
