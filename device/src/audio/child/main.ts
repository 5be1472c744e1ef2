import { createRequire } from 'node:module';
import { runChild } from './run.ts';

/*
 * The sound process. The daemon starts it with a job in its first argument and a pipe as descriptor 3, and
 * ends it with SIGKILL; nothing else is ever asked of it.
 */
runChild(createRequire(process.argv[1]!), process.argv[2] ?? '');
