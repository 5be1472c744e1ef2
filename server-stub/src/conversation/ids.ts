/**
 * Identifiers and secrets, as a parameter: the core asks, `node-ids.ts` answers from `node:crypto`, and a
 * simulator counts, so that a seed replays exactly.
 */
export interface Ids {
  conversationId(): string;
  responseId(): string;
  /** A resume token: at least 128 bits that nobody can guess. */
  token(): string;
  /** Compares a presented secret with the true one in constant time. */
  matches(presented: string, secret: string): boolean;
}
