import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { loadCodecs } from '../../common/src/codec/codecs.ts';
import type { FrameTrace } from '../../common/src/system/frame-trace.ts';
import type { Log } from '../../common/src/system/log.ts';
import { dataPath } from '../../common/src/system/package-root.ts';
import { collectDefaultMetrics } from 'prom-client';
import { systemClock } from '../../common/src/time/clock.ts';
import { systemRandom } from '../../common/src/time/random.ts';
import { CONNECT_PATH } from '../../protocol/src/index.ts';
import type { Clock } from '../../common/src/time/clock.ts';
import { ownCertificate, readTlsPair } from './http/certificates.ts';
import type { TlsFiles } from './http/certificates.ts';
import { createServerCore } from './conversation/core.ts';
import type { ServerCore } from './conversation/core.ts';
import { openDataFolder } from './system/data-folder.ts';
import type { DeviceRegistry } from './cluster/device-registry.ts';
import { FileRegistry } from './cluster/file-registry.ts';
import { errorCode, ServerError } from './system/errors.ts';
import { adminServer, cachedMetrics } from './http/admin.ts';
import type { Metrics } from './http/admin.ts';
import { CertificateRenewal } from './http/certificate-renewal.ts';
import { HttpFront } from './http/front.ts';
import type { Unreadiness } from './http/health.ts';
import { DEFAULT_LIMITS } from './system/limits.ts';
import type { ServerLimits } from './system/limits.ts';
import { isLoopback } from './system/loopback.ts';
import { metricsOf } from './http/metrics.ts';
import { workerBus, isWorker, sharedMetrics } from './cluster/processes.ts';
import { nodeIds } from './conversation/node-ids.ts';
import { openPipeline } from './pipeline/open-pipeline.ts';
import { readServiceSettings } from './pipeline/service-settings.ts';
import type { ServiceSettings } from './pipeline/service-settings.ts';
import type { Pipeline } from './pipeline/ports.ts';
import { SharedTimelines } from './cluster/shared-timelines.ts';
import { openStore } from './store/stores.ts';
import type { OpenedStore, StoreChoice } from './store/conversation-store.ts';
import { count, ServerStats } from './system/stats.ts';
import { timedCodecs } from './media/timed-codecs.ts';
import { OwnTimelines } from './conversation/timelines.ts';
import type { Timelines } from './conversation/timelines.ts';
import { DEFAULT_TURN_TAKING } from './dialogue/turn-taking.ts';
import type { TurnTakingSettings } from './dialogue/turn-taking.ts';

