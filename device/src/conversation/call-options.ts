import type { Clock } from '../../../common/src/time/clock.ts';
import type { Random } from '../../../common/src/time/random.ts';
import type { CodecName, ExtendedSequence } from '../../../protocol/src/index.ts';
import type { CodecFactory } from '../../../common/src/codec/codecs.ts';
import type { Transport } from '../connection/transport.ts';
import type { DownlinkOptions } from '../downlink.ts';
import type { PromptSource } from '../playout/prompts.ts';
import type { PlaybackEvent } from '../playout/response-playout.ts';
import type { Log } from '../../../common/src/system/log.ts';
import type { CallReport, Turn } from './report.ts';
import type { Phase } from './state.ts';

/** All that a call is made of, and whom it tells. */
export interface CallOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly transport: Transport;
  readonly codecs: CodecFactory;
  readonly prompts: PromptSource;
  /** Whether somebody may be listening to prompts; always, when absent. */
  readonly attended?: (() => boolean) | undefined;
  readonly identity: { readonly deviceId: string; readonly bootId: string; readonly firmware: string };
  /** What we offer, best first. */
  readonly codecPreference: readonly CodecName[];
  readonly bitrate: number;
  readonly maxQueueMs: number;
  readonly language: string;
  /** From `render` to the ear, ms. */
  readonly outputDelayMs: () => number;
  readonly onEnded: (report: CallReport) => void;
  readonly onPhase?: (phase: Phase) => void;
  readonly onTurn?: (turn: Turn) => void;
  readonly onPlayback?: (event: PlaybackEvent) => void;
  /** For measurements: each microphone frame, and what each frame for the speaker was made of. */
  readonly onCaptured?: ((sequence: ExtendedSequence) => void) | undefined;
  readonly onRendered?: DownlinkOptions['onRung'];
  /** What was said, for a person watching a demonstration; never logged. */
  readonly onTranscript?: (role: 'patient' | 'assistant', text: string, final: boolean) => void;
}
