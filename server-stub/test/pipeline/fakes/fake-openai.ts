import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, FaultPlan, NO_DELAYS, refuse, SLOW_MS } from './fault.ts';
import type { Delays, FakeVendorOptions, Fault } from './fault.ts';
import { bodyOf, durationOf, FakeServer, spoken, streamSound } from './fake-server.ts';
import { VENDOR_LEVEL } from './fake-elevenlabs.ts';

/**
 * A server of OpenAI's form, as its published API describes it: `POST /v1/chat/completions` (server-sent events),
 * `POST /v1/audio/transcriptions` (multipart in, JSON out), `POST /v1/audio/speech` (24 kHz PCM), errors as `{"error": {…}}`.
 */
export class FakeOpenAi {
  readonly answers = new FaultPlan();
  readonly hearing = new FaultPlan();
  readonly speech = new FaultPlan();
  /** OpenAI's current models refuse `max_tokens`, older servers do not know `max_completion_tokens`. */
  refuses: 'max_tokens' | 'max_completion_tokens' = 'max_completion_tokens';
  /** How the stream ends: OpenAI names a reason, some servers only say `[DONE]`. */
  finishReason: string | null = 'stop';
  reply = 'That sounds lovely. What was it like?';
  transcript = 'a fine day';
  /** The messages of every request for an answer. */
  readonly conversations: { role: string; content: string }[][] = [];
  readonly recordings: Buffer[] = [];
  readonly #options: FakeVendorOptions;
  readonly #delaysOf: Partial<Record<'answers' | 'hearing' | 'speech', Delays>>;
  readonly #http: FakeServer;

  constructor(
    options: FakeVendorOptions & { readonly delaysOf?: Partial<Record<'answers' | 'hearing' | 'speech', Delays>> },
  ) {
    this.#options = options;
    this.#delaysOf = options.delaysOf ?? {};
    this.#http = new FakeServer((request, response) => this.#answer(request, response));
  }

  get url(): string {
    return `${this.#http.url}/v1`;
  }

  listen(): Promise<void> {
    return this.#http.listen();
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const [plan, serve] = this.#route(request.url ?? '');
    if (plan === undefined) return void response.writeHead(404).end();
    const fault = request.headers.authorization === `Bearer ${this.#options.key}` ? plan.take() : 'unauthorised';
    if (
      refuse(response, fault, (status) => ({
        error: { message: 'as documented', type: 'error', code: String(status) },
      }))
    )
      return;
    await serve(response, body, fault);
  }

  #route(path: string): readonly [FaultPlan, Serve] | readonly [undefined, () => Promise<void>] {
    switch (path) {
      case '/v1/chat/completions':
        return [this.answers, (response, body, fault) => this.#chat(response, body, fault)];
      case '/v1/audio/transcriptions':
        return [this.hearing, (response, body, fault) => this.#transcribe(response, body, fault)];
      case '/v1/audio/speech':
        return [this.speech, (response, body, fault) => this.#speak(response, body, fault)];
      default:
        return [undefined, () => Promise.resolve()];
    }
  }

  async #chat(response: ServerResponse, body: Buffer, fault: Fault): Promise<void> {
    const request = JSON.parse(body.toString('utf8')) as ChatRequest;
    const { messages, stream } = request;
    const refused = whatIsRefused(request, this.refuses);
    if (!stream || refused !== undefined)
      return void response
        .writeHead(400, { 'Content-Type': 'application/json' })
        .end(
          JSON.stringify({
            error: { message: `Unsupported: ${refused}`, type: 'invalid_request_error', param: refused },
          }),
        );
    this.conversations.push(messages);
    await this.#first('answers', fault);
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const event = (delta: object, finish: string | null): void =>
      void response.write(
        `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 0, model: 'fake', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`,
      );
    event({ role: 'assistant', content: '' }, null);
    const tokens = this.reply.match(/.{1,4}/g) ?? [];
    const until = fault === 'cut' || fault === 'stalled' ? 2 : fault === 'malformed' ? 1 : tokens.length;
    for (const token of tokens.slice(0, until)) {
      event({ content: token }, null);
      await after(this.#options.clock, (this.#delaysOf.answers ?? NO_DELAYS).nextMs());
    }
    if (fault === 'stalled') return;
    if (fault === 'cut') return void setImmediate(() => response.destroy());
    if (fault === 'malformed') return void response.end('data: {"id": "c", "choices": [{"delta"\n\n');
    event({}, this.finishReason);
    response.end('data: [DONE]\n\n');
  }

  async #transcribe(response: ServerResponse, body: Buffer, fault: Fault): Promise<void> {
    const start = body.indexOf('RIFF');
    if (start < 0) return void response.writeHead(400).end();
    this.recordings.push(body.subarray(start));
    await this.#first('hearing', fault);
    if (fault === 'stalled') return;
    response.writeHead(200, {
      'Content-Type': 'application/json',
      ...(fault === 'cut' && { 'Content-Length': '100' }),
    });
    if (fault === 'malformed') return void response.end('{"words": 3}');
    if (fault === 'cut') {
      response.write('{"text": "a fi');
      return void setImmediate(() => response.destroy());
    }
    response.end(JSON.stringify({ text: this.transcript }));
  }

  async #speak(response: ServerResponse, body: Buffer, fault: Fault): Promise<void> {
    const { input, response_format: format } = JSON.parse(body.toString('utf8')) as {
      input: string;
      response_format: string;
    };
    if (format !== 'pcm') return void response.writeHead(400).end();
    await this.#first('speech', fault);
    if (fault === 'malformed') return void response.writeHead(200, { 'Content-Type': 'audio/mpeg' }).end('ID3');
    response.writeHead(200, { 'Content-Type': 'application/octet-stream' });
    const sound = spoken(durationOf(input), 24_000, VENDOR_LEVEL);
    await streamSound(response, sound, fault, this.#options.clock, (this.#delaysOf.speech ?? NO_DELAYS).nextMs);
  }

  async #first(stage: 'answers' | 'hearing' | 'speech', fault: Fault): Promise<void> {
    await after(this.#options.clock, (this.#delaysOf[stage] ?? NO_DELAYS).firstMs() + (fault === 'slow' ? SLOW_MS : 0));
  }
}

type Serve = (response: ServerResponse, body: Buffer, fault: Fault) => Promise<void>;

interface ChatRequest {
  readonly messages: { role: string; content: string }[];
  readonly stream: boolean;
  readonly max_tokens?: number;
  readonly max_completion_tokens?: number;
}

/** What real servers answer with 400: OpenAI for parameters, vLLM with Mistral's or Gemma's chat template for roles. */
function whatIsRefused(request: ChatRequest, parameter: 'max_tokens' | 'max_completion_tokens'): string | undefined {
  if (request[parameter] !== undefined) return parameter;
  const [first, ...talk] = request.messages;
  if (first?.role !== 'system') return 'a conversation that does not begin with the system message';
  const wrong = talk.findIndex(({ role }, at) => role !== (at % 2 === 0 ? 'user' : 'assistant'));
  if (wrong >= 0) return 'roles that do not alternate user/assistant';
  return talk.at(-1)?.role === 'user' ? undefined : 'a conversation that does not end with the user';
}
