import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkPictureFile, drawPicture, envelope, writePicture } from '../plot.ts';
import type { Panel, Picture } from '../plot.ts';

const LINES: Panel = {
  kind: 'time',
  title: 'Memory',
  unit: 'MB',
  series: [
    {
      name: 'phone',
      points: [
        [0, 50],
        [10, 60],
      ],
    },
  ],
  marks: [{ at: 5, label: 'the wrap' }],
};
const PILE: Panel = {
  kind: 'time',
  title: 'Ladder',
  series: [
    {
      name: 'played',
      as: 'stacked',
      points: [
        [0, 40],
        [10, 40],
      ],
    },
    {
      name: 'noise',
      as: 'stacked',
      points: [
        [0, 30],
        [10, 30],
      ],
    },
  ],
};
const BARS: Panel = {
  kind: 'bars',
  title: 'Stages',
  categories: ['first', 'second'],
  series: [
    { name: 'a', values: [1, 2] },
    { name: 'b', values: [3, 4] },
  ],
};
const WAVE: Panel = {
  kind: 'waveform',
  title: 'Heard',
  samples: Int16Array.from([0, 9_000, -9_000, 0]),
  sampleRate: 16_000,
};

describe('the picture', () => {
  const words: readonly (readonly [string, Panel, readonly string[]])[] = [
    ['lines', LINES, ['Memory', 'MB', 'phone', 'the wrap']],
    ['stacked areas', PILE, ['Ladder', 'played', 'noise']],
    ['bars', BARS, ['Stages', 'first', 'second', 'a', 'b']],
    ['a waveform', WAVE, ['Heard']],
  ];
  for (const [what, panel, expected] of words) {
    it(`of ${what} says what it shows`, async () => {
      const texts = textsOf(await drawPicture({ title: 'A title', panels: [panel] }));
      for (const word of ['A title', ...expected])
        assert.ok(texts.includes(word), `${word} is in no text of ${texts.join(' | ')}`);
    });
  }

  it('piles stacked areas on top of each other', async () => {
    // The axis reaches to the sum of both, 70, not to the higher one, 40.
    assert.ok(textsOf(await drawPicture({ title: '', panels: [PILE] })).includes('60'));
  });

  it('keeps the panels apart when their series have the same name', async () => {
    const other: Panel = {
      kind: 'time',
      title: 'Delay',
      series: [
        { name: 'server', points: [[0, 1]] },
        { name: 'phone', points: [[0, 2]] },
      ],
    };
    const texts = textsOf(await drawPicture({ title: '', panels: [LINES, other] }));
    assert.deepEqual(texts.filter((text) => text === 'phone').length, 2);
  });

  it('grows with its panels', async () => {
    const heightOf = async (panels: readonly Panel[]): Promise<number> =>
      Number(/height="(\d+)"/.exec(await drawPicture({ title: '', panels }))![1]);
    assert.ok((await heightOf([LINES, PILE, BARS])) > (await heightOf([LINES])));
  });
});

describe('the picture file', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'bestday-plot-'));
  });
  after(() => rmSync(folder, { recursive: true }));
  const picture: Picture = { title: 'A title', panels: [LINES] };

  it('is SVG by its name', async () => {
    await writePicture(join(folder, 'a.svg'), picture);
    assert.match(readFileSync(join(folder, 'a.svg'), 'utf8'), /^<svg /);
  });

  it('is PNG by its name, of the asked-for width', async () => {
    await writePicture(join(folder, 'a.png'), { ...picture, width: 640 });
    const png = readFileSync(join(folder, 'a.png'));
    assert.equal(png.toString('latin1', 1, 4), 'PNG');
    assert.equal(png.readUInt32BE(16), 640);
  });

  it('has letters in its PNG without a font of the machine', async () => {
    const empty: Picture = { title: '', panels: [LINES] };
    const sizes = [];
    for (const each of [empty, { ...empty, title: 'Letters that are drawn' }]) {
      await writePicture(join(folder, 'b.png'), each);
      sizes.push(readFileSync(join(folder, 'b.png')).length);
    }
    assert.ok(sizes[1]! > sizes[0]! + 500, `the title added ${sizes[1]! - sizes[0]!} bytes`);
  });

  it('is refused by another name before any work', () => {
    assert.throws(() => checkPictureFile('a.jpg'), /ends in \.png or \.svg/);
  });
});

describe('the envelope of a sound', () => {
  it('keeps one sample of a million visible', () => {
    const samples = new Int16Array(1_000_000);
    samples[345_678] = 32_767;
    const [seconds] = envelope(samples, 16_000, 1_000).find(([, value]) => value > 0.9)!;
    assert.ok(Math.abs(seconds - 345_678 / 16_000) < 0.1);
  });

  it('is no longer than two points a column', () => {
    assert.ok(envelope(new Int16Array(123_457), 16_000, 500).length <= 1_000);
  });

  it('is empty for no sound', () => {
    assert.deepEqual(envelope(new Int16Array(0), 16_000, 500), []);
  });
});

function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text!);
}
