import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FrameTraceLine } from '../../../common/src/system/frame-trace.ts';
import { hearing, recitation } from './recitation.ts';
import { NetworkLink } from '../network/link.ts';
import { Site } from './site.ts';

/**
 * One phone and one server at the ends of a cable of their own, cut again and again: `resume-time.ts` runs several
 * of these processes side by side, and is told of each what came of it.
 */
export interface LaneOrder {
  readonly reported: boolean;
  readonly cuts: number;
  /** Shortest and longest outage; a dead link is noticed after 6 to 7 s, the window is 30 s. */
  readonly outageMs: readonly [number, number];
}

export interface LaneResult {
  readonly cuts: readonly CutResult[];
  /** Frames that were not heard exactly once, in order; anything but 0 is a bug. */
  readonly misheard: number;
}

export interface CutResult {
  readonly outageMs: number;
  /** From the link's return to the first sample of the answer that goes on. */
  readonly heardMs: number;
  /** From the `hello` of the attempt that succeeded to that sample; absent when the old connection lived on. */
  readonly heardAfterHelloMs?: number;
}

const TALK_MS = 2_500;
/** The longest of the schedule's waits, and a connection. */
const HEARD_AGAIN_MS = 9_000;
const SAID_S = 900;

async function run({ reported, cuts, outageMs }: LaneOrder): Promise<LaneResult> {
  const link = new NetworkLink();
  const site = new Site();
  try {
    const server = await site.reciter({
      host: NetworkLink.serverAddress,
      tls: true,
      seconds: SAID_S,
      before: link.serverEnd,
    });
    const trace = join(site.folder, 'trace.jsonl');
    // Little is sent ahead, so that the phone is dry when the link returns and every one is heard.
    const phone = site.phone(server, ['--max-queue-ms', '2000', '--frame-trace', trace], link.phoneEnd);
    await phone.phase('talking');
    const outages: Outage[] = [];
    for (let cut = 0; cut < cuts; cut++) {
      await sleep(TALK_MS);
      outages.push(await cutOnce(link, reported, outageMs));
      await sleep(HEARD_AGAIN_MS);
    }
    await sleep(TALK_MS);
    await phone.hangUp();
    const lines = readFileSync(trace, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as FrameTraceLine);
    const { heard, altered } = hearing(phone.heard(), recitation(SAID_S));
    return {
      cuts: outages.map((outage) => resultOf(outage, lines)),
      misheard: altered.length + heard.filter((number, place) => number !== place).length,
    };
  } finally {
    await site.close();
    link.close();
  }
}

interface Outage {
  readonly fromMs: number;
  readonly untilMs: number;
}

async function cutOnce(
  link: NetworkLink,
  reported: boolean,
  [shortest, longest]: LaneOrder['outageMs'],
): Promise<Outage> {
  const fromMs = nowMs();
  if (reported) link.pullOut();
  else link.swallow();
  await sleep(shortest + Math.random() * (longest - shortest));
  if (reported) link.plugIn();
  else link.letThrough();
  return { fromMs, untilMs: nowMs() };
}

function resultOf({ fromMs, untilMs }: Outage, lines: readonly FrameTraceLine[]): CutResult {
  const heard =
    lines.find((line) => line.at >= untilMs && line.event === 'rendered' && line.state === 'flowing')?.at ?? Infinity;
  const hello = lines.findLast(
    (line) => line.at >= fromMs && line.at <= heard && line.event === 'message-sent' && line.type === 'hello',
  )?.at;
  return {
    outageMs: untilMs - fromMs,
    heardMs: heard - untilMs,
    ...(hello !== undefined && { heardAfterHelloMs: heard - hello }),
  };
}

/** The clock of the frame trace. */
function nowMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

process.once('message', (order: LaneOrder) => {
  run(order).then(
    (result) => process.send!(result, () => process.disconnect()),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    },
  );
});
