import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import type { EChartsOption, SeriesOption, XAXisComponentOption, YAXisComponentOption } from 'echarts';

/**
 * Pictures for every command of the project: panels under one another, drawn by Apache ECharts to SVG and, where the
 * file's name asks for it, by resvg to PNG. No browser, and no font of the machine's: letters are DejaVu's from npm,
 * so a bare board draws the same picture as a desk.
 */
export interface Picture {
  readonly title: string;
  readonly subtitle?: string;
  readonly panels: readonly Panel[];
  /** Pixels; default 1,200. */
  readonly width?: number;
}

export type Panel = TimePanel | BarsPanel | SpansPanel | WaveformPanel;

/** Values over time, or over any other number. */
export interface TimePanel {
  readonly kind: 'time';
  readonly title: string;
  /** Under the x axis; default 's'. */
  readonly xUnit?: string;
  readonly unit?: string;
  readonly series: readonly TimeSeries[];
  readonly marks?: readonly Mark[];
  /** Ends of the x axis; default: round numbers around what is there. */
  readonly xRange?: readonly [number, number];
  /** Bottom of the y axis; default: 0, or lower where values are. */
  readonly yMin?: number;
}

export interface TimeSeries {
  readonly name: string;
  /** `[x, y]`, x ascending; a `null` breaks the line. */
  readonly points: readonly (readonly [number, number | null])[];
  /** `area` fills below the line, `stacked` on top of the stacked series before it. Default: `line`. */
  readonly as?: 'line' | 'area' | 'stacked' | 'dots' | 'steps';
}

/** A moment worth a vertical line. */
export interface Mark {
  readonly at: number;
  readonly label?: string;
}

/** One bar a category, its series stacked. */
export interface BarsPanel {
  readonly kind: 'bars';
  readonly title: string;
  readonly unit?: string;
  readonly categories: readonly string[];
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[];
}

/** What lasted from when to when, one under the other, the first on top. */
export interface SpansPanel {
  readonly kind: 'spans';
  readonly title: string;
  readonly rows: readonly { readonly name: string; readonly fromMs: number; readonly toMs: number }[];
  readonly marks?: readonly Mark[];
}

/** Sound as its lowest and highest sample in each column of the picture. */
export interface WaveformPanel {
  readonly kind: 'waveform';
  readonly title: string;
  readonly samples: Int16Array;
  readonly sampleRate: number;
  readonly marks?: readonly Mark[];
}

