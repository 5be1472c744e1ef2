import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ThoughtFilter } from '../../../src/pipeline/llm/thought-filter.ts';

function filtered(pieces: readonly string[]): string {
  const filter = new ThoughtFilter();
  return pieces.map((piece) => filter.push(piece)).join('') + filter.rest();
}

describe("a model's reasoning", () => {
  const rows: readonly (readonly [string, string])[] = [
    ['<think>He wants tea.</think>Shall we talk of tea?', 'Shall we talk of tea?'],
    ['Well. <think>hm</think>Good.<think>what now</think>', 'Well. Good.'],
    ['<think>it never ends', ''],
    ['3 < 4, and <thin ice', '3 < 4, and <thin ice'],
    ['nothing of the kind <', 'nothing of the kind <'],
  ];
  for (const [text, words] of rows) {
    it(`${JSON.stringify(text)} is said as ${JSON.stringify(words)}, however it is cut into pieces`, () => {
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 0, max: text.length })), (cuts) => {
          const at = [0, ...cuts.toSorted((a, b) => a - b), text.length];
          assert.equal(filtered(at.slice(1).map((end, index) => text.slice(at[index], end))), words);
        }),
      );
    });
  }
});
