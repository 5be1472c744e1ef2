import { Command, InvalidArgumentError } from 'commander';
import { insistOnVerifiedTls, TLS_SWITCH } from '../../common/src/link/verified-tls.ts';
import { FrameTrace } from '../../common/src/system/frame-trace.ts';
import { createLog } from '../../common/src/system/logging.ts';
import { version } from '../../common/src/system/package-root.ts';
import { defaultDataFolder, openDataFolder } from './system/data-folder.ts';
import { addDeviceCommands } from './device-commands.ts';
import { ServerError } from './system/errors.ts';
import { isWorker, startProcesses, reportListening } from './cluster/processes.ts';
import { startServer } from './server.ts';
import { storeChoice } from './store/store-option.ts';
import { storeOf, STORES } from './store/stores.ts';
import type { TlsChoice } from './server.ts';
import { addServiceFlags, readServices } from './pipeline/service-flags.ts';
import { complain, say } from '../../common/src/system/terminal.ts';
import { destinations } from './pipeline/destinations.ts';
import { DEFAULT_LIMITS } from './system/limits.ts';
import { refusePlaintext } from './system/plaintext.ts';

/** `bestday-server`: arguments → server. The only file that ends the process. */

const Exit = { ok: 0, failed: 1, usage: 2 } as const;
const USAGE = 'run bestday-server --help for what there is';

const DATA_HELP = `where devices and certificates are kept (default: ${defaultDataFolder()})`;

interface DataFlag {
  readonly data?: string;
}

interface ServeFlags extends DataFlag {
  readonly port?: number;
  readonly host: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** `--no-tls` makes it false. */
  readonly tls: boolean;
  readonly verbose?: boolean;
  readonly store?: string;
  readonly storePasswordFile?: string;
  readonly frameTrace?: string;
  readonly processes?: number;
  readonly adminPort?: number;
  readonly adminHost: string;
  readonly allowPlaintext: readonly string[];
  readonly callsPerMinute: number;
  readonly minutesPerDay: number;
}

async function serve(flags: ServeFlags): Promise<number> {
  if (flags.port === undefined)
    throw new ServerError('bad-option', `--port is missing: give the port to listen on, 0 for any free one; ${USAGE}`);
  const tls = tlsChoice(flags);
  const store = flags.store === undefined ? undefined : storeChoice(flags.store, flags.storePasswordFile, process.env);
  const dataFolder = await openDataFolder(flags.data ?? defaultDataFolder());
  const services = readServices({ ...flags }, dataFolder, process.env);
  refusePlaintext(destinations(services.settings, store), flags.allowPlaintext);
  const log = createLog({ level: flags.verbose === true ? 'debug' : 'info' });
  if (insistOnVerifiedTls(process.env)) log.warn('tls.verified-all-the-same', { variable: TLS_SWITCH });
  // Before anything takes time: a signal while starting must stop it too.
  const signalled = new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
  // A hang-up means 'look at your files again' (a renewed certificate), and never the end; not while starting either.
  let reload = (): void => {};
  process.on('SIGHUP', () => reload());
  const { processes = 1 } = flags;
  if (processes > 1 && (store === undefined || storeOf(store.url)?.shared !== true))
    throw new ServerError(
      'bad-option',
      '--processes needs a --store that processes share, such as Redis: a phone that comes back may reach another process',
    );
  if (processes > 1 && !isWorker()) return serveWithProcesses(processes, log, signalled, (start) => (reload = start));
  const frameTrace = flags.frameTrace === undefined ? undefined : new FrameTrace(flags.frameTrace);
  const server = await startServer({
    port: flags.port,
    host: flags.host,
    tls,
    dataFolder,
    log,
    store,
    services,
    frameTrace,
    limits: { callsPerMinute: flags.callsPerMinute, minutesPerDay: flags.minutesPerDay },
    admin: flags.adminPort === undefined ? undefined : { port: flags.adminPort, host: flags.adminHost },
  });
  reload = () => void server.reload();
  const line =
    `listening on ${server.url}${server.caFile === undefined ? '' : `, CA ${server.caFile}`}\n` +
    (server.adminUrl === undefined ? '' : `metrics on ${server.adminUrl}/metrics\n`);
  if (isWorker()) reportListening(line);
  else say(line);
  await signalled;
  await server.close();
  await log.close();
  return Exit.ok;
}

