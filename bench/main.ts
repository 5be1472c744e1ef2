import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 *     npm run bench                     the quick ones
 *     npm run bench -- NAME [--json …]  one of them, with its own options
 *     npm run bench -- --help           what there is
 */

interface Benchmark {
  readonly name: string;
  readonly about: string;
  /** Under half a minute, and in need of nothing but the checkout. */
  readonly quick?: true;
}

const BENCHMARKS: readonly Benchmark[] = [
  {
    name: 'frame-cost',
    quick: true,
    about: 'a 20 ms frame through uplink and downlink, beside codec and ws alone  [--rounds N --frames N]',
  },
  {
    name: 'startup',
    quick: true,
    about: 'process start to the first frame at the server, beside the bundled floor  [--runs N]',
  },
  {
    name: 'conversation-cost',
    about: 'CPU and memory of a minute of conversation, beside the floor  [--seconds N --pairs N]',
  },
  {
    name: 'sound-delay',
    about: 'microphone to wire and wire to speaker on the virtual sound card, beside the card alone  [--marks N]',
  },
  {
    name: 'echo-cancellation',
    about: "what the speakerphones' canceller takes away, and what it leaves of the patient's voice  [--seconds N]",
  },
  {
    name: 'drift',
    about:
      'a far clock that is off, through the real phone on the virtual sound card: clicks and queue  [--minutes N --ppm N]',
  },
  { name: 'ladder-cost', about: 'what hiding a lost frame costs' },
  { name: 'loss-sweep', about: 'what is heard at rising loss' },
  {
    name: 'jitter-traces',
    about: 'delay and concealment on network traces, beside NetEQ  [--held-out --seconds N --seed N --trace FILE]',
  },
];

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
/** Every script of this folder is a benchmark; those above are described. */
const SCRIPTS = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.ts') && file !== 'main.ts')
  .map((file) => file.slice(0, -'.ts'.length));
const [name, ...args] = process.argv.slice(2);

if (name === '--help') usage(process.stdout);
else if (name === undefined || name === '--json')
  process.exitCode = Math.max(
    ...BENCHMARKS.filter(({ quick }) => quick).map((each) => run(each.name, process.argv.slice(2))),
  );
else if (SCRIPTS.includes(name)) process.exitCode = run(name, args);
else {
  process.stderr.write(`there is no benchmark '${name}'\n`);
  usage(process.stderr);
  process.exitCode = 2;
}

function usage(to: NodeJS.WritableStream): void {
  const width = Math.max(...SCRIPTS.map((each) => each.length));
  const all: Benchmark[] = [
    ...BENCHMARKS,
    ...SCRIPTS.filter((each) => BENCHMARKS.every((known) => known.name !== each)).map((each) => ({
      name: each,
      about: 'see the script',
    })),
  ];
  to.write(
    `npm run bench -- [NAME] [--json]\n${all.map((each) => `  ${each.name.padEnd(width)}  ${each.about}${each.quick ? '  (quick)' : ''}\n`).join('')}`,
  );
}

/** In a process of its own: none warms up another's caches. @returns exit code */
function run(benchmark: string, options: readonly string[]): number {
  return (
    spawnSync(process.execPath, ['--import=tsx', join(FOLDER, `${benchmark}.ts`), ...options], { stdio: 'inherit' })
      .status ?? 1
  );
}
