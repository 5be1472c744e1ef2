import { VirtualClock } from '../../common/src/time/virtual-clock.ts';
import type { SimulationContext } from './context.ts';
import { Intruder } from './intruder.ts';
import { judgePair } from './judge-endings.ts';
import type { CallRecord } from './judge-endings.ts';
import { judgeLog } from './judge-secrets.ts';
import { Ledger } from './ledger.ts';
import { PhoneSite } from './phone-site.ts';
import { PhoneWitness } from './phone-witness.ts';
import type { Admission } from './network.ts';
import { endOf, REST_MS } from './script.ts';
import type { Script, ScriptEvent } from './script.ts';
import { ServerHost } from './server-host.ts';
import { ServerJudge } from './judge-server.ts';
import { Trace } from './trace.ts';
import { Verdict } from './violation.ts';

/** One phone's identity; the clone has the same. */
const DEVICE_ID = '00000000-0000-4000-8000-000000000001';

/** Everything of one run: a phone, a server, the network between them, and what befalls them. */
export class World {
  readonly clock = new VirtualClock();
  readonly verdict = new Verdict(() => this.clock.now());
  readonly trace = new Trace();
  readonly host: ServerHost;
  readonly phone: PhoneSite;
  readonly #context: SimulationContext;
  readonly #sites: PhoneSite[] = [];
  readonly #server: ServerJudge;
  readonly #weather = { changes: 0 };

