import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { PHONE } from '../../scripts/programs.ts';
import type { Machine } from './emulator/machine.ts';
import { HOOK_LINE, LED_LINE } from './emulated-board.ts';

const UNIT = 'bestday-phone.service';
const POLL_MS = 300;

/** A line of the phone's log, with the guest's clock since its boot. */
export interface LogEvent {
  readonly monotonicMs: number;
  readonly event: string;
  readonly [field: string]: unknown;
}

/** The phone in the emulated board, as its user and a technician have it. */
export class BootedPhone {
  readonly machine: Machine;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  async lift(): Promise<void> {
    await this.#hook(true);
  }

  async putDown(): Promise<void> {
    await this.#hook(false);
  }

  /** @returns whether the lamp was lit, looked at ten times in two seconds */
  async watchLamp(): Promise<readonly boolean[]> {
    const seen: boolean[] = [];
    for (let look = 0; look < 10; look++) {
      seen.push(await this.machine.wires.isHigh(LED_LINE));
      await sleep(200);
    }
    return seen;
  }

  /** @returns a property of the phone's unit */
  async show(property: string): Promise<string> {
    return this.machine.shell.run(`systemctl show ${UNIT} --value -p ${property}`);
  }

  /** ms since the guest's kernel started, when the unit last became active. */
  async readySinceMs(): Promise<number> {
    return Number(await this.show('ActiveEnterTimestampMonotonic')) / 1_000;
  }

  async uptimeMs(): Promise<number> {
    return 1_000 * Number((await this.machine.shell.run('cat /proc/uptime')).split(' ')[0]);
  }

  /** The phone's log since then, oldest first. */
  async log(sinceMs = 0): Promise<LogEvent[]> {
    const text = await this.machine.shell.run(`journalctl -b -u ${UNIT} -o json --output-fields=MESSAGE --no-pager`);
    return text
      .split('\n')
      .flatMap((line) => eventIn(line))
      .filter(({ monotonicMs }) => monotonicMs >= sinceMs);
  }

  /** Polls: what is awaited is another machine's own time. @throws {Error} not in time, with what the phone said last */
  async until<T>(what: string, limitMs: number, holds: () => Promise<T | undefined | false>): Promise<T> {
    const untilMs = performance.now() + limitMs;
    for (;;) {
      const value = await holds();
      if (value !== undefined && value !== false) return value;
      if (performance.now() > untilMs)
        throw new Error(`${what}: not within ${limitMs / 1_000} s\n${await this.lastWords()}`);
      await sleep(POLL_MS);
    }
  }

  /** The service runs, rests, and has all that it needs. @param limitMs also for the system below it to start */
  async untilReady(limitMs: number): Promise<void> {
    await this.machine.shell.ask('true', limitMs);
    await this.until('the phone is ready', limitMs, async () => {
      const shown = await this.machine.shell.run(`systemctl show ${UNIT} -p ActiveState -p StatusText`);
      return /^ActiveState=active$/m.test(shown) && /^StatusText=(ready|idle)/m.test(shown);
    });
  }

  async untilPhase(phase: string, limitMs: number): Promise<void> {
    await this.until(`the phone is ${phase}`, limitMs, async () => (await this.show('StatusText')) === phase);
  }

  /** The first line of that event after `sinceMs` that passes. */
  untilLogged(
    event: string,
    sinceMs: number,
    limitMs: number,
    test: (line: LogEvent) => boolean = () => true,
  ): Promise<LogEvent> {
    return this.until(`the log says ${event}`, limitMs, async () =>
      (await this.log(sinceMs)).find((line) => line.event === event && test(line)),
    );
  }

  /** @returns the guest's time of the signal to the phone's main process */
  async kill(signal: 'KILL' | 'STOP'): Promise<number> {
    const uptime = await this.machine.shell.run(
      `cat /proc/uptime; systemctl kill --kill-whom=main -s ${signal} ${UNIT}`,
    );
    return 1_000 * Number(uptime.split(' ')[0]);
  }

