import assert from 'node:assert/strict';
import fc from 'fast-check';
import { speakable } from '../../src/pipeline/speakable.ts';

const rows: readonly (readonly [written: string, said: string])[] = [
  ['Good day, Dr. Smith.', 'Good day, Dr. Smith.'],
  ['That is **really** nice.', 'That is really nice.'],
  ['That is *really* nice.', 'That is really nice.'],
  ['*smiles* How are you?', 'How are you?'],
  ['How are you? *waits kindly*', 'How are you?'],
  ['(laughs softly) Oh my!', 'Oh my!'],
  ['I like it (the garden, I mean).', 'I like it (the garden, I mean).'],
  ['[pause] Tell me more.', 'Tell me more.'],
  ['Have a look at [the page](https://example.org/x).', 'Have a look at the page.'],
  ['# Tea', 'Tea'],
  ['- first\n- second', 'first second'],
  ['1. Put the kettle on.', 'Put the kettle on.'],
  ['Lovely 😊!', 'Lovely!'],
  ['😊 !', ''],
  ['👨‍👩‍👧 ❤️', ''],
  ['…', ''],
  ['It costs 3.50 * 2.', 'It costs 3.50 2.'],
  ['5 o’clock', '5 o’clock'],
  ['今天天气很好。', '今天天气很好。'],
];

describe('what a model writes, as it is said', () => {
  for (const [written, said] of rows)
    it(`${JSON.stringify(written)}: ${JSON.stringify(said)}`, () => assert.equal(speakable(written), said));

  it('never takes a plain sentence apart, and never takes long', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('tea', 'garden', 'Anna', '3', 'and')), (words) => {
        const sentence = words.join(' ');
        assert.equal(speakable(sentence), sentence);
      }),
    );
    for (const hostile of ['*', '[', '(smil', '**a', '`'].map((each) => each.repeat(20_000))) speakable(hostile);
  });
});
