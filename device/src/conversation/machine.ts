import type { Log } from '../../../common/src/system/log.ts';
import { INITIAL_STATE, MOVES, reduce } from './state.ts';
import type { CallEffect, CallEvent, CallState, Phase } from './state.ts';

/** Runs the reducer, one event after the other: what an effect brings about waits until all effects are carried out. */
export class CallMachine {
  readonly #options: CallMachineOptions;
  readonly #events: CallEvent[] = [];
  #state: CallState = INITIAL_STATE;
  #dispatching = false;

  constructor(options: CallMachineOptions) {
    this.#options = options;
  }

  get phase(): Phase {
    return this.#state.phase;
  }

  get state(): CallState {
    return this.#state;
  }

  dispatch(event: CallEvent): void {
    this.#events.push(event);
    if (this.#dispatching) return;
    this.#dispatching = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) this.#step(next);
    } finally {
      this.#dispatching = false;
    }
  }

  #step(event: CallEvent): void {
    const { log, onPhase, perform, finished } = this.#options;
    const from = this.#state.phase;
    const { state, effects } = reduce(this.#state, event);
    if (state.phase !== from && !MOVES[from].includes(state.phase)) {
      log.error('call.illegal-move', { move: `${from} -> ${state.phase}`, because: event.type });
      return;
    }
    this.#state = state;
    if (state.phase !== from) {
      log.info('call.phase', { from, to: state.phase, because: event.type });
      onPhase?.(state.phase);
    }
    for (const effect of effects) perform(effect);
    if (from === 'ending' && state.phase === 'idle') finished();
  }
}

export interface CallMachineOptions {
  readonly log: Log;
  readonly perform: (effect: CallEffect) => void;
  readonly onPhase?: ((phase: Phase) => void) | undefined;
  /** The call is over. */
  readonly finished: () => void;
}
