import { createRequire } from 'node:module';
import { runChild } from '../../src/audio/child/run.ts';

/** A sound process on a machine where the packages named in BESTDAY_WITHOUT are not installed. */
const missing = (process.env['BESTDAY_WITHOUT'] ?? '').split(',');
const load = createRequire(process.argv[1]!);

runChild((name) => {
  if (missing.some((part) => name === part || name.startsWith(`${part}/`)))
    throw new Error(`Cannot find module '${name}'`);
  return load(name);
}, process.argv[2] ?? '');
