import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../scripts/programs.ts';
import { COMMANDS, GROUPS } from './commands.ts';
import type { BenchCommand } from './commands.ts';

/**
 *     npm run bench                     the quick ones
 *     npm run bench -- NAME [--json …]  one of them, with its own options
 *     npm run bench -- --help           what there is
 */

const [name, ...args] = process.argv.slice(2);
const command = COMMANDS.find((each) => each.name === name);

if (name === '--help') usage(process.stdout);
else if (name === undefined || name === '--json')
  process.exitCode = Math.max(...COMMANDS.filter(({ quick }) => quick).map((each) => run(each, process.argv.slice(2))));
else if (command !== undefined) process.exitCode = run(command, args);
else {
  process.stderr.write(`there is no benchmark '${name}'\n`);
  usage(process.stderr);
  process.exitCode = 2;
}

function usage(to: NodeJS.WritableStream): void {
  const width = Math.max(...COMMANDS.map((each) => each.name.length));
  const lineOf = ({ name: named, about, quick, ownCommand }: BenchCommand): string =>
    `  ${named.padEnd(width)}  ${about}${quick ? '  (quick)' : ''}${ownCommand ? '  (--help)' : ''}\n`;
  to.write('npm run bench -- [NAME] [--json]     without a name: the quick ones\n');
  for (const { title, commands } of GROUPS) to.write(`\n${title}\n${commands.map(lineOf).join('')}`);
  to.write('\nThose with --help are commands of npm run as well: npm run load -- --help\n');
}

/** In a process of its own: none warms up another's caches. @returns exit code */
function run({ name: named, ownCommand }: BenchCommand, options: readonly string[]): number {
  const command_ = ownCommand
    ? [join(ROOT, 'scripts/run.mjs'), `bench/${named}/main.ts`]
    : ['--import=tsx', join(ROOT, `bench/${named}.ts`)];
  return spawnSync(process.execPath, [...command_, ...options], { stdio: 'inherit' }).status ?? 1;
}