/**
 * The composition root: chooses and connects the parts. The adapters of a port are named in its table (pipeline/stt,
 * pipeline/llm, pipeline/tts/vendors.ts, store/stores.ts), the others here.
 *
 *   data folder → certificate → store → codecs, pipeline → core → HTTP front → listening
 *
 * The two lines that audio takes through the server:
 *
 *   uplink                                            downlink
 *   socket           http/front.ts                    language model    pipeline/llm/
 *   packet           conversation/connection.ts       text-to-speech    pipeline/tts/
 *   number, gaps     media/uplink.ts                  20 ms framer      dialogue/response.ts
 *   silence          media/silence-gate.ts            encode            media/voice-encoder.ts
 *   decode, conceal  common/concealment/ladder.ts     hold, replay      media/downlink.ts
 *   voice activity   pipeline/voice-activity.ts       packet            media/downlink.ts
 *   whose turn       dialogue/turn-taking.ts          connection        conversation/connection.ts
 *   turn             dialogue/turn.ts                 socket            http/corked-socket.ts
 *   speech-to-text   pipeline/stt/
 *
 * They meet in dialogue/dialogue.ts: the end of the uplink's turn begins the downlink's answer.
 *
 * @throws {ServerError} whose text says what to do
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { log, host = '127.0.0.1' } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const dataFolder = await openDataFolder(options.dataFolder);
  const tls = await tlsOf(options.tls, dataFolder, host);
  const clock = systemClock;
  const stats = new ServerStats();
  const store = await openStore(options.store, { clock, log, stats });
  const registry = new FileRegistry(dataFolder);
  const pipeline = options.pipeline ?? (await pipelineOf(options, clock, stats));
  const core = createServerCore({
    clock,
    random: systemRandom,
    ids: nodeIds,
    log,
    codecs: timedCodecs(await loadCodecs(log), clock, stats),
    store: store.conversations,
    stats,
    pipeline,
    limits,
    turnTaking: turnTakingOf(options),
    patienceOf: (deviceId) => registry.settingsOf(deviceId).patienceMs,
    languageOf: (deviceId) => registry.settingsOf(deviceId).language,
  });
  const shown = shownBy(core, limits, clock);
  const unreadiness = (): readonly Unreadiness[] => unreadinessOf(core, store, pipeline);
  const front = openFront({
    core,
    log,
    limits,
    tls,
    clock,
    unreadiness,
    random: systemRandom,
    timelines: shown.timelines,
    frameTrace: options.frameTrace,
    admit: (deviceId, key) => registry.admit(deviceId, key),
  });
  const admin = options.admin && (await openAdmin(options.admin, shown.metrics, unreadiness, log));
  const port = await listen(front.server, { port: options.port, host, option: '--port' });
  const url = `${tls === undefined ? 'ws' : 'wss'}://${hostInUrl(host)}:${port}${CONNECT_PATH}`;
  log.info('server.listening', { url });
  const renewal = tls && renewalOf(options, dataFolder, tls, front, clock);
  const revocations = registry.watch((deviceId) => {
    core.revoke(deviceId);
    front.revoke(deviceId);
  });
  const reload = async (): Promise<void> => renewal?.check();
  const stop = async (): Promise<void> => {
    renewal?.stop();
    await close(core, front, log);
    revocations.stop();
    await store.close();
    admin?.server.close();
    admin?.server.closeAllConnections();
    log.info('server.closed');
  };
  return { port, url, adminUrl: admin?.url, caFile: tls?.caFile, core, registry, reload, close: stop };
}

export interface ServerOptions {
  /** 0: any free one. */
  readonly port: number;
  /** Default: 127.0.0.1. */
  readonly host?: string;
  readonly tls: TlsChoice;
  /** Where operators ask for metrics, in plain HTTP; default: nowhere. */
  readonly admin?: { readonly port: number; readonly host: string } | undefined;
  readonly dataFolder: string;
  readonly log: Log;
  readonly limits?: Partial<ServerLimits>;
  readonly turnTaking?: Partial<TurnTakingSettings>;
  /** Default: in this process. */
  readonly store?: StoreChoice | undefined;
  /** Called for every frame; for measurements. */
  readonly frameTrace?: FrameTrace | undefined;
  /** Default: the one that `services` asks for. */
  readonly pipeline?: Pipeline;
  /** Default: the offline stages, which need none. */
  readonly services?: { readonly settings: ServiceSettings; readonly keyOf: (name: string) => string | undefined };
}

/** `own`: a certificate that the server makes. `none`: plain, loopback hosts only. */
export type TlsChoice = 'own' | 'none' | { readonly certFile: string; readonly keyFile: string };

export interface RunningServer {
  readonly port: number;
  readonly url: string;
  /** `http://HOST:PORT` of the administration listener, if there is one. */
  readonly adminUrl: string | undefined;
  /** The authority that phones must be told to trust, when the certificate is the server's own. */
  readonly caFile: string | undefined;
  readonly core: ServerCore;
  readonly registry: DeviceRegistry;
  /** Looks at the files that may have been renewed. */
  reload(): Promise<void>;
  /** Closes every connection with 1012 (service restart) and stops. */
  close(): Promise<void>;
}

function turnTakingOf({ services, turnTaking }: ServerOptions): TurnTakingSettings {
  return { ...DEFAULT_TURN_TAKING, ...(services?.settings.prepare === 'never' && { prepareMs: 0 }), ...turnTaking };
}

/** What tools are shown: of all processes, whichever of them is asked. */
function shownBy(core: ServerCore, limits: ServerLimits, clock: Clock): { metrics: Metrics; timelines: Timelines } {
  const metrics = metricsOf(core, limits);
  // Memory and event-loop delay of the process, under the names that dashboards know.
  collectDefaultMetrics({ register: metrics });
  const own = new OwnTimelines(core);
  return isWorker()
    ? { metrics: cachedMetrics(sharedMetrics(metrics), clock), timelines: new SharedTimelines(own, workerBus(), clock) }
    : { metrics: cachedMetrics(metrics, clock), timelines: own };
}