async function serveWithProcesses(
  count: number,
  log: ReturnType<typeof createLog>,
  signalled: Promise<void>,
  onHangup: (reload: () => void) => void,
): Promise<number> {
  const processes = await startProcesses(count, log, say);
  onHangup(() => processes.reload());
  await signalled;
  await processes.stop();
  await log.close();
  return Exit.ok;
}

function tlsChoice({ tls, tlsCert, tlsKey }: ServeFlags): TlsChoice {
  if (!tls && (tlsCert ?? tlsKey) !== undefined)
    throw new ServerError('bad-option', '--no-tls cannot go with --tls-cert or --tls-key: choose one');
  if (!tls) return 'none';
  if (tlsCert !== undefined && tlsKey !== undefined) return { certFile: tlsCert, keyFile: tlsKey };
  if (tlsCert !== undefined)
    throw new ServerError('bad-option', '--tls-cert needs --tls-key beside it: the file with its private key');
  if (tlsKey !== undefined)
    throw new ServerError('bad-option', '--tls-key needs --tls-cert beside it: the file with its certificate');
  return 'own';
}

function program(done: (exitCode: Promise<number>) => void): Command {
  const root = new Command('bestday-server')
    .description('the reference server of the Best Day phone')
    .version(version())
    .enablePositionalOptions()
    .showHelpAfterError(`(${USAGE})`);
  root
    .option('--port <N>', 'port to listen on; 0 takes a free one', port)
    .option('--host <H>', 'address to listen on', '127.0.0.1')
    .option('--tls-cert <FILE>', 'certificate (PEM); without it the server makes one of its own')
    .option('--tls-key <FILE>', 'private key of the certificate (PEM)')
    .option('--no-tls', 'plain ws://, loopback hosts only')
    .option('--data <DIR>', DATA_HELP)
    .option(
      '--store <URL>',
      `where conversations are kept: ${STORES.map(({ form, about }) => `${form} ${about}`).join('; ')}`,
    )
    .option('--store-password-file <FILE>', 'password of the store (mode 0600)')
    .option('--frame-trace <FILE>', 'write what happens to each frame as JSON lines to this file, for measurements')
    .option('--processes <N>', 'server processes behind one listener; needs --store', processCount)
    .option('--admin-port <N>', 'listener for /metrics, /healthz and /readyz in plain HTTP; 0 takes a free port', port)
    .option('--admin-host <H>', 'address of that listener', '127.0.0.1')
    .option('--calls-per-minute <N>', 'conversations that one device may begin', count, DEFAULT_LIMITS.callsPerMinute)
    .option('--minutes-per-day <N>', 'of conversation for one device', count, DEFAULT_LIMITS.minutesPerDay)
    .option(
      '--allow-plaintext <HOST>',
      'let a vendor or store on this host be reached without TLS; may be given again',
      (host: string, hosts: readonly string[]) => [...hosts, host],
      [],
    )
    .option('--verbose', 'log details');
  addServiceFlags(root);
  root.action((flags: ServeFlags) => done(serve(flags)));
  addDeviceCommands(root, DATA_HELP, done);
  return root;
}

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('want a number from 0 to 65535.');
  return value;
}

function count(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 1_000_000)
    throw new InvalidArgumentError('want a whole number from 1 to 1000000.');
  return value;
}

function processCount(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 64) throw new InvalidArgumentError('want a number from 1 to 64.');
  return value;
}

function failed(error: unknown): number {
  if (error instanceof ServerError) {
    complain(`bestday-server: ${error.message}\n`);
    return error.exitCode;
  }
  complain(`bestday-server: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return Exit.failed;
}

/** commander ends the process itself for usage errors, with 1; ours is 2. */
function main(): void {
  const root = program((exitCode) => {
    void exitCode.catch(failed).then((code) => process.exit(code));
  });
  const withUsageCode = (command: Command): void => {
    command.exitOverride((error) => process.exit(error.exitCode === 0 ? Exit.ok : Exit.usage));
    command.commands.forEach(withUsageCode);
  };
  withUsageCode(root);
  root.parse();
}

main();
