import type { SimulationContext } from './context.ts';
import type { Conversation } from './ledger.ts';
import { SimulatedNetwork } from './network.ts';

/** A token is spent once the phone has shown that it got the next one: until then `resumed` could have been lost. */
function tokenFor(
  { tokens, confirmedTokens }: Conversation,
  manner: 'spent-token' | 'other-device' | 'guess',
): string | undefined {
  switch (manner) {
    case 'guess':
      return 'a-guess-of-the-right-length';
    case 'other-device':
      return tokens.at(-1);
    case 'spent-token':
      return tokens[confirmedTokens - 2];
  }
}

const OTHER_DEVICE = '00000000-0000-4000-8000-000000000666';
const STAYS_MS = 3_000;

/** Somebody who tries to take a conversation over: with a token that was used up, with a good one from another device, or by guessing. */
export class Intruder {
  readonly #context: SimulationContext;
  readonly #conversation: Conversation;
  readonly #deviceId: string;
  readonly #token: string | undefined;

  constructor(
    context: SimulationContext,
    conversation: Conversation,
    manner: 'spent-token' | 'other-device' | 'guess',
  ) {
    this.#context = context;
    this.#conversation = conversation;
    this.#deviceId = manner === 'other-device' ? OTHER_DEVICE : conversation.deviceId;
    this.#token = tokenFor(conversation, manner);
  }

  begin(): void {
    if (this.#token === undefined) return;
    const { clock, host, verdict } = this.#context;
    const network = new SimulatedNetwork({
      clock,
      host,
      deviceId: this.#deviceId,
      random: () => 0.5,
      kernelBytes: 100_000,
      witness: {},
      path: { latencyMs: 20, jitterMs: 0, bytesPerSecond: 1_000_000 },
    });
    network.connect({
      opened: ({ socket }) => {
        socket.listen({
          text: (data) => {
            if (/"type":"(resumed|ready)"/.test(data))
              verdict.fail(3, 'intruder-admitted', `a stranger resumed ${this.#conversation.id}`);
          },
          binary: () => {},
          activity: () => {},
          closed: () => {},
        });
        socket.send(this.#hello());
        clock.after(STAYS_MS, () => socket.terminate());
      },
      failed: () => {},
    });
  }

  #hello(): string {
    return JSON.stringify({
      type: 'hello',
      protocol: 1,
      deviceId: this.#deviceId,
      bootId: 'elsewhere',
      firmware: 'unknown',
      codecs: ['opus'],
      frameMs: 20,
      sampleRate: 16_000,
      maxQueueMs: 30_000,
      language: 'en',
      resume: { conversationId: this.#conversation.id, token: this.#token, rxSeq: -1, playedTs: 0, firstTxSeq: 0 },
    });
  }
}
