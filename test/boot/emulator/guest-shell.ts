import type { LineSocket } from './line-socket.ts';

/** Name of the virtio-serial port that the shell listens on. */
export const SHELL_PORT = 'bestday';
const LIMIT_MS = 60_000;

export interface Answer {
  readonly status: number;
  /** Both streams, trimmed. */
  readonly output: string;
}

/**
 * A shell in the guest, for the test alone: the image that ships has no login. Requests and answers are one line
 * each, `ID BASE64`; the answer's last word is the exit status.
 */
export class GuestShell {
  readonly #socket: LineSocket;
  #last: Promise<unknown> = Promise.resolve();
  #number = 0;

  constructor(socket: LineSocket) {
    this.#socket = socket;
  }

  /** @throws {Error} no answer in time */
  ask(command: string, limitMs = LIMIT_MS): Promise<Answer> {
    const answer = this.#last.then(() => this.#ask(command, limitMs));
    this.#last = answer.catch(() => {});
    return answer;
  }

  /** @returns its output. @throws {Error} it failed, with what it said */
  async run(command: string, limitMs = LIMIT_MS): Promise<string> {
    const { status, output } = await this.ask(command, limitMs);
    if (status !== 0) throw new Error(`in the guest, \`${command}\` ended with ${status}: ${output}`);
    return output;
  }

  async #ask(command: string, limitMs: number): Promise<Answer> {
    const id = String(++this.#number);
    this.#socket.write(`${id} ${Buffer.from(command).toString('base64')}`);
    const untilMs = performance.now() + limitMs;
    for (;;) {
      // Answers to requests that were given up, or made before a snapshot was restored, come first.
      const [of, output, status] = (await this.#socket.next(Math.max(1, untilMs - performance.now()))).split(' ');
      if (of === id && status !== undefined)
        return { status: Number(status), output: Buffer.from(output!, 'base64').toString('utf8').trim() };
    }
  }
}

/** Runs in the guest. `=` stands for no output: a line has three words. */
const SCRIPT = `#!/bin/sh
exec 3<>/dev/virtio-ports/${SHELL_PORT} || exit 1
echo "0 = 0" >&3
while read -r id command <&3; do
  output=$(printf %s "$command" | base64 -d | sh 2>&1 3>&-)
  status=$?
  output=$(printf %s "$output" | base64 -w 0)
  echo "$id \${output:-=} $status" >&3
done
`;

/** Where a visit's files stand in the guest. */
export const VISIT_FOLDER = '/run/bestday-test';

/** What the guest is given beside the image: files, by systemd-tmpfiles, and units (systemd.system-credentials(7)). */
export interface Visit {
  /** Under `/run/bestday-test`. */
  readonly files: Readonly<Record<string, string>>;
  /** Drop-ins by unit. */
  readonly dropIns: Readonly<Record<string, string>>;
}

/** What brings the shell, and whatever else a test needs, into an image that knows of no test. */
export interface VisitParts {
  /** By name, for QEMU's firmware configuration. */
  readonly credentials: Readonly<Record<string, string>>;
  /** Words for the kernel's command line: names of units are too long for the firmware configuration (55 characters). */
  readonly kernelArguments: readonly string[];
}

export function visitParts({ files, dropIns }: Visit): VisitParts {
  const all = Object.entries({ ...files, shell: SCRIPT });
  const lines = all.map(([name, content]) => `f+~ ${VISIT_FOLDER}/${name} 0755 root root - ${base64(content)}`);
  return {
    credentials: { 'tmpfiles.extra': [`d ${VISIT_FOLDER} 0755 root root`, ...lines, ''].join('\n') },
    kernelArguments: [
      credentialArgument(`systemd.extra-unit.${SHELL_UNIT}`, SHELL_SERVICE),
      ...Object.entries(dropIns).map(([unit, content]) => credentialArgument(`systemd.unit-dropin.${unit}`, content)),
      `systemd.wants=${SHELL_UNIT}`,
    ],
  };
}

function credentialArgument(name: string, content: string): string {
  return `systemd.set_credential_binary=${name}:${base64(content)}`;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

const SHELL_UNIT = 'bestday-test-shell.service';
const DEVICE = `dev-virtio\\x2dports-${SHELL_PORT}.device`;
const SHELL_SERVICE = `[Unit]
BindsTo=${DEVICE}
After=${DEVICE} systemd-tmpfiles-setup.service
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/sh ${VISIT_FOLDER}/shell
Restart=always
RestartSec=1
StandardOutput=journal
`;
