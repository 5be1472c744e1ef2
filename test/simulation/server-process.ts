import type { ServerCore } from '../../server-stub/src/conversation/core.ts';
import type { EndClock } from './end-clock.ts';
import type { ProcessStore } from './process-store.ts';
import type { Endpoint } from './wire.ts';

/** One server process, from its start to its death. */
export interface ServerProcess {
  readonly number: number;
  readonly core: ServerCore;
  readonly clock: EndClock;
  readonly store: ProcessStore;
  readonly codecs: { open: number };
  readonly voice: { stages: number };
  readonly endpoints: Set<Endpoint>;
  /** Until it is killed, or has stopped by itself. */
  running: boolean;
  /** What it left open is the kernel's business. */
  killed: boolean;
}