const WIDTH = 1_200;
const PANEL_HEIGHT = 230;
const HEADER_HEIGHT = 64;
/** Of a panel: the room for its title and legend above, its axis and unit below. */
const ABOVE = 52;
const BELOW = 46;
const SIDE = { left: 76, right: 36 };
const FONT = 'DejaVu Sans';
/** Okabe and Ito's colours, told apart by the colour-blind too. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#7f7f7f', '#5e3c99'];
const INK = '#333333';

/** @returns the picture as SVG text */
export async function drawPicture(picture: Picture): Promise<string> {
  const { init } = await import('echarts');
  const width = picture.width ?? WIDTH;
  const chart = init(null, null, {
    renderer: 'svg',
    ssr: true,
    width,
    height: HEADER_HEIGHT + picture.panels.length * PANEL_HEIGHT,
  });
  chart.setOption(optionsOf(picture, width));
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

/** Writes the picture to `file`, as its ending says: `.svg` or `.png`. @throws {Error} another ending */
export async function writePicture(file: string, picture: Picture): Promise<void> {
  checkPictureFile(file);
  const svg = await drawPicture(picture);
  await writeFile(file, extname(file) === '.svg' ? svg : await pngOf(svg));
}

/** For a command to look at its arguments before it does half an hour's work. @throws {Error} neither `.svg` nor `.png` */
export function checkPictureFile(file: string): void {
  if (!['.svg', '.png'].includes(extname(file))) throw new Error(`${file}: a picture's name ends in .png or .svg`);
}

async function pngOf(svg: string): Promise<Uint8Array> {
  const { Resvg } = await import('@resvg/resvg-js');
  const { resolve } = createRequire(import.meta.url);
  const fontFiles = ['', '-Bold'].map((face) => resolve(`dejavu-fonts-ttf/ttf/DejaVuSans${face}.ttf`));
  return new Resvg(svg, { background: '#ffffff', font: { loadSystemFonts: false, fontFiles, defaultFontFamily: FONT } })
    .render()
    .asPng();
}

function optionsOf(picture: Picture, width: number): EChartsOption {
  const panels = picture.panels.map((panel, index) => partsOf(panel, index, width));
  const heading = {
    text: picture.title,
    ...(picture.subtitle !== undefined && { subtext: picture.subtitle }),
    left: SIDE.left,
    top: 8,
  };
  return {
    animation: false,
    backgroundColor: '#ffffff',
    color: COLOURS,
    textStyle: { fontFamily: FONT, color: INK },
    title: [heading, ...panels.map(({ title }) => title)],
    legend: panels.map(({ legend }) => legend),
    grid: picture.panels.map((_panel, index) => ({
      ...SIDE,
      top: topOf(index) + ABOVE,
      height: PANEL_HEIGHT - ABOVE - BELOW,
    })),
    xAxis: panels.map(({ xAxis }) => xAxis),
    yAxis: panels.map(({ yAxis }) => yAxis),
    series: panels.flatMap(({ series }) => series),
  };
}

interface PanelParts {
  readonly title: object;
  readonly legend: object;
  readonly xAxis: XAXisComponentOption;
  readonly yAxis: YAXisComponentOption;
  readonly series: SeriesOption[];
}

function partsOf(panel: Panel, index: number, width: number): PanelParts {
  const place = { xAxisIndex: index, yAxisIndex: index };
  const title = { text: panel.title, left: SIDE.left, top: topOf(index) + 6, textStyle: { fontSize: 14 } };
  const names = 'series' in panel ? panel.series.map(({ name }) => nameIn(index, name)) : [];
  const legend = {
    data: names,
    formatter: nameOut,
    icon: 'roundRect',
    right: SIDE.right,
    top: topOf(index) + 6,
    itemHeight: 8,
    itemGap: 22,
    show: names.length > 0,
  };
  const common = { title, legend };
  switch (panel.kind) {
    case 'time':
      return { ...common, ...timeParts(panel, index, place) };
    case 'bars':
      return { ...common, ...barsParts(panel, index, place) };
    case 'spans':
      return { ...common, ...spansParts(panel, index, place) };
    case 'waveform':
      return { ...common, ...waveformParts(panel, index, place, width) };
  }
}

/** A legend finds its series by name in the whole picture, so a panel's names must be its own. */
function nameIn(panel: number, name: string): string {
  return `${panel}:${name}`;
}

function nameOut(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

type Place = Readonly<Record<'xAxisIndex' | 'yAxisIndex', number>>;

function timeParts(
  { series, marks = [], unit = '', xUnit = 's', xRange, yMin }: TimePanel,
  index: number,
  place: Place,
): Omit<PanelParts, 'title' | 'legend'> {
  return {
    xAxis: { ...valueAxis(index, xUnit), scale: true, ...(xRange && { min: xRange[0], max: xRange[1] }) },
    yAxis: { ...valueAxis(index, unit), ...(yMin !== undefined && { min: yMin }) },
    series: piled(series).map((line, number) => ({
      ...place,
      ...lineStyle(line.as ?? 'line'),
      name: nameIn(index, line.name),
      data: line.points.map(([x, y]) => [x, y]),
      color: COLOURS[number % COLOURS.length]!,
      // The foot of a pile is drawn over what stands on it.
      z: series.length - number,
      ...(number === 0 && { markLine: markLine(marks) }),
    })),
  };
}

/** ECharts stacks over categories only; on an axis of numbers the sums are ours to make. */
function piled(series: readonly TimeSeries[]): TimeSeries[] {
  const heights = new Map<number, number>();
  return series.map((line) => {
    if (line.as !== 'stacked') return line;
    const points = line.points.map(([x, y]): [number, number] => {
      const height = (heights.get(x) ?? 0) + (y ?? 0);
      heights.set(x, height);
      return [x, height];
    });
    return { ...line, points };
  });
}

function lineStyle(as: NonNullable<TimeSeries['as']>): object {
  if (as === 'dots') return { type: 'scatter', symbolSize: 5 };
  const line = { type: 'line', showSymbol: false, lineStyle: { width: 1.5 } };
  if (as === 'steps') return { ...line, step: 'end' };
  if (as === 'line') return line;
  return { ...line, areaStyle: { opacity: as === 'stacked' ? 1 : 0.3 } };
}

function barsParts(
  { categories, series, unit = '' }: BarsPanel,
  index: number,
  place: Place,
): Omit<PanelParts, 'title' | 'legend'> {
  return {
    xAxis: { type: 'category', gridIndex: index, data: [...categories], axisTick: { show: false } },
    yAxis: valueAxis(index, unit),
    series: series.map(({ name, values }, number) => ({
      ...place,
      type: 'bar',
      stack: `${index}`,
      barMaxWidth: 60,
      name: nameIn(index, name),
      data: [...values],
      color: COLOURS[number % COLOURS.length]!,
    })),
  };
}

function spansParts(
  { rows, marks = [] }: SpansPanel,
  index: number,
  place: Place,
): Omit<PanelParts, 'title' | 'legend'> {
  const bar = { ...place, type: 'bar', stack: `${index}`, barWidth: '70%' } as const;
  return {
    // A mark may lie behind every span.
    xAxis: {
      ...valueAxis(index, 'ms'),
      min: 0,
      max: Math.ceil(Math.max(...rows.map(({ toMs }) => toMs), ...marks.map(({ at }) => at)) / 250 + 0.2) * 250,
    },
    yAxis: {
      type: 'category',
      gridIndex: index,
      inverse: true,
      data: rows.map(({ name }) => name),
      axisTick: { show: false },
      axisLabel: { fontSize: 10 },
    },
    series: [
      {
        ...bar,
        silent: true,
        itemStyle: { color: 'transparent' },
        data: rows.map(({ fromMs }) => Math.round(fromMs)),
        markLine: markLine(marks),
      },
      {
        ...bar,
        data: rows.map(({ fromMs, toMs }, row) => ({
          value: Math.round(toMs - fromMs),
          itemStyle: { color: COLOURS[row % COLOURS.length]! },
        })),
      },
    ],
  };
}

function waveformParts(
  panel: WaveformPanel,
  index: number,
  place: Place,
  width: number,
): Omit<PanelParts, 'title' | 'legend'> {
  const outline = envelope(panel.samples, panel.sampleRate, width - SIDE.left - SIDE.right);
  return {
    xAxis: { ...valueAxis(index, 's'), min: 0, max: panel.samples.length / panel.sampleRate },
    yAxis: { ...valueAxis(index, ''), min: -1, max: 1, interval: 0.5 },
    series: [
      {
        ...place,
        type: 'line',
        showSymbol: false,
        data: outline,
        lineStyle: { width: 1 },
        color: COLOURS[0]!,
        markLine: markLine(panel.marks ?? []),
      },
    ],
  };
}

function valueAxis(index: number, name: string): { type: 'value' } & Record<string, unknown> {
  return {
    type: 'value',
    gridIndex: index,
    name,
    nameLocation: 'end',
    nameGap: 8,
    axisLine: { show: true, lineStyle: { color: INK } },
    splitLine: { lineStyle: { color: '#eeeeee' } },
  };
}

function markLine(marks: readonly Mark[]): object {
  return {
    symbol: 'none',
    silent: true,
    lineStyle: { color: '#b00020', type: 'dashed', width: 1 },
    data: marks.map(({ at, label = '' }) => ({
      xAxis: at,
      label: { formatter: label, show: label !== '', position: 'insideEndTop', color: '#b00020', fontSize: 10 },
    })),
  };
}

function topOf(panel: number): number {
  return HEADER_HEIGHT + panel * PANEL_HEIGHT;
}

/** One zigzag a column: lowest sample, then highest, ±1. A click of one sample stays visible however long the sound. */
export function envelope(samples: Int16Array, sampleRate: number, columns: number): [number, number][] {
  const perColumn = Math.max(1, Math.ceil(samples.length / columns));
  const points: [number, number][] = [];
  for (let from = 0; from < samples.length; from += perColumn) {
    const column = samples.subarray(from, from + perColumn);
    const seconds = from / sampleRate;
    points.push([seconds, Math.min(...column) / 32_768], [seconds, Math.max(...column) / 32_768]);
  }
  return points;
}
