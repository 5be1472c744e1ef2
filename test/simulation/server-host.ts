import { createServerCore } from '../../server-stub/src/conversation/core.ts';
import type { Ids } from '../../server-stub/src/conversation/ids.ts';
import type { ServerCodecs } from '../../server-stub/src/media/codecs.ts';
import { MemoryConversationStore } from '../../server-stub/src/store/memory-store.ts';
import type { VirtualClock } from '../../common/src/time/virtual-clock.ts';
import { stampCodecs } from './codecs.ts';
import { EndClock } from './end-clock.ts';
import { TOKEN_MARK } from './judge-secrets.ts';
import type { ServerJudge } from './judge-server.ts';
import type { Conversation, Ledger } from './ledger.ts';
import { LogBook } from './log-book.ts';
import type { Admission, Host } from './network.ts';
import { stampPipeline } from './pipeline.ts';
import { ProcessStore } from './process-store.ts';
import { stream } from './script.ts';
import type { ServerProcess } from './server-process.ts';
import type { Script } from './script.ts';
import { unpackStamp } from './stamp.ts';
import type { Stamp } from './stamp.ts';
import type { Endpoint } from './wire.ts';

export interface HostOptions {
  readonly clock: VirtualClock;
  readonly script: Script;
  readonly ledger: Ledger;
  readonly judge: ServerJudge;
  /** A microphone frame was heard. @param again the first one that a process hears which had a predecessor */
  readonly onHeard: (stamp: Stamp, again: boolean) => void;
}

/** The server's machine: processes come and go, the conversation store beside them stays (or is lost). */
export class ServerHost implements Host {
  readonly processes: ServerProcess[] = [];
  readonly log: LogBook;
  /** What is done with connections while a process listens. */
  gate: Admission = { type: 'accept' };
  readonly #options: HostOptions;
  readonly #storeClock: EndClock;
  #store: MemoryConversationStore;
  #listening: ServerProcess | undefined;
  #sources = 0;
  #names = 0;
  #wallStepMs = 0;

  constructor(options: HostOptions) {
    this.#options = options;
    this.#storeClock = new EndClock(options.clock, 0);
    this.#store = new MemoryConversationStore(this.#storeClock);
    this.log = new LogBook((line) => options.judge.line(line, this.processes[Number(line.fields['process'])]));
    this.start();
  }

  get storedConversations(): number {
    return this.#store.size;
  }

  get storeTimers(): number {
    return this.#storeClock.open;
  }

  admission(): Admission {
    return this.#listening === undefined ? { type: 'refuse' } : this.gate;
  }

  accept(socket: Endpoint, peer: { readonly deviceId: string; readonly requestId: string }): void {
    const { core, endpoints } = this.#listening!;
    endpoints.add(socket);
    core.accept(socket, { ...peer, framing: 'rtp' });
  }

  start(): void {
    if (this.#listening !== undefined) return;
    const process = this.#newProcess();
    this.processes.push(process);
    this.#listening = process;
  }

  /** SIGKILL. */
  kill(store: 'kept' | 'lost'): void {
    const process = this.#listening;
    if (process === undefined) return;
    this.#listening = undefined;
    process.killed = true;
    process.running = false;
    process.clock.kill();
    process.store.kill();
    for (const endpoint of process.endpoints) endpoint.desert();
    this.#options.ledger.processKilled();
    if (store === 'lost') this.#loseStore();
  }

  /** SIGTERM: phones are sent away now; the process is gone `lingerMs` later. */
  drain(lingerMs: number): void {
    const process = this.#listening;
    if (process === undefined) return;
    this.#listening = undefined;
    process.core.drain();
    this.#options.clock.after(lingerMs, () => {
      process.running = false;
      process.core.dispose();
    });
  }

  /** True while a process or the store has the conversation. */
  holds({ id }: Conversation): boolean {
    if (this.processes.some(({ running, core }) => running && core.conversations().some((held) => held.id === id)))
      return true;
    let stored = false;
    void this.#store.claim(
      id,
      () => {
        stored = true;
        return false;
      },
      () => {},
    );
    return stored;
  }

  /** The wall clock is set. */
  stepWall(ms: number): void {
    this.#wallStepMs += ms;
    for (const process of this.processes) process.clock.stepWall(ms);
  }

  #loseStore(): void {
    this.#store = new MemoryConversationStore(this.#storeClock);
  }

  #newProcess(): ServerProcess {
    const { clock: master, script, ledger } = this.#options;
    const number = this.processes.length;
    const clock = new EndClock(master, script.world.serverPpm, script.world.serverWallMs + this.#wallStepMs);
    const store = new ProcessStore(this.#store, master, script.world.storeDelayMs, ledger, number);
    const codecs = { open: 0 };
    const voice = { stages: 0 };
    // What another process had heard and nobody had understood is heard again, whether it was killed or drained.
    const successor = number > 0;
    const core = createServerCore({
      clock,
      store,
      random: stream(script.seed, `server ${number}`),
      ids: this.#ids(),
      log: this.log.log({ process: number }),
      codecs: this.#codecs(codecs, successor),
      pipeline: stampPipeline({
        clock,
        running: voice,
        answers: script.world.answers,
        random: stream(script.seed, `pipeline ${number}`),
        nextSource: () => ++this.#sources,
      }),
    });
    return { number, core, clock, store, codecs, voice, endpoints: new Set(), running: true, killed: false };
  }

  #ids(): Ids {
    const next = (): number => ++this.#names;
    return {
      conversationId: () => `conversation-${next()}`,
      responseId: () => `response-${next()}`,
      token: () => `${TOKEN_MARK}-${next()}-long-enough`,
      matches: (presented, secret) => presented === secret,
    };
  }

  /** What the decoder is given is what the server hears. */
  #codecs(leaks: { open: number }, successor: boolean): ServerCodecs {
    const codecs = stampCodecs(leaks);
    return {
      ...codecs,
      decoder: (codec) => {
        const decoder = codecs.decoder(codec);
        let first = successor;
        return {
          ...decoder,
          decode: (payload) => {
            this.#options.onHeard(unpackStamp(payload)!, first);
            first = false;
            return decoder.decode(payload);
          },
        };
      },
    };
  }
}
