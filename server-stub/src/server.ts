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
import { DeviceRegistry } from './cluster/device-registry.ts';
import { errorCode, ServerError } from './system/errors.ts';
import { HttpFront } from './http/front.ts';
import { DEFAULT_LIMITS } from './system/limits.ts';
import type { ServerLimits } from './system/limits.ts';
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
  const registry = new DeviceRegistry(dataFolder);
  const core = createServerCore({
    clock,
    random: systemRandom,
    ids: nodeIds,
    log,
    codecs: timedCodecs(await loadCodecs(log), clock, stats),
    store: store.conversations,
    stats,
    pipeline: options.pipeline ?? (await pipelineOf(options, clock, stats)),
    limits,
    turnTaking: {
      ...DEFAULT_TURN_TAKING,
      ...(options.services?.settings.prepare === 'never' && { prepareMs: 0 }),
      ...options.turnTaking,
    },
    patienceOf: (deviceId) => registry.patienceOf(deviceId),
  });
  const metrics = metricsOf(core);
  // Memory and event-loop delay of the process, under the names that dashboards know.
  collectDefaultMetrics({ register: metrics });
  const own = new OwnTimelines(core);
  const shown = isWorker()
    ? { metrics: sharedMetrics(metrics), timelines: new SharedTimelines(own, workerBus(), clock) }
    : { metrics, timelines: own };
  const front = openFront({
    core,
    log,
    limits,
    tls,
    ...shown,
    frameTrace: options.frameTrace,
    admit: (deviceId, key) => registry.admit(deviceId, key),
  });
  const port = await listen(front, options.port, host);
  const url = `${tls === undefined ? 'ws' : 'wss'}://${host.includes(':') ? `[${host}]` : host}:${port}${CONNECT_PATH}`;
  log.info('server.listening', { url });
  return { port, url, caFile: tls?.caFile, core, registry, close: () => close(core, front, store, log) };
}

export interface ServerOptions {
  /** 0: any free one. */
  readonly port: number;
  /** Default: 127.0.0.1. */
  readonly host?: string;
  readonly tls: TlsChoice;
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
  /** The authority that phones must be told to trust, when the certificate is the server's own. */
  readonly caFile: string | undefined;
  readonly core: ServerCore;
  readonly registry: DeviceRegistry;
  /** Closes every connection with 1012 (service restart) and stops. */
  close(): Promise<void>;
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

/** An answer that takes longer to make is cut off. */
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

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
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

async function listen(front: HttpFront, port: number, host: string): Promise<number> {
  front.server.listen(port, host);
  try {
    await once(front.server, 'listening');
  } catch (error) {
    throw new ServerError('cannot-listen', cannotListen(port, host, errorCode(error)), { cause: error });
  }
  return (front.server.address() as AddressInfo).port;
}

function cannotListen(port: number, host: string, code: string): string {
  if (code === 'EADDRINUSE')
    return `port ${port} of ${host} is in use: stop what listens there, or give another --port (0 takes a free one)`;
  if (code === 'EACCES') return `port ${port} needs more rights than this user has: give a --port over 1023`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `--host: ${host} is no address of this machine (${code})`;
  return `cannot listen on ${host} port ${port} (${code})`;
}

async function close(core: ServerCore, front: HttpFront, store: OpenedStore, log: Log): Promise<void> {
  log.info('server.draining', { connections: core.stats.connections, conversations: core.stats.conversations });
  const closed = new Promise<void>((resolve) => front.server.close(() => resolve()));
  // A phone plays what it has when the connection closes; what is not made by then would be half a sentence.
  await core.finishAnswers(FINISH_LIMIT_MS);
  core.drain();
  front.server.closeIdleConnections();
  const limit = systemClock.after(CLOSE_LIMIT_MS, () => front.terminate());
  await closed;
  limit.cancel();
  core.dispose();
  await store.close();
  log.info('server.closed');
}
