import assert from 'node:assert/strict';
import { sentences } from '../../src/pipeline/sentences.ts';

const rows: readonly { name: string; pieces: readonly string[]; sentences: readonly string[]; clauseFirst?: true }[] = [
  { name: 'one', pieces: ['Good day.'], sentences: ['Good day.'] },
  { name: 'in pieces', pieces: ['Go', 'od d', 'ay. How are', ' you?'], sentences: ['Good day.', 'How are you?'] },
  {
    name: 'a number with a point',
    pieces: ['It is 3', '.5 degrees. Cold.'],
    sentences: ['It is 3.5 degrees.', 'Cold.'],
  },
  {
    name: 'a quotation',
    pieces: ['She said "Hello!" Then she left.'],
    sentences: ['She said "Hello!"', 'Then she left.'],
  },
  { name: 'no full stop at the end', pieces: ['Good day. And'], sentences: ['Good day.', 'And'] },
  {
    name: 'a clause first',
    clauseFirst: true,
    pieces: ['How nice that you rang, I', ' was thinking, of you. Are you well, my dear?'],
    sentences: ['How nice that you rang,', 'I was thinking, of you.', 'Are you well, my dear?'],
  },
  { name: 'no clause so short', clauseFirst: true, pieces: ['Oh, that is nice.'], sentences: ['Oh, that is nice.'] },
  {
    name: 'titles, saints, initials and hours',
    pieces: ['Dr. Smith came at 5 p.m. on St. John Street. J. R. Jones ', 'too. And Mrs. Bell? '],
    sentences: ['Dr. Smith came at 5 p.m. on St. John Street.', 'J. R. Jones too.', 'And Mrs. Bell?'],
  },
  { name: 'Chinese', pieces: ['你好。今天天气', '很好！是吗？'], sentences: ['你好。', '今天天气很好！', '是吗？'] },
  { name: 'Hindi', pieces: ['नमस्ते। आप कैसे', ' हैं? ठीक।'], sentences: ['नमस्ते।', 'आप कैसे हैं?', 'ठीक।'] },
  { name: 'nothing', pieces: ['', ' ', '\n'], sentences: [] },
];

describe('sentences', () => {
  for (const { name, pieces, sentences: expected, clauseFirst } of rows) {
    it(name, async () => {
      async function* text(): AsyncGenerator<string> {
        yield* pieces;
      }
      const found: string[] = [];
      for await (const sentence of sentences(text(), clauseFirst)) found.push(sentence);
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
