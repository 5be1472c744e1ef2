import type { CallReport } from '../../device/src/conversation/report.ts';
import type { Phase } from '../../device/src/conversation/state.ts';
import type { SimulationContext } from './context.ts';
import { judgeCallEnd, newCallRecord, reasonOfCode } from './judge-endings.ts';
import type { CallRecord, ServerWord } from './judge-endings.ts';
import { ScheduleJudge } from './judge-schedule.ts';

/** Follows one call from its first attempt to its report. */
export class CallWitness {
  readonly record: CallRecord = newCallRecord();
  readonly schedule: ScheduleJudge;
  /** True time at which it was begun. */
  begunMs = 0;
  #wasTalking = false;
  readonly #context: SimulationContext;
  readonly #now: () => number;

  constructor(context: SimulationContext, now: () => number) {
    this.#context = context;
    this.#now = now;
    this.schedule = new ScheduleJudge(context.verdict, now);
  }

  get phase(): Phase {
    return this.schedule.current;
  }

  /** It has been begun and has not ended. */
  get on(): boolean {
    return this.phase !== 'idle' && this.phase !== 'ending';
  }

  get phaseMs(): number {
    return this.#now() - this.schedule.sinceMs;
  }

  phaseChanged(phase: Phase): void {
    this.#context.trace.note(phase);
    if (phase === 'connecting' && this.phase === 'idle') this.begunMs = this.#context.clock.now();
    if (phase === 'ending') {
      this.#wasTalking = this.phase === 'talking';
      this.record.endingAtMs = this.#now();
      this.record.windowSinceMs = this.schedule.windowSinceMs;
    }
    this.schedule.phase(phase);
  }

  /** @param atMs when it must end because the receiver lies on its hook; undefined when it was lifted again in time */
  mustEndAt(atMs: number | undefined): void {
    if (this.record.endingAtMs === undefined) this.record.hungUpAtMs = atMs;
  }

  /** The server said, or closed with, something that ends a call. */
  told(reason: ServerWord | undefined): void {
    if (reason !== undefined && (this.phase === 'talking' || this.phase === 'handshaking'))
      this.record.serverWord = { reason, atMs: this.#now() };
  }

  closed(code: number): void {
    this.told(reasonOfCode(code));
  }

  forbidden(): void {
    this.record.forbiddenAtMs = this.#now();
  }

  reported(report: CallReport): void {
    const { verdict } = this.#context;
    this.record.endReason = report.endReason;
    judgeCallEnd(this.record, verdict);
    if (this.#wasTalking && report.endReason === 'hangup' && this.record.ownWord === undefined) {
      verdict.fail(3, 'end-not-told', 'the phone was put down in mid-conversation, and did not tell the server');
    }
    if ((report.conversationId ?? undefined) !== this.record.conversationId) {
      verdict.fail(
        3,
        'wrong-report',
        `the report names conversation ${report.conversationId}, the call was in ${this.record.conversationId ?? 'none'}`,
      );
    }
  }

  /** Once a second. */
  audit(): void {
    this.schedule.audit();
    const { serverWord, endingAtMs } = this.record;
    if (serverWord === undefined || endingAtMs !== undefined) return;
    this.record.serverWord = undefined;
    this.#context.verdict.fail(
      3,
      'end-ignored',
      `the server ended the conversation (${serverWord.reason}), and the phone goes on`,
    );
  }
}
