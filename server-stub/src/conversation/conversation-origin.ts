import type { CodecName } from '../../../protocol/src/index.ts';
import type { Environment } from './environment.ts';
import type {
  ClaimedConversation,
  ConversationLog,
  ConversationRecord,
  DownlinkRecord,
} from '../store/conversation-store.ts';

/** What was agreed at the start and never changes. */
export interface Terms {
  readonly id: string;
  readonly deviceId: string;
  readonly codec: CodecName;
  readonly maxQueueMs: number;
  readonly language: string;
}

/** A conversation's beginning: new, or taken over from another process. */
export interface ConversationOrigin
  extends
    Pick<ConversationRecord, 'tokens' | 'micRxSeq' | 'history'>,
    Pick<ClaimedConversation, 'firstFrame' | 'frames'> {
  readonly terms: Terms;
  readonly downlink: DownlinkRecord;
  readonly store: (lost: () => void) => ConversationLog;
}

/** Both tokens are always compared, whether or not the first one fits. */
export function mayResume(
  environment: Environment,
  held: { deviceId: string; tokens: readonly string[] },
  deviceId: string,
  token: string,
): boolean {
  const matches = held.tokens.map((secret) => environment.ids.matches(token, secret));
  return matches.includes(true) && held.deviceId === deviceId;
}
