import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { CallReport } from '../../device/src/conversation/report.ts';
import { ROOT } from '../../scripts/programs.ts';
import type { GeneratorLimit } from './generator-limit.ts';
import type { BeginOrder, PhonesNews, PhonesOrder } from './phones.ts';

export type Devices = BeginOrder['devices'];

/** All phones of a run, spread over processes of their own. */
export class PhoneProcesses {
  readonly #children: readonly PhoneProcess[];

  /** @param processes at most this many */
  constructor(processes: number, devices: Devices, order: Omit<BeginOrder, 'type' | 'devices' | 'seed'>) {
    const count = Math.min(processes, devices.length);
    this.#children = Array.from({ length: count }, (_, seed) => {
      const child = new PhoneProcess();
      child.tell({ ...order, type: 'begin', seed, devices: devices.filter((_device, at) => at % count === seed) });
      return child;
    });
  }

  get talking(): number {
    return this.#children.reduce((total, { talking }) => total + talking, 0);
  }

  measure(tapeMs: number): void {
    for (const child of this.#children) child.tell({ type: 'measure', tapeMs });
  }

  async hangup(): Promise<{ reports: CallReport[]; limits: GeneratorLimit[] }> {
    const all = await Promise.all(this.#children.map((child) => child.ask({ type: 'hangup' }, 'reports')));
    return { reports: all.flatMap(({ reports }) => reports), limits: all.map(({ limit }) => limit) };
  }

  /** To a relay, to repeat there what was said. */
  async connect(url: string, caFile: string, rampMs: number): Promise<void> {
    await Promise.all(this.#children.map((child) => child.ask({ type: 'replay', url, caFile, rampMs }, 'ready')));
  }

  async play(): Promise<{ roundTripMs: number[]; limits: GeneratorLimit[] }> {
    const all = await Promise.all(this.#children.map((child) => child.ask({ type: 'play' }, 'played')));
    return { roundTripMs: all.flatMap(({ roundTripMs }) => roundTripMs), limits: all.map(({ limit }) => limit) };
  }

  kill(): void {
    for (const child of this.#children) child.kill();
  }
}

class PhoneProcess {
  readonly #child: ChildProcess = fork(join(ROOT, 'bench/load/phones.ts'), {
    execArgv: ['--import=tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  talking = 0;

  constructor() {
    this.#child.on('message', (news: PhonesNews) => {
      if (news.type === 'talking') this.talking = news.count;
    });
  }

  tell(order: PhonesOrder): void {
    this.#child.send(order);
  }

  ask<T extends PhonesNews['type']>(order: PhonesOrder, answer: T): Promise<Extract<PhonesNews, { type: T }>> {
    return new Promise((resolve, reject) => {
      const exited = (code: number | null): void => reject(new Error(`a phone process ended with ${code}`));
      const listen = (news: PhonesNews): void => {
        if (news.type !== answer) return;
        this.#child.off('message', listen).off('exit', exited);
        resolve(news as Extract<PhonesNews, { type: T }>);
      };
      this.#child.on('message', listen).once('exit', exited);
      this.tell(order);
    });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
