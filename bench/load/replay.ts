import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { planOf } from './relay-plan.ts';
import type { RelayPlan } from './relay-plan.ts';
import type { Tape, TapedMessage } from './tape.ts';

export interface ReplayOrder {
  readonly url: string;
  readonly caFile: string;
  readonly rampMs: number;
}

/** Sends once more what the phones of this process sent, to a relay: the same lengths at the same moments. */
export class Replay {
  readonly #lines: readonly Line[];
  readonly #messages: readonly (TapedMessage & { readonly line: Line })[];

  private constructor(lines: readonly Line[]) {
    this.#lines = lines;
    this.#messages = lines.flatMap((line) => line.messages).sort((a, b) => a.atMs - b.atMs);
  }

  static async connect({ url, caFile, rampMs }: ReplayOrder, tapes: readonly Tape[]): Promise<Replay> {
    const ca = readFileSync(caFile, 'utf8');
    const lines = tapes.map((tape) => new Line(tape));
    await Promise.all(
      lines.map(async (line, index) => {
        await sleep((rampMs / lines.length) * index);
        await line.open(url, ca);
      }),
    );
    return new Replay(lines);
  }

  /** Resolves when all of it was sent. */
  async play(): Promise<void> {
    const startMs = performance.now();
    let next = 0;
    while (next < this.#messages.length) {
      const nowMs = performance.now() - startMs;
      for (
        let message = this.#messages[next];
        message !== undefined && message.atMs <= nowMs;
        message = this.#messages[++next]
      )
        message.line.send(message);
      await sleep(Math.max(1, (this.#messages[next]?.atMs ?? 0) - (performance.now() - startMs)));
    }
  }

  /** @returns ms from a message to the first of its answer */
  close(): number[] {
    for (const line of this.#lines) line.close();
    return this.#lines.flatMap(({ roundTripMs }) => roundTripMs);
  }
}

/** One phone's socket to the relay. */
class Line {
  readonly messages: readonly (TapedMessage & { readonly line: Line })[];
  readonly roundTripMs: number[] = [];
  readonly #plan: RelayPlan;
  /** When the messages were sent that the relay answers, the oldest first. */
  readonly #asked: number[] = [];
  #socket: WebSocket | undefined;
  #sent = 0;
  #askedGroups = 0;
  /** Messages still to come of the answer that is arriving. */
  #toCome = 0;
  #answeredGroups = 0;

  constructor(tape: Tape) {
    this.#plan = planOf(tape);
    const all = Array.from({ length: tape.length }, (_, index) => tape.at(index));
    this.messages = all.filter(({ down }) => !down).map((message) => ({ ...message, line: this }));
  }

  open(url: string, ca: string): Promise<void> {
    const socket = new WebSocket(url, { ca, perMessageDeflate: false });
    this.#socket = socket;
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('open', () => socket.send(JSON.stringify(this.#plan)));
      // The relay says that it has the plan.
      socket.once('message', () => {
        socket.on('message', () => this.#received());
        resolve();
      });
    });
  }

  send({ bytes, text }: TapedMessage): void {
    this.#sent++;
    if (this.#plan[this.#askedGroups]?.[0] === this.#sent) {
      this.#askedGroups++;
      this.#asked.push(performance.now());
    }
    this.#socket!.send(BYTES.subarray(0, bytes), { binary: !text });
  }

  close(): void {
    this.#socket?.terminate();
  }

  #received(): void {
    if (this.#toCome === 0) {
      this.roundTripMs.push(performance.now() - this.#asked.shift()!);
      this.#toCome = this.#plan[this.#answeredGroups++]![1].length;
    }
    this.#toCome--;
  }
}

const BYTES = Buffer.alloc(1 << 16, 0x61);
