import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Ids } from './ids.ts';

export const nodeIds: Ids = {
  conversationId: () => randomUUID(),
  responseId: () => randomBytes(9).toString('base64url'),
  token: () => randomBytes(32).toString('base64url'),
  // Hashing first makes both sides equally long, which `timingSafeEqual` asks for, and hides the secret's length.
  matches: (presented, secret) => timingSafeEqual(sha256(presented), sha256(secret)),
};

export function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
