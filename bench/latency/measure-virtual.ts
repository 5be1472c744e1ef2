import { tcpFlow } from '../../device/src/connection/tcp-flow.ts';
import { loadCodecs } from '../../common/src/codec/codecs.ts';
import { silentLog } from '../../common/src/system/log.ts';
import { seededRandom } from '../../common/src/time/random.ts';
import { FRAME_MS } from '../../protocol/src/index.ts';
import { VirtualClock } from '../../common/src/time/virtual-clock.ts';
import { createServerCore } from '../../server-stub/src/conversation/core.ts';
import type { ServerCore } from '../../server-stub/src/conversation/core.ts';
import { nodeIds } from '../../server-stub/src/conversation/node-ids.ts';
import { MemoryConversationStore } from '../../server-stub/src/store/memory-store.ts';
import { DEFAULT_TURN_TAKING } from '../../server-stub/src/dialogue/turn-taking.ts';
import { joined } from '../../test/interruption/joined.ts';
import { Caller, recordedUtterances } from './caller.ts';
import type { CallerOptions, MeasuredTurn } from './caller.ts';
import { LINK_MS } from './measured.ts';
import type { MeasuredLatency, MeasureOptions } from './measured.ts';
import type { LatencyRun } from './runs.ts';
import { openVendors } from './vendors.ts';

/**
 * Turns in virtual time: the link and the services take their time on one clock that stands still while this machine
 * computes. What is measured is what overlaps and what waits; what computing costs, `npm run load` measures.
 */
export async function measureVirtually(
  run: LatencyRun,
  { turns: wanted, phones, progress }: MeasureOptions,
): Promise<MeasuredLatency> {
  const clock = new VirtualClock();
  const random = seededRandom(11);
  const { pipeline, tookMs, reportedMs, close } = await openVendors(clock, random, run);
  const codecs = await loadCodecs(silentLog);
  const core = createServerCore({
    clock,
    random,
    codecs,
    ids: nodeIds,
    log: silentLog,
    store: new MemoryConversationStore(clock),
    pipeline,
    turnTaking: { ...DEFAULT_TURN_TAKING, ...(!run.prepare && { prepareMs: 0 }) },
  });
  const turns: MeasuredTurn[] = [];
  let cutOff = 0;
  const utterances = recordedUtterances();
  const callers = Array.from({ length: phones }, (_, index) => {
    const deviceId = `11111111-2222-4333-8444-${String(index).padStart(12, '0')}`;
    return new Caller({
      clock,
      random: seededRandom(index),
      deviceId,
      codecs,
      utterances,
      transport: transportTo(core, clock, deviceId),
      onTurn: (turn) => turns.push(turn),
      onCutOff: () => {
        cutOff++;
      },
    });
  });
  callers.forEach((caller, index) =>
    clock.after(index * STAGGER_MS, () => {
      caller.lift();
      clock.every(FRAME_MS, () => caller.frame());
    }),
  );
  while (turns.length < wanted) {
    clock.advance(STEP_MS);
    await settle();
    progress(Math.min(1, turns.length / wanted));
  }
  for (const caller of callers) caller.hangUp();
  core.dispose();
  await close();
  const { answersPrepared: begun, preparedUsed: used, preparedDropped: dropped } = core.stats;
  return { run, turns: turns.slice(0, wanted), tookMs, reportedMs, prepared: { begun, used, dropped }, cutOff };
}

function transportTo(core: ServerCore, clock: VirtualClock, deviceId: string): CallerOptions['transport'] {
  return {
    connect: (handlers) => {
      const [device, server] = joined(clock, LINK_MS / 2);
      core.accept(server, { deviceId, requestId: 'latency', framing: 'rtp' });
      clock.after(0, () => handlers.opened({ socket: device, framing: 'rtp', flow: tcpFlow }));
      return { answered: false, cancel() {} };
    },
  };
}

const STEP_MS = 5;
/** No two phones keep step. */
const STAGGER_MS = 137;

/** Lets what is under way on sockets of this process arrive. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}
