import assert from 'node:assert/strict';
import { Announcements } from '../../src/playout/announcements.ts';
import type { Situation } from '../../src/playout/announcements.ts';
import type { PromptKind } from '../../src/playout/prompts.ts';

const CLIP = new Int16Array(1);

class Rig {
  readonly said: (readonly [atMs: number, kind: PromptKind])[] = [];
  attended = true;
  nowMs = 0;
  readonly announcements = new Announcements({
    prompts: {
      next: (kind) => {
        this.said.push([this.nowMs, kind]);
        return CLIP;
      },
    },
    attended: () => this.attended,
  });

  constructor(situation?: Situation) {
    this.announcements.enter(situation);
  }

  pass(ms: number, heard: 'flowing' | 'waiting' | 'idle' = 'idle'): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs;) {
      this.nowMs += 20;
      this.announcements.next(heard);
    }
  }

  get atMs(): number[] {
    return this.said.map(([atMs]) => atMs);
  }
}

describe('what the phone says by itself', () => {
  const waiting: readonly (readonly [Situation, PromptKind, number])[] = [
    ['connecting', 'connecting', 1_500],
    ['cut-off', 'one-moment', 1_000],
    ['lost', 'calling-again', 20],
    ['no-answer', 'no-answer', 20],
    ['refused', 'needs-help', 20],
    ['not-set-up', 'not-set-up', 300],
  ];
  for (const [situation, kind, firstMs] of waiting) {
    it(`${situation}: '${kind}', first within ${firstMs} ms and then after 6 s without a word`, () => {
      const rig = new Rig(situation);
      rig.pass(20_000);
      assert.deepEqual(rig.said.slice(0, 3), [
        [firstMs, kind],
        [firstMs + 6_000, kind],
        [firstMs + 12_000, kind],
      ]);
    });
  }

  it('at rest: at once, and then more and more seldom', () => {
    const rig = new Rig('resting');
    rig.pass(600_000);
    assert.deepEqual(rig.atMs, [500, 10_500, 30_500, 70_500, 150_500, 310_500, 470_500]);
  });

  it('is nothing while the conversation is live, and something when the far end stops in mid-answer', () => {
    const rig = new Rig();
    rig.pass(60_000);
    rig.pass(60_000, 'flowing');
    assert.deepEqual(rig.said, []);
    rig.pass(2_000, 'waiting');
    assert.deepEqual(rig.said, [[122_000, 'one-moment']]);
  });

  it('is nothing while nobody listens, and goes on as soon as somebody does', () => {
    const rig = new Rig('no-answer');
    rig.attended = false;
    rig.pass(60_000);
    assert.deepEqual(rig.said, []);
    rig.attended = true;
    rig.pass(20);
    assert.deepEqual(rig.said, [[60_020, 'no-answer']]);
  });

  it('begins anew with a new situation', () => {
    const rig = new Rig('connecting');
    rig.pass(2_000);
    rig.announcements.enter('no-answer');
    rig.pass(20);
    assert.deepEqual(rig.said.at(-1), [2_020, 'no-answer']);
  });
});
