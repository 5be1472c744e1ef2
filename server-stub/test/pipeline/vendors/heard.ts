import { FRAME_MS } from '../../../../protocol/src/index.ts';
import { VirtualClock } from '../../../../common/src/time/virtual-clock.ts';
import type { Pipeline, SentenceTextToSpeech, SpeechToText, TextToSpeech } from '../../../src/pipeline/ports.ts';
import { CircuitBreaker } from '../../../src/pipeline/resilience/circuit-breaker.ts';
import { NO_HEDGING, ResponseTimes } from '../../../src/pipeline/resilience/hedging.ts';
import { ResilientSpeechToText } from '../../../src/pipeline/resilience/resilient-stt.ts';
import { ResilientLanguageModel } from '../../../src/pipeline/resilience/resilient-llm.ts';
import { ResilientTextToSpeech } from '../../../src/pipeline/resilience/resilient-tts.ts';
import { openElevenLabs } from '../../../src/pipeline/vendors/elevenlabs.ts';
import { openOpenAi } from '../../../src/pipeline/vendors/openai.ts';
import { ElevenLabsSpeechToText } from '../../../src/pipeline/stt/elevenlabs-stt.ts';
import { ElevenLabsTextToSpeech } from '../../../src/pipeline/tts/elevenlabs-tts.ts';
import { OpenAiSpeechToText } from '../../../src/pipeline/stt/openai-stt.ts';
import { OpenAiLanguageModel } from '../../../src/pipeline/llm/openai-llm.ts';
import { OpenAiTextToSpeech } from '../../../src/pipeline/tts/openai-tts.ts';
import { levelOf } from '../../support/phone.ts';
import type { TestPhone } from '../../support/phone.ts';
import { SILENCE, VOICE, world } from '../../support/world.ts';
import type { World } from '../../support/world.ts';
import { FakeElevenLabs, VENDOR_LEVEL } from '../fakes/fake-elevenlabs.ts';
import { FakeOpenAi } from '../fakes/fake-openai.ts';

export const KEY = 'a-key-that-no-log-may-hold';
const LEVELS: Readonly<Record<number, string>> = {
  [VENDOR_LEVEL]: 'answer',
  100: 'filler',
  200: 'apology',
  300: 'trouble',
  400: 'stand-in',
};

/** Less than until the companion asks again by itself. */
const LISTEN_MS = 12_000;
/** Longer than between a filler and what follows it. */
const ALL_SAID_MS = 4_300;

/** A stretch of what the patient hears. */
export interface Stretch {
  readonly what: string;
  readonly ms: number;
}

/**
 * A whole server in virtual time, with the real adapters and vendors' SDKs talking to fake vendors over real sockets in
 * the same process: time stands still while they do.
 */
export class PatientRig {
  readonly clock = new VirtualClock();
  readonly elevenLabs = new FakeElevenLabs({ clock: this.clock, key: KEY });
  readonly openAi = new FakeOpenAi({ clock: this.clock, key: KEY });
  readonly failures: string[] = [];
  #world!: World;
  #phone!: TestPhone;
  #played = 0;

  static async start(which: 'elevenlabs' | 'openai'): Promise<PatientRig> {
    const rig = new PatientRig();
    await Promise.all([rig.elevenLabs.listen(), rig.openAi.listen()]);
    await rig.#begin(which);
    return rig;
  }

  async stop(): Promise<void> {
    this.#phone.say({ type: 'end', reason: 'hangup' });
    await Promise.all([this.elevenLabs.close(), this.openAi.close()]);
  }

  get log(): World['log'] {
    return this.#world.log;
  }

  history(): readonly { role: string; content: string }[] {
    return this.openAi.conversations.at(-1) ?? [];
  }

  /** The patient speaks for a second, and listens until all seems said. @returns what they hear from their last word on */
  async ask(): Promise<Stretch[]> {
    await this.#talk(VOICE, 1_000);
    return this.#talk(SILENCE, LISTEN_MS, ALL_SAID_MS);
  }