  /** @returns when, on the guest's clock, the unit became active after `sinceMs` */
  readyAgain(sinceMs: number, limitMs: number): Promise<number> {
    return this.until('the phone is ready again', limitMs, async () => {
      const ready = await this.readySinceMs();
      return ready > sinceMs && (await this.show('ActiveState')) === 'active' && ready;
    });
  }

  /** From now on the loudness changes again and again, through the control socket; one that stands for five seconds is kept. */
  async keepWritingVolumes(): Promise<void> {
    await this.machine.shell.run(
      `setsid -f /usr/lib/bestday-phone/bin/node -e ${VOLUME_WRITER} >/dev/null 2>&1 </dev/null`,
    );
  }

  /** The volume in the settings file; undefined: none was ever set. @throws {Error} a file that is no JSON */
  async keptVolume(): Promise<number | undefined> {
    const { output } = await this.machine.shell.ask('cat /var/lib/private/bestday-phone/settings.json 2>/dev/null');
    return output === '' ? undefined : (JSON.parse(output) as { volume?: number }).volume;
  }

  /** How many times longer the guest takes than this machine to start the phone's own program. */
  async slowdown(): Promise<number> {
    const program =
      '/usr/lib/bestday-phone/bin/node /usr/lib/bestday-phone/dist/bestday-phone.cjs --version >/dev/null';
    const guest = await this.machine.shell.run(
      `${program}; a=$(date +%s%N); ${program}; b=$(date +%s%N); echo $((b - a))`,
    );
    const here = (): number => {
      const startMs = performance.now();
      spawnSync(process.execPath, [PHONE, '--version'], { stdio: 'ignore' });
      return performance.now() - startMs;
    };
    here();
    return Number(guest) / 1e6 / Math.min(here(), here());
  }

  /** What took the boot's time, from the kernel's first moment to the phone that is ready. */
  async bootStages(): Promise<Stage[]> {
    const stamp = async (property: string, unit = ''): Promise<number> =>
      Number(await this.machine.shell.run(`systemctl show ${unit} --value -p ${property}`)) / 1_000;
    const unit = async (name: string, of: string): Promise<Stage> => ({
      name,
      fromMs: await stamp('InactiveExitTimestampMonotonic', of),
      toMs: await stamp('ActiveEnterTimestampMonotonic', of),
    });
    const userspace = await stamp('UserspaceTimestampMonotonic');
    return [
      { name: 'kernel, initrd', fromMs: 0, toMs: userspace },
      { name: 'basic system', fromMs: userspace, toMs: await stamp('ActiveEnterTimestampMonotonic', 'basic.target') },
      await unit('card, data', 'bestday-phone-data.service'),
      await unit('identity', 'bestday-phone-provision.service'),
      await unit('network', 'NetworkManager.service'),
      await unit('phone', UNIT),
    ];
  }

  /** After a snapshot was restored the guest believes it is then. */
  async setClock(): Promise<void> {
    await this.machine.shell.run(`date -u -s @${(Date.now() / 1_000).toFixed(1)}`);
  }

  async lastWords(): Promise<string> {
    return (await this.machine.shell.ask(`systemctl --no-pager status ${UNIT}; journalctl -b --no-pager -n 40`)).output;
  }

  async #hook(up: boolean): Promise<void> {
    await this.machine.wires.set(HOOK_LINE, up);
  }
}

/** Quoted for the shell. */
const VOLUME_WRITER = `'let level = 4;
const socket = require("node:net").connect("/run/bestday-phone/control.sock");
setInterval(() => { level = 9 - level; socket.write(JSON.stringify({ command: "volume", level }) + "\\n"); }, 6000);
socket.resume();'`;

function eventIn(line: string): LogEvent[] {
  try {
    const { MESSAGE, __MONOTONIC_TIMESTAMP } = JSON.parse(line) as Record<string, string>;
    return [{ ...(JSON.parse(MESSAGE!) as { event: string }), monotonicMs: Number(__MONOTONIC_TIMESTAMP) / 1_000 }];
  } catch {
    // systemd's own lines are words.
    return [];
  }
}

/** A part of the boot, ms since the guest's kernel started. */
export interface Stage {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
}