  constructor(script: Script) {
    const { clock, verdict, trace } = this;
    const ledger = new Ledger(() => clock.now());
    this.#server = new ServerJudge(ledger, verdict, clock);
    this.host = new ServerHost({
      clock,
      script,
      ledger,
      judge: this.#server,
      onHeard: (stamp, again) => this.#sites[stamp.source]?.witness.heardByServer(stamp.index, again),
    });
    this.#context = {
      clock,
      script,
      verdict,
      ledger,
      trace,
      host: this.host,
      server: this.#server,
      weather: this.#weather,
    };
    this.phone = this.#newSite(DEVICE_ID);
    clock.every(AUDIT_MS, () => this.#audit());
    for (const event of script.events) clock.after(event.atMs, () => this.#befall(event));
  }

  /** Plays the script, puts the receiver down, and waits until everything must have come to rest. */
  async run(): Promise<void> {
    const { lengthMs, events } = this.#context.script;
    await this.clock.runUntilAsync(lengthMs);
    if (lengthMs >= restBegins(events)) this.phone.witness.atRest();
    this.phone.hangUp();
    await this.clock.runUntilAsync(lengthMs + AFTERMATH_MS);
    this.#nothingLeft();
    const lines = [...this.host.log.lines, ...this.#sites.flatMap((site) => site.log.lines)];
    judgeLog(lines, this.verdict);
    // Neither end meets anything here that it should call an error of its own.
    for (const { level, event, fields } of lines)
      if (level === 'error') this.verdict.fail(3, 'error-logged', `'${event}' ${JSON.stringify(fields)}`);
  }

  counters(): RunCounters {
    const { conversations } = this.#context.ledger;
    return {
      heardFrames: sum(this.#sites.map(({ witness }) => witness.heardFrames)),
      spokenFrames: sum(this.#sites.map(({ witness }) => witness.spokenFrames)),
      resumed: sum(this.host.processes.map(({ core }) => core.stats.resumed)),
      highestSequence: Math.max(0, ...[...conversations.values()].map(({ made }) => made.at(-1)?.sequence ?? 0)),
    };
  }

  #befall(event: ScriptEvent): unknown {
    const { phone, host } = this;
    const wire = phone.network.newest;
    this.#weatherChanges();
    switch (event.type) {
      case 'lift':
        return phone.lift();
      case 'hang-up':
        return phone.hangUp();
      case 'speak':
        return phone.speak(event.ms);
      case 'path':
        return void Object.assign(phone.network.path, {
          latencyMs: event.latencyMs,
          jitterMs: event.jitterMs,
          bytesPerSecond: event.kbitPerSecond * 125,
        });
      case 'outage': {
        phone.network.block(event.direction);
        return this.#later(event.ms, () => {
          phone.network.unblock(event.direction);
          if (event.reported) phone.networkUp();
        });
      }
      case 'stall': {
        wire?.block(event.direction);
        return this.#later(event.ms, () => wire?.unblock(event.direction));
      }
      case 'sever':
        return wire?.sever(event.direction);
      case 'reset':
        return wire?.reset(event.who);
      case 'connects': {
        host.gate = GATES[event.mode](event.retryAfterMs);
        return this.#later(event.ms, () => {
          host.gate = { type: 'accept' };
        });
      }
      case 'slow-requests': {
        phone.network.slowRequests(event.byMs);
        return this.#later(event.ms, () => phone.network.slowRequests(0));
      }
      case 'kill': {
        host.kill(event.store);
        return this.#later(event.downMs, () => host.start());
      }
      case 'drain': {
        host.drain(event.lingerMs);
        return this.#later(event.downMs, () => host.start());
      }
      case 'power-cut': {
        if (!phone.powered) return undefined;
        phone.powerCut();
        return this.#later(event.ms, () => phone.powerOn());
      }
      case 'clone': {
        const clone = this.#newSite(DEVICE_ID);
        clone.lift();
        return this.#later(event.ms, () => clone.hangUp());
      }
      case 'intruder':
        return this.#intrude(event.with);
      case 'wall-step':
        return event.end === 'device' ? phone.clock.stepWall(event.ms) : host.stepWall(event.ms);
      case 'card-stall':
        return phone.card.stall(event.ms);
      case 'network-up':
        return phone.networkUp();
    }
  }

  #intrude(manner: 'spent-token' | 'other-device' | 'guess'): void {
    const conversation = this.phone.witness.conversation;
    if (conversation !== undefined) new Intruder(this.#context, conversation, manner).begin();
  }

  #newSite(deviceId: string): PhoneSite {
    const site = new PhoneSite(
      this.#context,
      this.#sites.length,
      deviceId,
      (owner) => new PhoneWitness(this.#context, owner),
    );
    this.#sites.push(site);
    return site;
  }

  #later(ms: number, then: () => void): void {
    this.clock.after(ms, () => {
      this.#weatherChanges();
      then();
    });
  }

  #weatherChanges(): void {
    this.#weather.changes++;
  }

  #audit(): void {
    for (const site of this.#sites) {
      site.witness.audit();
      this.#server.watchLinks(site.network.wires);
    }
    this.#server.audit(this.host);
  }

  /** Promise 3: both ends are idle, and nothing is left open. */
  #nothingLeft(): void {
    const left = (count: number, what: string): void => {
      if (count !== 0) this.verdict.fail(3, 'left-open', `${count} ${what} left when everything was over`);
    };
    for (const site of this.#sites) {
      left(site.clock.open, 'timers of the phone');
      left(site.card.streams, 'sound streams');
      left(site.codecs.open, 'codecs of the phone');
      left(site.network.wires.length, 'sockets');
      left(site.witness.calls.filter(({ phase }) => phase !== 'idle').length, 'calls');
    }
    for (const process of this.host.processes) {
      if (process.killed) continue;
      left(process.clock.open, 'timers of the server');
      left(process.core.conversations().length, 'conversations');
      left(process.core.stats.connections, 'connections');
      left(process.codecs.open, 'codecs of the server');
      left(process.voice.stages, 'voice stages');
    }
    left(this.host.storedConversations, 'conversations in the store');
    left(this.host.storeTimers, 'timers of the store');
    for (const site of this.#sites) for (const { record } of site.witness.calls) this.#judgePair(record);
  }

  #judgePair(call: CallRecord): void {
    const conversation =
      call.conversationId === undefined ? undefined : this.#context.ledger.conversations.get(call.conversationId);
    if (conversation !== undefined && call.endReason !== undefined) judgePair(call, conversation, this.verdict);
  }
}

type Gate = Extract<ScriptEvent, { type: 'connects' }>['mode'];
const GATES: Readonly<Record<Gate, (retryAfterMs: number) => Admission>> = {
  refuse: () => ({ type: 'refuse' }),
  hang: () => ({ type: 'hang' }),
  forbid: () => ({ type: 'forbid' }),
  busy: (retryAfterMs) => ({ type: 'busy', retryAfterMs }),
};

const AUDIT_MS = 1_000;
/** Detection, the whole window, and an attempt begun at its end. */
const AFTERMATH_MS = 46_000;

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function restBegins(events: readonly ScriptEvent[]): number {
  return Math.max(...events.map(endOf)) + REST_MS;
}

/** What went on in a run, so that a test can tell that something did. */
export interface RunCounters {
  /** Frames of the companion that left a speaker. */
  readonly heardFrames: number;
  /** Microphone frames that the server was given. */
  readonly spokenFrames: number;
  readonly resumed: number;
  /** Highest extended sequence number of a frame made. */
  readonly highestSequence: number;
}