  async #begin(which: 'elevenlabs' | 'openai'): Promise<void> {
    const pipeline = await this.#pipeline(which);
    this.#world = world({ clock: this.clock, core: { pipeline } });
    this.#phone = this.#world.connect();
    this.#phone.hello();
    // The greeting is the companion's; what is tested begins after it.
    await this.#talk(SILENCE, 5_000);
  }

  async #talk(level: number, ms: number, untilSilentMs = Infinity): Promise<Stretch[]> {
    const stretches: { what: string; ms: number }[] = [];
    for (let frame = 0; frame < ms / FRAME_MS; frame++) {
      this.#phone.speak(level);
      for (let step = 0; step < 2; step++) {
        this.clock.advance(FRAME_MS / 2);
        await settle();
      }
      const what = this.#hear();
      if (stretches.at(-1)?.what === what) stretches.at(-1)!.ms += FRAME_MS;
      else stretches.push({ what, ms: FRAME_MS });
      if (stretches.length > 1 && what === 'silence' && stretches.at(-1)!.ms >= untilSilentMs) break;
    }
    return stretches;
  }

  /** The phone plays whatever came, in order, one frame at a time. */
  #hear(): string {
    const frame = this.#phone.frames[this.#played];
    if (frame === undefined) return 'silence';
    this.#played++;
    return LEVELS[levelOf(frame.packet)] ?? 'answer';
  }

  async #pipeline(which: 'elevenlabs' | 'openai'): Promise<Pipeline> {
    const openAi = await openOpenAi(this.openAi.url, KEY);
    const [speechToText, textToSpeech] =
      which === 'elevenlabs'
        ? await this.#elevenLabs()
        : ([
            new OpenAiSpeechToText(openAi, 'whisper-1'),
            new OpenAiTextToSpeech(openAi, { model: 'tts-1', voice: 'alloy' }),
          ] as const);
    const model = new OpenAiLanguageModel(openAi, { model: 'fake', prompt: 'be kind', maxTokens: 50 });
    const resilience = (stage: 'speech-to-text' | 'language-model' | 'text-to-speech') => ({
      clock: this.clock,
      stage,
      breaker: new CircuitBreaker(this.clock),
      responseTimes: new ResponseTimes(this.clock, NO_HEDGING),
      failed: (failing: string, error: unknown) =>
        void this.failures.push(`${failing}: ${error instanceof Error ? error.message : ''}`),
    });
    return {
      speechToText: new ResilientSpeechToText(speechToText, fallbackSpeechToText, resilience('speech-to-text')),
      languageModel: new ResilientLanguageModel(
        model,
        {
          async *reply() {
            yield 'I am here. ';
          },
        },
        resilience('language-model'),
      ),
      textToSpeech: new ResilientTextToSpeech(textToSpeech, speechAt(400), resilience('text-to-speech')),
      standby: { textToSpeech: standbySpeech, fillers: ['filler'], apologies: ['apology', 'trouble'], greetings: [] },
      voiceActivity: () => ({ isVoice: (frame) => Math.abs(frame[0]!) > 1_000, close() {} }),
    };
  }

  async #elevenLabs(): Promise<readonly [SpeechToText, SentenceTextToSpeech]> {
    const client = await openElevenLabs(this.elevenLabs.url, KEY);
    return [
      new ElevenLabsSpeechToText(client, { modelId: 'scribe_v2_realtime' }),
      new ElevenLabsTextToSpeech(client, { voiceId: 'voice', modelId: 'eleven_flash_v2_5' }),
    ];
  }
}

/** Lets what is under way on sockets of this process arrive. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const fallbackSpeechToText: SpeechToText = {
  async *transcribe(audio) {
    for await (const _frame of audio);
    yield { text: '(speech)', final: true };
  },
};

function speechAt(level: number): TextToSpeech {
  return {
    async *speak(text) {
      for await (const sentence of text) yield { pcm: new Int16Array(16_000).fill(level), text: sentence };
    },
  };
}

const standbySpeech: TextToSpeech = {
  async *speak(text) {
    for await (const sentence of text)
      yield {
        pcm: new Int16Array(16_000).fill({ filler: 100, apology: 200, trouble: 300 }[sentence] ?? 0),
        text: sentence,
      };
  },
};
