import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { configCommand } from '../settings/config-command.ts';
import type { ConfigRequest } from '../settings/config-command.ts';
import { complain, say } from '../../../common/src/system/terminal.ts';

interface ConfigFlags extends Readonly<Record<string, unknown>> {
  readonly settingsFile?: string;
}

/** `bestday-phone config list`, `get` and `set`. @param usageExitCode for a `set` without a value */
export function addConfig(root: Command, done: (exitCode: Promise<number>) => void, usageExitCode: number): void {
  const command = root.command('config').description('read and write the settings file');
  const flagsOf = (sub: Command): ConfigFlags => sub.optsWithGlobals<ConfigFlags>();
  command
    .command('list')
    .description('every setting, its value and where it comes from')
    .action((_options, sub: Command) => done(config({ action: 'list' }, flagsOf(sub))));
  command
    .command('get <name>')
    .description('one setting')
    .action((name: string, _options, sub: Command) => done(config({ action: 'get', name }, flagsOf(sub))));
  command
    .command('set <name> [value]')
    .description('write one setting; secrets only with --stdin')
    .option('--stdin', 'read the value from standard input')
    .action((name: string, value: string | undefined, options: { stdin?: boolean }, sub: Command) => {
      const stdin = options.stdin === true;
      if (!stdin && value === undefined)
        sub.error(`config set ${name}: give a value, or --stdin`, { exitCode: usageExitCode });
      done(config({ action: 'set', name, value: stdin ? readFileSync(0, 'utf8') : value!, stdin }, flagsOf(sub)));
    });
}

async function config(request: ConfigRequest, flags: ConfigFlags): Promise<number> {
  const { output, errors, exitCode } = await configCommand(request, { flags, settingsFile: flags.settingsFile });
  say(output);
  complain(errors);
  return exitCode;
}
