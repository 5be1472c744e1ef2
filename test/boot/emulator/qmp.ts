import type { LineSocket } from './line-socket.ts';

const LIMIT_MS = 10_000;
/** A gigabyte of memory goes to disk, or comes from it. */
const SNAPSHOT_LIMIT_MS = 120_000;

/** QEMU's machine protocol (docs/interop/qmp-spec.txt): one JSON object a line; events come in between. */
export class Qmp {
  readonly #socket: LineSocket;
  #last: Promise<unknown> = Promise.resolve();

  /** Reads the greeting and leaves the negotiation mode. */
  static async open(socket: LineSocket): Promise<Qmp> {
    await socket.next(LIMIT_MS);
    const qmp = new Qmp(socket);
    await qmp.execute('qmp_capabilities');
    return qmp;
  }

  private constructor(socket: LineSocket) {
    this.#socket = socket;
  }

  /** One command at a time. @throws {Error} QEMU's own words */
  execute(command: string, args: object = {}, limitMs = LIMIT_MS): Promise<unknown> {
    const answer = this.#last.then(() => this.#ask(command, args, limitMs));
    this.#last = answer.catch(() => {});
    return answer;
  }

  /** The whole machine, memory and disk, under a name. */
  async save(name: string): Promise<void> {
    await this.#monitor(`savevm ${name}`);
  }

  async restore(name: string): Promise<void> {
    await this.#monitor(`loadvm ${name}`);
  }

  /** Objects in a folder of QEMU's object tree. */
  async children(path: string): Promise<readonly { readonly name: string; readonly type: string }[]> {
    return (await this.execute('qom-list', { path })) as { name: string; type: string }[];
  }

  /** What the human monitor prints is empty, or says what went wrong. */
  async #monitor(line: string): Promise<void> {
    const said = String(
      await this.execute('human-monitor-command', { 'command-line': line }, SNAPSHOT_LIMIT_MS),
    ).trim();
    if (said !== '') throw new Error(`${line}: ${said}`);
  }

  async #ask(command: string, args: object, limitMs: number): Promise<unknown> {
    this.#socket.write(JSON.stringify({ execute: command, arguments: args }));
    for (;;) {
      const answer = JSON.parse(await this.#socket.next(limitMs)) as { return?: unknown; error?: { desc: string } };
      if (answer.error !== undefined) throw new Error(`QMP ${command}: ${answer.error.desc}`);
      if ('return' in answer) return answer.return;
    }
  }
}
