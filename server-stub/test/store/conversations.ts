import type { ConversationRecord } from '../../src/store/conversation-store.ts';

/** A conversation as its server might describe it. */
export function conversation(id: string, changes: Partial<ConversationRecord> = {}): ConversationRecord {
  return {
    id,
    deviceId: 'device-1',
    codec: 'pcm',
    maxQueueMs: 30_000,
    language: 'en',
    tokens: ['first-token'],
    downlink: {
      ssrc: 7,
      firstSequence: 65_530,
      firstTimestamp: 4_000_000_000,
      responses: [{ id: 'r1', firstSeq: 65_530 }],
      flushing: [],
    },
    micRxSeq: -1,
    history: [{ role: 'assistant', text: 'Grüß Gott — “hello”' }],
    ...changes,
  };
}

/** A frame that says its number, and holds bytes that text would not survive. */
export function frame(number: number): Uint8Array {
  return Uint8Array.from([0, 0xff, 0x80, 0x0d, 0x0a, number & 0xff, number >> 8]);
}

export function frames(first: number, last: number): Uint8Array[] {
  return Array.from({ length: last - first + 1 }, (_, index) => frame(first + index));
}

export const anybody = (): boolean => true;
export const nobodyLost = (): void => {
  throw new Error('nobody was to lose it');
};
