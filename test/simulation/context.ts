import type { VirtualClock } from '../../common/src/time/virtual-clock.ts';
import type { ServerJudge } from './judge-server.ts';
import type { Ledger } from './ledger.ts';
import type { Script } from './script.ts';
import type { ServerHost } from './server-host.ts';
import type { Trace } from './trace.ts';
import type { Verdict } from './violation.ts';

/** What all parts of one run share. */
export interface SimulationContext {
  /** True time, which no part of either end can read. */
  readonly clock: VirtualClock;
  readonly script: Script;
  readonly verdict: Verdict;
  readonly ledger: Ledger;
  readonly trace: Trace;
  readonly host: ServerHost;
  readonly server: ServerJudge;
  /** Counts scripted troubles: what began in calm and is judged later must have stayed calm. */
  readonly weather: { changes: number };
}
