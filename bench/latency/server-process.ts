import { createInterface } from 'node:readline';
import { silentLog } from '../../common/src/system/log.ts';
import { seededRandom } from '../../common/src/time/random.ts';
import { systemClock } from '../../common/src/time/clock.ts';
import { startServer } from '../../server-stub/src/server.ts';
import { DEFAULT_TURN_TAKING } from '../../server-stub/src/dialogue/turn-taking.ts';
import type { PreparedCounts } from './measured.ts';
import type { LatencyRun } from './runs.ts';
import { openVendors } from './vendors.ts';
import type { StageTimes } from './vendors.ts';

/** The real server, its voice services fake ones on this machine's loopback; until its standard input ends. */

export interface ServerOrder {
  readonly run: LatencyRun;
  readonly folder: string;
  readonly host: string;
}

export type ServerNews =
  | { readonly type: 'listening'; readonly url: string; readonly caFile: string }
  | {
      readonly type: 'services';
      readonly tookMs: StageTimes;
      readonly reportedMs: StageTimes;
      readonly prepared: PreparedCounts;
    };

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { run, folder, host } = JSON.parse((await lines.next()).value as string) as ServerOrder;
const { pipeline, tookMs, reportedMs, close } = await openVendors(systemClock, seededRandom(11), run);
const server = await startServer({
  port: 0,
  host,
  tls: 'own',
  dataFolder: folder,
  log: silentLog,
  pipeline,
  turnTaking: { ...DEFAULT_TURN_TAKING, ...(!run.prepare && { prepareMs: 0 }) },
});
tell({ type: 'listening', url: server.url, caFile: server.caFile! });
await lines.next();
const { answersPrepared: begun, preparedUsed: used, preparedDropped: dropped } = server.core.stats;
tell({ type: 'services', tookMs, reportedMs, prepared: { begun, used, dropped } });
await server.close();
await close();
process.exit(0);

function tell(news: ServerNews): void {
  process.stdout.write(`${JSON.stringify(news)}\n`);
}
