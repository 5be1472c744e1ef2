import assert from 'node:assert/strict';
import { withoutInventions } from '../../../src/pipeline/stt/inventions.ts';

describe('what a recogniser invents on noise', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['Thank you for watching!', ''],
    ['Thanks for watching.', ''],
    ['Please like and subscribe to my channel.', ''],
    ['Subtitles by the Amara.org community', ''],
    ['Untertitel der Amara.org-Community, 2020', ''],
    ['Vielen Dank fürs Zuschauen!', ''],
    ["Sous-titres réalisés par la communauté d'Amara.org", ''],
    ['¡Gracias por ver el vídeo!'.slice(1), ''],
    ['[BLANK_AUDIO]', ''],
    ['(music)', ''],
    ['(door closes) [noise]', ''],
    ['♪ la la la ♪', ''],
    ['♪', ''],
    ['...', ''],
    ['yes yes yes yes yes yes', 'yes'],
    ['I am here. I am here. I am here. I am here. I am here.', 'I am here.'],
  ];
  for (const [heard, said] of rows) it(`"${heard}" is "${said}"`, () => assert.equal(withoutInventions(heard), said));
});

describe('what a patient says', () => {
  const rows = [
    'Thank you.',
    'Thank you for watching over my cat.',
    'no, no, no, no',
    'I liked the subtitles.',
    'Is that you, Anna?',
    'はい、そうです。',
  ];
  for (const said of rows) it(`"${said}" is left as it is`, () => assert.equal(withoutInventions(said), said));

  it('is kept, without the sounds around it', () => {
    assert.equal(withoutInventions('[coughs] Good morning. (music)'), 'Good morning.');
  });
});
