import type { FramingName } from '../../../protocol/src/index.ts';
import type { Log } from '../../../common/src/system/log.ts';
import type { Clock } from '../../../common/src/time/clock.ts';
import type { Random } from '../../../common/src/time/random.ts';
import type { ServerCodecs } from '../media/codecs.ts';
import type { Ids } from './ids.ts';
import type { ServerLimits } from '../system/limits.ts';
import type { Pipeline } from '../pipeline/ports.ts';
import type { ServerStats } from '../system/stats.ts';
import type { ConversationStore } from '../store/conversation-store.ts';
import type { TurnTakingSettings } from '../dialogue/turn-taking.ts';
import type { EncodedRecordings } from '../media/voice-encoder.ts';

/** All that the core is given: it reaches nothing by itself, so a simulator runs it in virtual time. */
export interface Environment {
  readonly clock: Clock;
  /** For sequence numbers, timestamps and SSRCs (RFC 3550 §5.1, §8). */
  readonly random: Random;
  readonly ids: Ids;
  readonly log: Log;
  readonly codecs: ServerCodecs;
  /** Of all conversations. */
  readonly recordings: EncodedRecordings;
  readonly store: ConversationStore;
  readonly pipeline: Pipeline;
  readonly limits: ServerLimits;
  readonly turnTaking: TurnTakingSettings;
  /** ms of silence that end this patient's turn, where that was set for them. */
  readonly patienceOf?: ((deviceId: string) => number | undefined) | undefined;
  /** The language to speak with this patient, where that was set for them; else the phone's. */
  readonly languageOf?: ((deviceId: string) => string | undefined) | undefined;
  readonly stats: ServerStats;
}

/** Who is at the other end of a socket, as the upgrade's headers proved it. */
export interface Peer {
  /** Lower case. */
  readonly deviceId: string;
  readonly requestId: string;
  /** Raw where no subprotocol was offered: bare frames, no control messages. */
  readonly framing: FramingName;
}
