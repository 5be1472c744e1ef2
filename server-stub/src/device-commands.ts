import { complain, say } from '../../common/src/system/terminal.ts';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { DeviceRegistry, DeviceSettings } from './cluster/device-registry.ts';
import { FileRegistry } from './cluster/file-registry.ts';
import { defaultDataFolder, openDataFolder } from './system/data-folder.ts';
import { errorCode, ServerError } from './system/errors.ts';

/** `bestday-server device …`: which phones may connect, and what is known about their patients. */
export function addDeviceCommands(root: Command, dataHelp: string, done: (exitCode: Promise<number>) => void): void {
  const device = root.command('device').description('say which phones may connect');
  // Before or after the command's name: both are natural.
  const folderOf = (command: Command): string =>
    command.opts<DataFlag>().data ?? root.opts<DataFlag>().data ?? defaultDataFolder();
  const run = (self: Command, work: (registry: DeviceRegistry) => Promise<void>): void =>
    done(work(new FileRegistry(folderOf(self))).then(() => 0));
  /** What adds phones makes the folder; a question about a folder that is not there must not. */
  const runInFolder = (self: Command, work: (registry: DeviceRegistry) => Promise<void>): void =>
    done(
      openDataFolder(folderOf(self))
        .then((folder) => work(new FileRegistry(folder)))
        .then(() => 0),
    );
  for (const command of [
    device
      .command('add')
      .description('add a phone, or give it a new key; prints its id and, once, its key')
      .option('--id <UUID>', 'its id; a new one by default')
      .action((flags: { id?: string }, self: Command) => runInFolder(self, (registry) => add(registry, flags.id))),
    device
      .command('list')
      .description('list the phones')
      .action((_flags: object, self: Command) => run(self, list)),
    device
      .command('set <id>')
      .description('say how to talk with this patient; holds from the next conversation on')
      .option('--patience-ms <MS>', 'how long they may pause within a turn, 300 to 10000 (default 800)', Number)
      .option('--language <TAG>', "to speak, such as en or pt-BR (default: the phone's)")
      .action((id: string, flags: DeviceSettings, self: Command) => run(self, (registry) => set(registry, id, flags))),
    device
      .command('remove <id>')
      .description('remove a phone; a conversation that it has ends within a second')
      .action((id: string, _flags: object, self: Command) => run(self, (registry) => remove(registry, id))),
    device
      .command('export')
      .description('print all phones, with hashes of their keys, for `device import` elsewhere')
      .action((_flags: object, self: Command) => run(self, async (registry) => say(await registry.export()))),
    device
      .command('import <file>')
      .description('add the phones that `device export` printed: all of them or none')
      .action((file: string, _flags: object, self: Command) =>
        runInFolder(self, (registry) => importFrom(registry, file)),
      ),
  ])
    command.option('--data <DIR>', dataHelp);
}

interface DataFlag {
  readonly data?: string;
}

async function add(registry: DeviceRegistry, id: string | undefined): Promise<void> {
  const device = await registry.add(id);
  say(`id  ${device.id}\nkey ${device.key}\n`);
  complain("This key is shown only now: put it into the phone's key file (mode 0600).\n");
}

async function list(registry: DeviceRegistry): Promise<void> {
  for (const { id, addedAt, ...settings } of await registry.list())
    say(`${[`${id}  added ${addedAt}`, ...words(settings)].join(', ')}\n`);
}

async function set(registry: DeviceRegistry, id: string, flags: DeviceSettings): Promise<void> {
  const { patienceMs, language } = flags;
  if (patienceMs === undefined && language === undefined)
    throw new ServerError('bad-option', 'nothing to set: give --patience-ms or --language');
  const settings = await registry.set(id, { patienceMs, language });
  say(`${id.toLowerCase()}  ${words(settings).join(', ')}, from its next conversation on\n`);
}

async function remove(registry: DeviceRegistry, id: string): Promise<void> {
  await registry.remove(id);
  say(`removed ${id.toLowerCase()}\n`);
}

async function importFrom(registry: DeviceRegistry, file: string): Promise<void> {
  const content = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new ServerError('bad-file', `${file} cannot be read (${errorCode(error)})`, { cause: error });
  });
  say(`added ${await registry.import(content)}\n`);
}

function words({ patienceMs, language }: DeviceSettings): string[] {
  return [
    ...(patienceMs === undefined ? [] : [`patience ${patienceMs} ms`]),
    ...(language === undefined ? [] : [`language ${language}`]),
  ];
}
