import { FRAME_MS, PROTOCOL_VERSION, ProtocolError, SAMPLE_RATE } from '../../../protocol/src/index.ts';
import type { CodecName, Hello, Ready, Resumed, ResumeRequest } from '../../../protocol/src/index.ts';

/** What a phone offers in `hello`, and what the server gave it to resume the conversation with. */
export class Handshake {
  readonly #offer: Hello;
  #session: Session | undefined;

  constructor({ identity, codecPreference, maxQueueMs, language }: HandshakeOptions) {
    this.#offer = {
      type: 'hello',
      protocol: PROTOCOL_VERSION,
      ...identity,
      codecs: [...codecPreference],
      frameMs: FRAME_MS,
      sampleRate: SAMPLE_RATE,
      maxQueueMs,
      language,
    };
  }

  get conversationId(): string | undefined {
    return this.#session?.conversationId;
  }

  /** @param place where both directions stand, to resume the conversation; a new one without it */
  hello(place?: StreamPlaces): Hello {
    if (place === undefined || this.#session === undefined) return this.#offer;
    return { ...this.#offer, resume: { ...this.#session, ...place } };
  }

  /** @throws {ProtocolError} unexpected-message: a codec that was not offered */
  ready({ conversationId, resumeToken, codec }: Ready): void {
    if (!this.#offer.codecs.includes(codec))
      throw new ProtocolError('unexpected-message', 'ready names a codec that was not offered');
    this.#session = { conversationId, token: resumeToken };
  }

  /** @throws {ProtocolError} unexpected-message: another conversation than the one to resume */
  resumed({ conversationId, resumeToken }: Resumed): void {
    if (conversationId !== this.#session?.conversationId)
      throw new ProtocolError('unexpected-message', 'resumed names another conversation');
    this.#session = { conversationId, token: resumeToken };
  }

  /** Nothing to resume: a raw server gives no token. */
  forget(): void {
    this.#session = undefined;
  }
}

type Session = Pick<ResumeRequest, 'conversationId' | 'token'>;
type StreamPlaces = Omit<ResumeRequest, keyof Session>;

export interface HandshakeOptions {
  readonly identity: { readonly deviceId: string; readonly bootId: string; readonly firmware: string };
  /** Best first. */
  readonly codecPreference: readonly CodecName[];
  readonly maxQueueMs: number;
  readonly language: string;
}
