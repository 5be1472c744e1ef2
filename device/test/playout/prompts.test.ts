import assert from 'node:assert/strict';
import { PromptPlayer } from '../../src/playout/prompts.ts';
import { joined, roomNoise, roughness } from '../../../test/lib/sound.ts';

function play(player: PromptPlayer, giveWayAt: number): Int16Array {
  const out: Int16Array[] = [];
  for (let index = 0; !player.done; index++) {
    if (index === giveWayAt) player.giveWay();
    const frame = roomNoise(320, 10, index);
    player.mixInto(frame);
    out.push(frame);
  }
  return joined(out);
}

const CLIP = Int16Array.from({ length: 32_000 }, (_, at) =>
  Math.round(8_000 * Math.cos((2 * Math.PI * 200 * at) / 16_000)),
);

describe('PromptPlayer', () => {
  const rows = [
    { name: 'plays to its end', whole: false, giveWayAt: -1, frames: 100 },
    { name: 'fades within 200 ms when it must give way early', whole: false, giveWayAt: 10, frames: 20 },
    { name: 'finishes when less than a second is left', whole: false, giveWayAt: 60, frames: 100 },
    { name: 'finishes in any case when it was announced', whole: true, giveWayAt: 10, frames: 100 },
  ];
  for (const { name, whole, giveWayAt, frames } of rows) {
    it(`${name}, without a click`, () => {
      const out = play(new PromptPlayer(CLIP, whole), giveWayAt);
      assert.equal(out.length / 320, frames);
      // Noise of each frame is another, so its own seams count for a little.
      assert.ok(roughness(out) < 200, `roughness ${roughness(out)}`);
    });
  }

  it('says how long until the line is free', () => {
    assert.equal(new PromptPlayer(CLIP, false).yieldMs, 200);
    assert.equal(new PromptPlayer(CLIP, true).yieldMs, 2_000);
  });
});
