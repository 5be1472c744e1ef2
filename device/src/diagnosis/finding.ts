import type { Clock } from '../../../common/src/time/clock.ts';

/** The result of one check: a line for a person, and what to do about it. */
export interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'fail' | 'skipped';
  readonly detail: string;
  /** Absent when all is well. */
  readonly todo?: string;
  /** What was read, in base units; a name ends as a metric's does: `free_bytes`. */
  readonly measured?: Readonly<Record<string, number>>;
}

export interface Check {
  readonly name: string;
  /** True: it makes a sound, or takes the sound card or the link from a call. */
  readonly disturbs: boolean;
  run(): Promise<Omit<Finding, 'name'>>;
}

/** The longest any check may take. */
const CHECK_LIMIT_MS = 15_000;

/** One after the other, so that none disturbs another. A check that throws, or takes too long, has failed. */
export async function runChecks(
  checks: readonly Check[],
  clock: Clock,
  found: (finding: Finding) => void,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { name, run } of checks) {
    const finding = { name, ...(await limited(run(), clock)) };
    findings.push(finding);
    found(finding);
  }
  return findings;
}

function limited(running: Promise<Omit<Finding, 'name'>>, clock: Clock): Promise<Omit<Finding, 'name'>> {
  return new Promise((resolve) => {
    const limit = clock.after(CHECK_LIMIT_MS, () =>
      resolve({
        state: 'fail',
        detail: `no result within ${CHECK_LIMIT_MS / 1_000} s`,
        todo: 'restart the phone; if it stays, send a support bundle',
      }),
    );
    running
      .catch(
        (error: unknown) =>
          ({ state: 'fail', detail: error instanceof Error ? error.message : String(error) }) as const,
      )
      .then(
        (finding) => {
          limit.cancel();
          resolve(finding);
        },
        () => {},
      );
  });
}

export function hasFailed(findings: readonly Finding[]): boolean {
  return findings.some(({ state }) => state === 'fail');
}

/** `ok    microphone      level -34 dBFS` */
export function findingLine({ name, state, detail, todo }: Finding): string {
  return `${state.padEnd(8)}${name.padEnd(16)}${detail}${todo === undefined ? '' : `\n${' '.repeat(24)}→ ${todo}`}\n`;
}