function unreadinessOf(core: ServerCore, store: OpenedStore, pipeline: Pipeline): readonly Unreadiness[] {
  return [
    ...(core.draining ? ['draining' as const] : []),
    ...(store.failing() ? ['store' as const] : []),
    ...(pipeline.servicesDown?.() === true ? ['services' as const] : []),
  ];
}

function pipelineOf({ log, services }: ServerOptions, clock: Clock, stats: ServerStats): Promise<Pipeline> {
  return openPipeline({
    clock,
    log,
    voiceFolder: dataPath('server-stub/voices/companion'),
    settings: services?.settings ?? readServiceSettings({}, {}, undefined),
    keyOf: services?.keyOf ?? (() => undefined),
    failed(stage, error) {
      count(stats.requestFailures, stage);
      log.warn('service.failed', { stage, reason: error instanceof Error ? error.message : 'unknown' });
    },
  });
}

/** A turn that takes longer goes on in another process. */
const FINISH_LIMIT_MS = 10_000;
/** Connections whose closing handshake takes longer are terminated. */
const CLOSE_LIMIT_MS = 1_000;

async function tlsOf(choice: TlsChoice, dataFolder: string, host: string): Promise<TlsFiles | undefined> {
  if (choice === 'own') return ownCertificate(dataFolder, host, new Date(systemClock.wallTime()));
  if (choice !== 'none') return readTlsPair(choice.certFile, choice.keyFile);
  if (!isLoopback(host))
    throw new ServerError('bad-option', `--no-tls: only for loopback hosts, and ${host} is none; leave --no-tls out`);
  return undefined;
}

function openFront(options: ConstructorParameters<typeof HttpFront>[0]): HttpFront {
  try {
    return new HttpFront(options);
  } catch (error) {
    throw new ServerError(
      'bad-file',
      `--tls-cert and --tls-key do not make a pair that TLS can use (${errorCode(error)})`,
      { cause: error },
    );
  }
}

function renewalOf(
  { tls: choice, host = '127.0.0.1', log }: ServerOptions,
  dataFolder: string,
  inUse: TlsFiles,
  front: HttpFront,
  clock: Clock,
): CertificateRenewal {
  const read = async (): Promise<TlsFiles> => (await tlsOf(choice, dataFolder, host)) ?? inUse;
  return new CertificateRenewal({ inUse, read, renew: (files) => front.renew(files), clock, log });
}

async function openAdmin(
  { port, host }: { readonly port: number; readonly host: string },
  metrics: Metrics,
  unreadiness: () => readonly Unreadiness[],
  log: Log,
): Promise<{ readonly server: Server; readonly url: string }> {
  const failed = (error: unknown): void => log.error('admin.failed', { error: errorCode(error) });
  const server = adminServer({ metrics, unreadiness, failed });
  const bound = await listen(server, { port, host, option: '--admin-port' });
  return { server, url: `http://${hostInUrl(host)}:${bound}` };
}

function hostInUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

interface Address {
  readonly port: number;
  readonly host: string;
  /** `--port` or `--admin-port` */
  readonly option: string;
}

async function listen(server: Server, address: Address): Promise<number> {
  server.listen(address.port, address.host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new ServerError('cannot-listen', cannotListen(address, errorCode(error)), { cause: error });
  }
  return (server.address() as AddressInfo).port;
}

function cannotListen({ port, host, option }: Address, code: string): string {
  if (code === 'EADDRINUSE')
    return `port ${port} of ${host} is in use: stop what listens there, or give another ${option} (0 takes a free one)`;
  if (code === 'EACCES') return `port ${port} needs more rights than this user has: give a ${option} over 1023`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `${option.replace('port', 'host')}: ${host} is no address of this machine (${code})`;
  return `cannot listen on ${host} port ${port} (${code})`;
}

async function close(core: ServerCore, front: HttpFront, log: Log): Promise<void> {
  log.info('server.draining', { connections: core.stats.connections, conversations: core.stats.conversations });
  // A phone plays what it has when the connection closes; what is not made by then would be half a sentence, and what
  // the patient is saying would have to be heard again. Meanwhile the listener stays open, so that a balancer is told
  // why nobody else is let in.
  await core.finishTurns(FINISH_LIMIT_MS);
  const closed = new Promise<void>((resolve) => front.server.close(() => resolve()));
  core.drain();
  front.server.closeIdleConnections();
  const limit = systemClock.after(CLOSE_LIMIT_MS, () => front.terminate());
  await closed;
  limit.cancel();
  core.dispose();
}
