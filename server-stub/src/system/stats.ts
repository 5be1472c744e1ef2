import type { FrameCounters } from '../../../common/src/concealment/frame-counters.ts';
import { newFrameCounters } from '../../../common/src/concealment/frame-counters.ts';
import type { StageTiming } from '../pipeline/ports.ts';
import type { DeviceLimit } from './device-limits.ts';

/**
 * When each stage of a turn was done, in ms from the end of the patient's speech; absent when the stage did not happen.
 * Stages overlap, and what was prepared in the patient's pause is done before the turn is known to be over: so these are
 * moments, and their differences no durations (those are `StageTiming`'s).
 */
export interface TurnTimes {
  turnDetectedMs?: number;
  sttFinalMs?: number;
  llmFirstTokenMs?: number;
  ttsFirstByteMs?: number;
  firstFrameSentMs?: number;
}

/**
 * What the core counts: plain numbers, so that counting a frame costs nothing. `metrics.ts` shows them to
 * Prometheus when it is asked. Every key of the maps comes from a closed list, so no label can grow without bound.
 */
export class ServerStats {
  connections = 0;
  conversations = 0;
  conversationsStarted = 0;
  framesSent = 0;
  framesReplayed = 0;
  /** Less than were sent where many patients hear the same recording. */
  framesEncoded = 0;
  /** Not silence, and Opus only, as `opusMs` is: PCM is only copied. */
  framesDecoded = 0;
  readonly opusMs = { encode: 0, decode: 0 };
  resumed = 0;
  resumeRefused = 0;
  takenOver = 0;
  unknownMessages = 0;
  /** Frames from phones that the decoder refused, and times it could not conceal: a bug of ours. */
  framesUndecodable = 0;
  concealmentFailures = 0;
  interruptions = 0;
  stageFailures = 0;
  /** Each is used or dropped in the end. */
  answersPrepared = 0;
  preparedUsed = 0;
  preparedDropped = 0;
  /** Requests to the language model: prepared, hedged and repeated ones too. */
  modelRequests = 0;
  /** Times the store of conversations could not be reached, and what failed for it. */
  storeOutages = 0;
  storeFailures = 0;
  /** Of one device, closed because it opened more than it may have. */
  connectionsSuperseded = 0;
  /** Because the registry took their key away. */
  devicesRevoked = 0;
  /** Upgrades refused, by HTTP status, and what a device has had too much of, by limit. */
  readonly upgradesRefused = new Map<number, number>();
  readonly limited = new Map<DeviceLimit, number>();
  /** The ladder of what the phones sent, over all conversations. */
  readonly uplink: FrameCounters = newFrameCounters();
  /** Requests to the services of the pipeline that failed, by stage, whatever the patient heard of it. */
  readonly requestFailures = new Map<string, number>();
  readonly closes = new Map<number, number>();
  readonly ends = new Map<string, number>();
  readonly faults = new Map<string, number>();
  /** Called with every turn's latency. */
  onTurn: (times: TurnTimes) => void = () => {};
  /** Called at a turn's end with its requests to the language model. */
  onModelRequests: (requests: number) => void = () => {};
  /** Called with every stage's own timing. */
  onStage: (timing: StageTiming) => void = () => {};
}

export function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
