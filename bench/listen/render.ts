import type { CodecFactory } from '../../common/src/codec/codecs.ts';
import { Downlink } from '../../device/src/downlink.ts';
import type { FrameCounters } from '../../common/src/concealment/frame-counters.ts';
import { newFrameCounters } from '../../common/src/concealment/frame-counters.ts';
import type { Rung } from '../../common/src/concealment/ladder.ts';
import type { PromptSource } from '../../device/src/playout/prompts.ts';
import { seededRandom } from '../../common/src/time/random.ts';
import { FRAME_MS, FRAME_SAMPLES } from '../../protocol/src/index.ts';
import { VirtualClock } from '../../common/src/time/virtual-clock.ts';
import type { Scenario } from '../network/scenarios.ts';
import { companionSpeech } from './speech.ts';
import { send } from './ways.ts';
import type { Way } from './ways.ts';

export interface Listening {
  readonly way: Way;
  readonly scenario: Scenario;
  readonly seconds: number;
  readonly seed: number;
}

/** What one frame of 20 ms was made of; `waiting`: something was due and not there. */
export interface Slot {
  readonly rung: Rung | 'prompt';
  readonly state: 'flowing' | 'waiting' | 'idle';
  readonly queuedMs: number;
}

export interface Heard {
  /** 16 kHz; 320 samples a slot. */
  readonly samples: Int16Array;
  readonly slots: readonly Slot[];
  /** The phone's ladder, and the sender's `sent` and `shed`. */
  readonly counters: FrameCounters;
}

/** Between the sender's frames and the speaker's: two clocks never agree. */
const SPEAKER_PHASE_MS = 7;

/** What the patient hears: real speech, encoder, packets and downlink; a model of the network; virtual time. The same for the same seed. */
export async function listen(
  { way, scenario, seconds, seed }: Listening,
  codecs: CodecFactory,
  prompts: PromptSource,
): Promise<Heard> {
  await codecs.prepare(2);
  const clock = new VirtualClock();
  const counters = newFrameCounters();
  const slots: Slot[] = [];
  const downlink: Downlink = new Downlink({
    decoderFor: (codec) => codecs.decoder(codec),
    random: seededRandom(seed),
    counters,
    prompts,
    onPlayback() {},
    onRung: (rung, state) => slots.push({ rung, state, queuedMs: queuedMs() }),
  });
  /** Frames that arrived and were not played: `ack` would take the loss rate from the sender. */
  const queuedMs = (): number =>
    Math.max(0, counters.received - counters.late - counters.duplicate - counters.played) * FRAME_MS;
  const sent = send(way, { clock, scenario, seed, seconds, codecs, utterances: companionSpeech(seconds), downlink });
  const samples = new Int16Array(Math.floor((seconds * 1_000) / FRAME_MS) * FRAME_SAMPLES);
  for (let at = 0; at < samples.length; at += FRAME_SAMPLES) {
    clock.runUntil((at / FRAME_SAMPLES) * FRAME_MS + SPEAKER_PHASE_MS);
    downlink.render(samples.subarray(at, at + FRAME_SAMPLES), clock.now());
  }
  downlink.close();
  return { samples, slots, counters: { ...counters, sent: sent.sent, shed: sent.shed } };
}
