import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ServerCore } from '../conversation/core.ts';
import type { StageTiming } from '../pipeline/ports.ts';
import type { ServerLimits } from '../system/limits.ts';
import { MODEL_REQUESTS_A_TURN } from '../pipeline/request-budget.ts';
import type { TurnTimes } from '../system/stats.ts';

/** Under two seconds is the goal; the buckets are densest there. */
const LATENCY_BUCKETS_S = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 6, 10];

const STAGES: Readonly<Record<keyof TurnTimes, string>> = {
  turnDetectedMs: 'turn_detected',
  sttFinalMs: 'stt_final',
  llmFirstTokenMs: 'llm_first_token',
  ttsFirstByteMs: 'tts_first_byte',
  firstFrameSentMs: 'first_frame_sent',
};

/** The core's plain numbers for Prometheus, read when they are asked for. */
export function metricsOf(core: ServerCore, limits: ServerLimits): Registry {
  const registry = new Registry();
  for (const [name, help, read] of GAUGES) gauge(registry, name, help, () => read(core));
  for (const [name, help, read] of COUNTERS) counter(registry, name, help, () => read(core));
  for (const [name, help, label, read] of LABELLED) counters(registry, name, help, label, () => read(core));
  deviceLimits(registry, limits);
  core.stats.onTurn = turnLatency(registry);
  core.stats.onStage = stageTime(registry);
  core.stats.onModelRequests = turnModelRequests(registry);
  return registry;
}

type Row = readonly [name: string, help: string, read: (core: ServerCore) => number];
type LabelledRow = readonly [
  name: string,
  help: string,
  label: string,
  read: (core: ServerCore) => Iterable<readonly [value: string | number, count: number]>,
];

const GAUGES: readonly Row[] = [
  ['bestday_connections', 'Sockets open', ({ stats }) => stats.connections],
  [
    'bestday_conversations_active',
    'Conversations under way, connected or waiting for their phone',
    ({ stats }) => stats.conversations,
  ],
];

const CONVERSATIONS: readonly Row[] = [
  ['bestday_conversations_total', 'Conversations begun', ({ stats }) => stats.conversationsStarted],
  ['bestday_resumes_total', 'Conversations resumed', ({ stats }) => stats.resumed],
  ['bestday_resumes_refused_total', 'Resumes refused', ({ stats }) => stats.resumeRefused],
  ['bestday_takeovers_total', 'Resumes while the older socket was open', ({ stats }) => stats.takenOver],
  ['bestday_model_requests_total', 'Requests to the language model', ({ stats }) => stats.modelRequests],
  ['bestday_interruptions_total', 'Answers the patient interrupted', ({ stats }) => stats.interruptions],
  ['bestday_stage_failures_total', 'Turns whose pipeline failed', ({ stats }) => stats.stageFailures],
  [
    'bestday_unknown_messages_total',
    'Control messages of unknown types, ignored',
    ({ stats }) => stats.unknownMessages,
  ],
];

const FRAMES: readonly Row[] = [
  ['bestday_frames_sent_total', 'Audio frames sent to phones, replayed ones included', ({ stats }) => stats.framesSent],
  ['bestday_frames_replayed_total', 'Audio frames sent again after a resume', ({ stats }) => stats.framesReplayed],
  [
    'bestday_frames_encoded_total',
    'Audio frames encoded; a recording that many hear is encoded once',
    ({ stats }) => stats.framesEncoded,
  ],
  ['bestday_frames_decoded_total', 'Audio frames of Opus decoded; silence is not', ({ stats }) => stats.framesDecoded],
  [
    'bestday_uplink_frames_undecodable_total',
    'Audio frames from phones that the decoder refused',
    ({ stats }) => stats.framesUndecodable,
  ],
  [
    'bestday_concealment_failures_total',
    'Missing frames that could not be concealed; anything but 0 is a bug',
    ({ stats }) => stats.concealmentFailures,
  ],
];

const STORE: readonly Row[] = [
  [
    'bestday_store_outages_total',
    'Times the store of conversations could not be reached',
    ({ stats }) => stats.storeOutages,
  ],
  [
    'bestday_store_failures_total',
    'Reads and writes that failed while it could not',
    ({ stats }) => stats.storeFailures,
  ],
];

