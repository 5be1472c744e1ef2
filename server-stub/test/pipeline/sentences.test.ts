import assert from 'node:assert/strict';
import { sentences } from '../../src/pipeline/sentences.ts';

const rows: readonly { name: string; pieces: readonly string[]; sentences: readonly string[] }[] = [
  { name: 'one', pieces: ['Good day.'], sentences: ['Good day.'] },
  { name: 'in pieces', pieces: ['Go', 'od d', 'ay. How are', ' you?'], sentences: ['Good day.', 'How are you?'] },
  { name: 'a number with a point', pieces: ['It is 3', '.5 degrees. Cold.'], sentences: ['It is 3.5 degrees.', 'Cold.'] },
  { name: 'a quotation', pieces: ['She said "Hello!" Then she left.'], sentences: ['She said "Hello!"', 'Then she left.'] },
  { name: 'no full stop at the end', pieces: ['Good day. And'], sentences: ['Good day.', 'And'] },
  { name: 'nothing', pieces: ['', ' ', '\n'], sentences: [] },
];

describe('sentences', () => {
  for (const { name, pieces, sentences: expected } of rows) {
    it(name, async () => {
      async function* text(): AsyncGenerator<string> {
        yield* pieces;
      }
      const found: string[] = [];
      for await (const sentence of sentences(text())) found.push(sentence);
      assert.deepEqual(found, expected);
    });
  }

  it('come out as soon as they are whole', async () => {
    let pulled = 0;
    async function* text(): AsyncGenerator<string> {
      for (const piece of ['One. ', 'Two. ', 'Three. ']) {
        pulled++;
        yield piece;
      }
    }
    for await (const sentence of sentences(text())) {
      assert.equal(sentence, 'One.');
      break;
    }
    assert.equal(pulled, 1);
  });
});
