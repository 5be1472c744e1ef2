import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { readServiceKey } from './service-keys.ts';
import { readServiceSettings, SERVICE_SETTINGS } from './service-settings.ts';
import type { ServiceSettings } from './service-settings.ts';

/** A flag for each setting of the services, and one for the file that may hold them. */
export function addServiceFlags(command: Command): void {
  command.option('--services <FILE>', 'JSON of the settings below by name (default: services.json in the data folder)');
  for (const { flag, placeholder, description, env, default: byDefault } of Object.values(SERVICE_SETTINGS))
    command.option(
      `${flag} <${placeholder}>`,
      `${description} (${byDefault === undefined ? '' : `default ${byDefault}; `}${env})`,
    );
}

/** @throws {ServerError} bad-option, bad-file */
export function readServices(
  flags: Readonly<Record<string, unknown>>,
  dataFolder: string,
  env: NodeJS.ProcessEnv,
): { settings: ServiceSettings; keyOf: (name: string) => string | undefined } {
  const given = flags['services'];
  const byDefault = join(dataFolder, 'services.json');
  const file = typeof given === 'string' ? given : existsSync(byDefault) ? byDefault : undefined;
  const settings = readServiceSettings(flags, env, file);
  return { settings, keyOf: (name) => readServiceKey(name, settings, env) };
}