const ADMISSION: readonly Row[] = [
  [
    'bestday_connections_superseded_total',
    'Sockets closed because their device opened more than it may have',
    ({ stats }) => stats.connectionsSuperseded,
  ],
  [
    'bestday_devices_revoked_total',
    'Devices whose connections were ended because their key was withdrawn',
    ({ stats }) => stats.devicesRevoked,
  ],
];

const COUNTERS: readonly Row[] = [...CONVERSATIONS, ...FRAMES, ...STORE, ...ADMISSION];

/** The values of each label are a closed list. */
const LABELLED: readonly LabelledRow[] = [
  [
    'bestday_opus_seconds_total',
    'Time spent in Opus, by what was done',
    'work',
    ({ stats }) => Object.entries(stats.opusMs).map(([work, ms]) => [work, ms / 1_000]),
  ],
  [
    'bestday_uplink_frames_total',
    'Audio frames from phones, by what became of them',
    'outcome',
    (core) => Object.entries(core.uplinkCounters()),
  ],
  [
    'bestday_prepared_answers_total',
    'Answers begun in a pause of the patient, by what became of them',
    'outcome',
    ({ stats }) => [
      ['used', stats.preparedUsed],
      ['dropped', stats.preparedDropped],
      ['open', stats.answersPrepared - stats.preparedUsed - stats.preparedDropped],
    ],
  ],
  [
    'bestday_service_requests_failed_total',
    'Requests to a service of the voice pipeline that failed, by stage',
    'stage',
    ({ stats }) => stats.requestFailures,
  ],
  [
    'bestday_connections_closed_total',
    'Sockets closed, by close code (0: another)',
    'code',
    ({ stats }) => stats.closes,
  ],
  ['bestday_conversations_ended_total', 'Conversations ended, by reason', 'reason', ({ stats }) => stats.ends],
  ['bestday_protocol_faults_total', 'Messages that broke a rule, by fault', 'fault', ({ stats }) => stats.faults],
  [
    'bestday_upgrades_refused_total',
    'Requests for a connection that were refused, by HTTP status',
    'status',
    ({ stats }) => stats.upgradesRefused,
  ],
  [
    'bestday_device_limits_reached_total',
    'Refusals because one device had too much, by limit',
    'limit',
    ({ stats }) => stats.limited,
  ],
];

function deviceLimits(registry: Registry, limits: ServerLimits): void {
  new Gauge({
    name: 'bestday_device_limit',
    help: 'What one device may take of one process',
    labelNames: ['limit'],
    registers: [registry],
    aggregator: 'first',
    collect() {
      this.set({ limit: 'connections_per_minute' }, limits.connectionsPerMinute);
      this.set({ limit: 'calls_per_minute' }, limits.callsPerMinute);
      this.set({ limit: 'minutes_per_day' }, limits.minutesPerDay);
    },
  });
}

function turnLatency(registry: Registry): (times: TurnTimes) => void {
  const histogram = new Histogram({
    name: 'bestday_turn_latency_seconds',
    help: "From the end of the patient's speech to the end of each stage",
    labelNames: ['stage'],
    buckets: LATENCY_BUCKETS_S,
    registers: [registry],
  });
  return (times) => {
    for (const [stage, ms] of Object.entries(times))
      histogram.observe({ stage: STAGES[stage as keyof TurnTimes] }, ms / 1_000);
  };
}

/** What dropped answers cost is in it too: the services took that time. */
function stageTime(registry: Registry): (timing: StageTiming) => void {
  const histogram = new Histogram({
    name: 'bestday_stage_seconds',
    help: 'What each stage took by itself, from what it needed to its first result',
    labelNames: ['stage'],
    buckets: LATENCY_BUCKETS_S,
    registers: [registry],
  });
  return ({ stage, firstResultMs }) => histogram.observe({ stage }, firstResultMs / 1_000);
}

function turnModelRequests(registry: Registry): (requests: number) => void {
  const histogram = new Histogram({
    name: 'bestday_turn_model_requests',
    help: 'Requests to the language model that a turn made, of those that made any',
    buckets: Array.from({ length: MODEL_REQUESTS_A_TURN }, (_, index) => index + 1),
    registers: [registry],
  });
  return (requests) => histogram.observe(requests);
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

function counter(registry: Registry, name: string, help: string, read: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

function counters(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  read: () => Iterable<readonly [string | number, number]>,
): void {
  new Counter({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [key, value] of read()) this.inc({ [label]: String(key) }, value);
    },
  });
}
