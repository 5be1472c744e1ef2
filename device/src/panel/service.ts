import type { Clock } from '../../../common/src/time/clock.ts';
import { ControlServer } from './control-server.ts';
import type { ControlHandler } from './control-server.ts';
import type { Health } from './health.ts';
import type { Log } from '../../../common/src/system/log.ts';
import { MetricsServer } from './prometheus.ts';
import type { Metric } from './prometheus.ts';
import { ServiceNotifier, systemdNotify, watchdogMs } from './systemd.ts';
import { metricsSocket } from './runtime-folder.ts';

/** The phone as a service of its machine: control socket, metrics socket, and systemd's readiness and watchdog. */
export class Service {
  readonly #notifier: ServiceNotifier | undefined;
  #control: ControlServer | undefined;
  #metrics: MetricsServer | undefined;

  /** @throws {ControlError} when another phone already runs here */
  static async open(options: ServiceOptions): Promise<Service> {
    const service = new Service(options);
    const { controlSocket, handle, collect, log } = options;
    if (controlSocket === undefined) return service;
    service.#control = await ControlServer.start(controlSocket, handle);
    service.#metrics = await MetricsServer.start(metricsSocket(controlSocket), collect);
    log.info('service.listening', { socket: controlSocket });
    return service;
  }

  private constructor({ clock, log, health, env = process.env }: ServiceOptions) {
    const notify = systemdNotify(env);
    this.#notifier = notify && new ServiceNotifier(notify, clock, health, log, watchdogMs(env, process.pid));
  }

  ready(status: string): void {
    this.#notifier?.ready();
    this.status(status);
  }

  /** One line, for `systemctl status`. */
  status(text: string): void {
    this.#notifier?.status(text);
  }

  async close(): Promise<void> {
    this.#notifier?.stopping();
    await this.#closeSockets();
  }

  /** Another `Service` of this process follows: systemd is not told that anything stops. */
  async handOver(): Promise<void> {
    this.#notifier?.rest();
    await this.#closeSockets();
  }

  async #closeSockets(): Promise<void> {
    await Promise.all([this.#control?.stop(), this.#metrics?.stop()]);
  }
}

export interface ServiceOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly health: Health;
  /** Undefined: no sockets. */
  readonly controlSocket: string | undefined;
  readonly handle: ControlHandler;
  readonly collect: () => readonly Metric[];
  readonly env?: NodeJS.ProcessEnv;
}
