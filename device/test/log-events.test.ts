import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';

/** What the first word of an event's name may be, and who logs it. A new area is a row here. */
const AREAS: Readonly<Record<string, string>> = {
  audio: 'the sound card: opened, lost, passed over',
  call: 'one call: its phases, links, turns and its end',
  codec: 'which Opus binding serves',
  controls: 'hook switch, button and lamp',
  mixer: "the card's own volume controls",
  network: 'how a network that returns is noticed',
  panel: 'what needs help, and that it was mended',
  phone: 'the receiver: slips of the hand, left off the hook, its sound',
  prompt: 'recordings that are missing',
  report: 'the call report that a program asked for',
  service: 'control socket and watchdog',
  settings: 'values that were passed over',
  tls: 'an environment that would switch verification off',
};

/** They run once a frame: what they log at info would come fifty times a second. */
const FRAME_PATH = /^(device\/src\/(uplink|downlink)\.ts|device\/src\/playout\/|common\/src\/concealment\/)/;

interface LogCall {
  readonly file: string;
  readonly level: string;
  readonly argument: string;
  readonly names: readonly string[];
}

describe("the log's events", () => {
  const calls = ['device/src', 'common/src'].flatMap(sources).flatMap(logCalls);

  it('are found', () => {
    assert.ok(calls.length > 30, `${calls.length} calls`);
  });

  it('are named `area.what`, by a literal', () => {
    for (const { file, argument, names } of calls) {
      // A wrapper hands on the name that it was given.
      if (argument === 'event') continue;
      assert.ok(names.length > 0, `${file}: ${argument} is no literal`);
      for (const name of names) assert.match(name, /^[a-z]+\.[a-z]+(-[a-z]+)*$/, file);
    }
  });

  it('are of an area that is known, and every area has some', () => {
    const areas = new Set(calls.flatMap(({ names }) => names.map((name) => name.split('.')[0]!)));
    assert.deepEqual([...areas].sort(), Object.keys(AREAS));
  });

  it('are not at info where frames pass', () => {
    const frequent = calls.filter(({ file, level }) => level === 'info' && FRAME_PATH.test(file));
    assert.deepEqual(frequent, []);
  });
});

function sources(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.ts')).map((name) => `${folder}/${name}`);
}

/** Calls such as `this.#log.warn('call.bad-input', …)`, with all literals of the first argument. */
function logCalls(file: string): LogCall[] {
  const found = readFileSync(file, 'utf8').matchAll(/\blog\??\.(debug|info|warn|error)\(\s*([^,)]+)/gi);
  return [...found].map(([, level, argument]) => ({
    file,
    level: level!,
    argument: argument!.trim(),
    names: [...argument!.matchAll(/(?<!=== )'([^']*)'/g)].map(([, name]) => name!),
  }));
}
