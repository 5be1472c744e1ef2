import { loadCodecs } from '../../device/src/codec/codecs.ts';
import { Call } from '../../device/src/conversation/call.ts';
import type { Turn } from '../../device/src/conversation/report.ts';
import { noPrompts } from '../../device/src/playout/prompts.ts';
import { silentLog } from '../../device/src/system/log.ts';
import { FRAME_MS, FRAME_SAMPLES, seededRandom } from '../../protocol/src/index.ts';
import { VirtualClock } from '../../protocol/src/virtual-clock.ts';
import { createServerCore } from '../../server-stub/src/core.ts';
import { nodeIds } from '../../server-stub/src/node-ids.ts';
import { MemoryConversationStore } from '../../server-stub/src/store/memory-store.ts';
import { DEFAULT_TURN_TAKING } from '../../server-stub/src/turn-taking.ts';
import { joined } from '../../test/interruption/joined.ts';
import { openVendors } from './vendors.ts';
import type { StageKey } from './vendors.ts';

export interface LatencyOptions {
  readonly turns: number;
  readonly stages: 'p95' | 'median';
  readonly overlap: boolean;
  readonly progress: (what: string, done: number) => void;
}

export interface MeasuredLatency {
  readonly turns: readonly Turn[];
  /** What each request to a service took, ms. */
  readonly stageMs: Readonly<Record<StageKey, readonly number[]>>;
}

const DEVICE_ID = '11111111-2222-4333-8444-555555555555';
const LINK_MS = 100;
const VOICE = 8_000;

/**
 * Turns in virtual time: the device's own call, the server's own core, the vendors' own SDKs over sockets to fake vendors.
 * The link and the stages take their time on one clock that stands still while this machine computes, so what is measured
 * is what overlaps and what waits; what computing costs, `npm run load` measures.
 */
export async function measureLatency({ turns: wanted, stages, overlap, progress }: LatencyOptions): Promise<MeasuredLatency> {
  const clock = new VirtualClock();
  const random = seededRandom(11);
  const vendors = await openVendors({ clock, random, stages, overlap });
  const codecs = await loadCodecs(silentLog);
  const core = createServerCore({
    clock, random, codecs, ids: nodeIds, log: silentLog, store: new MemoryConversationStore(clock), pipeline: vendors.pipeline,
    turnTaking: { ...DEFAULT_TURN_TAKING, ...(!overlap && { prepareMs: 0 }) },
  });
  const turns: Turn[] = [];
  let finished = 0;
  const call = new Call({
    clock, random, log: silentLog, codecs, codecPreference: ['opus'], prompts: noPrompts,
    identity: { deviceId: DEVICE_ID, bootId: 'latency', firmware: 'latency' }, bitrate: 32_000, maxQueueMs: 30_000, language: 'en', outputDelayMs: () => 0,
    transport: {
      connect: (handlers) => {
        const [device, server] = joined(clock, LINK_MS);
        core.accept(server, { deviceId: DEVICE_ID, requestId: 'latency', raw: false });
        clock.after(0, () => handlers.opened(device, 'rtp'));
        return { cancel() {} };
      },
    },
    onTurn: (turn) => turns.push(turn),
    onPlayback: ({ state }) => { if (state === 'finished') finished++; },
    onEnded: () => {},
  });
  const ear = new Int16Array(FRAME_SAMPLES);
  const pass = async (ms: number, speaking: boolean): Promise<void> => {
    for (let at = 0; at < ms; at += FRAME_MS) {
      for (let step = 0; step < FRAME_MS; step += STEP_MS) {
        clock.advance(STEP_MS);
        await settle();
      }
      call.capture(tone(speaking ? VOICE : 0));
      call.render(ear);
    }
  };
  call.lift();
  await pass(6_000, false);
  while (turns.length < wanted) {
    const [heard, before] = [finished, turns.length];
    await pass(1_000 + random() * 1_500, true);
    for (let waitedMs = 0; (turns.length === before || finished === heard) && waitedMs < 15_000; waitedMs += 200) await pass(200, false);
    progress(overlap ? 'as the server works' : 'one stage after another', Math.min(1, turns.length / wanted));
  }
  call.hangup('hangup');
  await vendors.close();
  return { turns: turns.slice(0, wanted), stageMs: vendors.stageMs };
}

const STEP_MS = 5;

/** Lets what is under way on sockets of this process arrive. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** 300 Hz, which the codec carries and a level can find. */
function tone(level: number): Int16Array {
  return Int16Array.from({ length: FRAME_SAMPLES }, (_, at) => Math.round(level * Math.sin((2 * Math.PI * 300 * at) / 16_000)));
}
