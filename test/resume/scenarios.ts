import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { frameCount, hearing, wholeOf } from '../lib/resume/recitation.ts';
import type { HeldPhone, Reciter, Site } from '../lib/resume/site.ts';
import type { Wire } from '../lib/resume/wire.ts';

/** A phone in mid-answer. */
export interface Held {
  readonly phone: HeldPhone;
  readonly wire: Wire;
  readonly server: Reciter;
}

/** @param made frames of the answer that must have been made by then; most of them wait at the server */
export async function heldBy(site: Site, server: Reciter, args: readonly string[], made = 0): Promise<Held> {
  const { phone, wire } = await site.wiredPhone(server, args);
  await inMidAnswer(phone);
  while (server.made < made) await sleep(5);
  return { phone, wire, server };
}

export async function inMidAnswer(phone: HeldPhone): Promise<void> {
  await phone.next((event) => event.type === 'playback' && event.state === 'started');
  await sleep(500);
}

/** Breaks the link, and waits until the phone is back and the companion has said everything. */
export async function through(phone: HeldPhone, breakIt: () => unknown): Promise<void> {
  const back = phone.phase('talking');
  const heardOut = phone.heardOut();
  await breakIt();
  await back;
  await heardOut;
  await phone.hangUp();
}

export function assertHeardWhole(phone: HeldPhone, said: Int16Array): void {
  const { heard, altered } = hearing(phone.heard(), said);
  assert.deepEqual(heard, wholeOf(frameCount(said)), 'each frame once, in order');
  assert.deepEqual(altered, [], 'to the last sample');
}

/** All of them run at the same time; each is waited for by its own test. */
export class Scenarios {
  readonly #limitMs: number;
  readonly #running = new Map<string, Promise<void>>();

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  start(name: string, scenario: () => Promise<void>): void {
    const running = scenario();
    // Its test tells.
    running.catch(() => {});
    this.#running.set(name, running);
  }

  show(name: string): void {
    it(name, () => this.#running.get(name)).timeout(this.#limitMs);
  }
}
