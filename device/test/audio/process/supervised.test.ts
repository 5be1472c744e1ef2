import assert from 'node:assert/strict';
import { VirtualClock } from '../../../../common/src/time/virtual-clock.ts';
import type { ChildBackendName } from '../../../src/audio/process/job.ts';
import { frameRecord, jsonRecord, emptyRecord, RecordType } from '../../../src/audio/process/pipe-protocol.ts';
import { AudioError, type AudioSink } from '../../../src/audio/ports.ts';
import { openSupervised, type OpenAudio } from '../../../src/audio/process/supervised.ts';
import { silentLog, type LogFields } from '../../../../common/src/system/log.ts';
import { Unreaped } from '../../../src/audio/process/unreaped.ts';
import { FakeChildren, type Life } from '../fake-child.ts';

const LIVE: Life = { liveAfterMs: 300 };

/** A daemon with its clock, its children, and what reached its sink. */
class Bench implements AudioSink {
  readonly clock = new VirtualClock();
  readonly children: FakeChildren;
  readonly capturedMs: number[] = [];
  readonly warnings: [string, LogFields | undefined][] = [];
  readonly opened: number[] = [];
  readonly unreaped = new Unreaped();
  opens = 0;
  stuck: string | undefined;
  rendered = 0;
  silent = 0;
  audio!: OpenAudio;
  readonly #backends: readonly ChildBackendName[];
  readonly #orSilence: boolean;

  constructor(backends: readonly ChildBackendName[], lives: readonly Life[]) {
    this.#backends = backends;
    this.#orSilence = backends.length > 1;
    this.children = new FakeChildren(this.clock, lives);
  }

  async open(runMs = 10_000): Promise<this> {
    const settings = {
      clock: this.clock,
      log: {
        ...silentLog,
        warn: (event: string, fields?: LogFields) => {
          this.warnings.push([event, fields]);
        },
        info: (event: string) => {
          if (event === 'audio.open') this.opened.push(this.clock.now());
        },
      },
      onOpen: () => {
        this.opens++;
      },
      onStuck: (why: string) => {
        this.stuck = why;
      },
    };
    const opening = openSupervised(this.#backends, this, settings, {
      spawn: this.children.spawn,
      orSilence: this.#orSilence,
      unreaped: this.unreaped,
    });
    let settled = false;
    opening
      .then(
        (audio) => {
          this.audio = audio;
        },
        () => {},
      )
      .finally(() => {
        settled = true;
      });
    const untilMs = this.clock.now() + runMs;
    while (!settled && this.clock.now() < untilMs) await this.clock.advanceAsync(10);
    await opening;
    return this;
  }

  capture(frame: Int16Array): void {
    this.capturedMs.push(this.clock.now());
    if (frame.every((sample) => sample === 0)) this.silent++;
  }

  render(into: Int16Array): void {
    into.fill(++this.rendered % 30_000);
  }

  failed(): void {
    assert.fail('a supervised stream never gives up');
  }

  /** The longest time without a microphone frame, ms. */
  longestGapMs(): number {
    return Math.max(...this.capturedMs.slice(1).map((atMs, index) => atMs - this.capturedMs[index]!));
  }
}

describe('sound in a supervised child', () => {
  it('opens when sound runs both ways, and each request is answered by one rendered frame', async () => {
    const bench = await new Bench(['portaudio'], [LIVE]).open();
    assert.deepEqual(
      [bench.audio.description, bench.audio.outputDelayMs, bench.audio.backend],
      ['fake card', 50, 'portaudio'],
    );
    const [played, rendered] = [bench.children.played.length, bench.rendered];
    await bench.clock.advanceAsync(1000);
    assert.equal(bench.children.played.length - played, 50);
    assert.equal(bench.rendered - rendered, 50);
    await bench.audio.close();
    assert.equal(bench.children.running, 0);
  });

  const losses: readonly [string, Life, RegExp][] = [
    ['the microphone stops', { ...LIVE, captureStopsMs: 2000 }, /microphone fell silent/],
    ['playback stops', { ...LIVE, wantStopsMs: 2000 }, /speaker takes no more/],
    ['the child dies', { ...LIVE, diesMs: 2000 }, /ended/],
    ['the child reports a fault', { ...LIVE, faultMs: [2000, 'died', 'arecord ended: unplugged'] }, /unplugged/],
    ['the pipe carries nonsense', { ...LIVE, garbageMs: 2000 }, /nonsense/],
  ];
  for (const [what, life, why] of losses) {
    it(`starts a new child within a second when ${what}, and frames go on meanwhile`, async () => {
      const bench = await new Bench(['portaudio'], [life, LIVE]).open();
      const rendered = bench.rendered;
      await bench.clock.runUntilAsync(4000);
      assert.equal(bench.children.jobs.length, 2);
      assert.ok(bench.children.spawnedMs[1]! <= 3000, bench.children.spawnedMs.join());
      assert.match(String(bench.warnings[0]?.[1]?.['why']), why);
      assert.ok(bench.longestGapMs() <= 280, `${bench.longestGapMs()} ms without a microphone frame`);
      assert.ok(bench.rendered - rendered > 150, `${bench.rendered - rendered} frames rendered`);
      assert.equal(bench.audio.backend, 'portaudio');
      assert.equal(bench.children.running, 1);
      await bench.audio.close();
    });
  }

  it('takes the next backend after three failures in a minute, and the first again after three of that, for ever', async () => {
    const bench = await new Bench(['portaudio', 'alsa'], [{ ...LIVE, diesMs: 1000 }]).open();
    await bench.clock.advanceAsync(120_000);
    const tried = bench.children.jobs.map((job) => job.backend);
    assert.deepEqual(tried.slice(0, 9), [
      'portaudio',
      'portaudio',
      'portaudio',
      'alsa',
      'alsa',
      'alsa',
      'portaudio',
      'portaudio',
      'portaudio',
    ]);
    assert.ok(tried.length > 50, `${tried.length} tries in two minutes`);
    const waits = bench.children.spawnedMs
      .slice(1)
      .map((atMs, index) => atMs - bench.children.spawnedMs[index]! - 1000);
    assert.ok(Math.max(...waits) <= 1000, `waited up to ${Math.max(...waits)} ms`);
    await bench.audio.close();
  });

  it('opens the next backend when the first does not, and keeps the reason', async () => {
    const bench = await new Bench(
      ['portaudio', 'alsa'],
      [{ faultMs: [50, 'not-installed', 'naudiodon is missing'] }, LIVE],
    ).open();
    assert.equal(bench.audio.backend, 'alsa');
    assert.deepEqual(bench.audio.passedOver, [{ backend: 'portaudio', why: 'naudiodon is missing' }]);
    assert.equal(bench.warnings[0]?.[0], 'audio.passed-over');
    await bench.audio.close();
  });

  it('opens as silence when nothing opens, and takes the card that appears later', async () => {
    const none: Life = { faultMs: [50, 'no-device', 'no card'] };
    const bench = await new Bench(['portaudio', 'alsa'], [none, none, none, none, LIVE]).open();
    assert.equal(bench.audio.backend, 'null');
    await bench.clock.advanceAsync(1000);
    assert.ok(bench.silent >= 49 && bench.rendered >= 49);
    await bench.clock.advanceAsync(20_000);
    assert.notEqual(bench.audio.backend, 'null');
    const silent = bench.silent;
    await bench.clock.advanceAsync(1000);
    assert.equal(bench.silent, silent);
    await bench.audio.close();
  });

  it('rejects a backend asked for by name that does not open, with the reason, and leaves nothing behind', async () => {
    const bench = new Bench(
      ['alsa'],
      [{ faultMs: [50, 'not-installed', 'arecord is missing; apt install alsa-utils'] }],
    );
    await assert.rejects(
      bench.open(),
      (error) =>
        error instanceof AudioError &&
        error.fault === 'not-installed' &&
        /alsa: arecord is missing/.test(error.message),
    );
    await bench.clock.advanceAsync(10_000);
    assert.equal(bench.children.jobs.length, 1);
    assert.equal(bench.clock.pending, 0);
  });

  it('gives a child that says nothing up after four seconds', async () => {
    const bench = new Bench(['portaudio'], [{}]);
    await assert.rejects(bench.open(), (error) => error instanceof AudioError && error.fault === 'stalled');
    assert.ok(bench.clock.now() >= 4000 && bench.clock.now() <= 4100);
  });

  it('closes within a second although the child cannot be killed', async () => {
    const bench = await new Bench(['portaudio'], [{ ...LIVE, unkillable: true }]).open();
    const startMs = bench.clock.now();
    let closed = false;
    void bench.audio.close().then(() => {
      closed = true;
    });
    const captured = bench.capturedMs.length;
    await bench.clock.advanceAsync(1000);
    assert.ok(closed, `still open ${bench.clock.now() - startMs} ms later`);
    assert.equal(bench.capturedMs.length, captured);
  });

  describe('whose processes the kernel does not end', () => {
    const hung: Life = { ...LIVE, captureStopsMs: 1000, unkillable: true };

    it('starts no third, keeps frames going, and asks for a restart', async () => {
      const bench = await new Bench(['portaudio', 'alsa'], [hung]).open();
      await bench.clock.advanceAsync(8_000);
      assert.equal(bench.children.running, 2);
      assert.equal(bench.stuck, undefined);
      const rendered = bench.rendered;
      await bench.clock.advanceAsync(300_000);
      assert.equal(bench.children.running, 2);
      assert.equal(bench.rendered - rendered, 15_000);
      assert.match(bench.stuck ?? '', /two sound processes cannot be ended/);
      await bench.audio.close();
    });

    it('counts those of every stream: each lift opens its own', async () => {
      const bench = new Bench(['portaudio', 'alsa'], [{ ...LIVE, unkillable: true }]);
      for (let lift = 0; lift < 5; lift++) {
        await bench.open();
        void bench.audio.close();
        await bench.clock.advanceAsync(1_000);
      }
      assert.equal(bench.children.running, 2);
    });

    it('goes on by itself when they end after all', async () => {
      const bench = await new Bench(['portaudio'], [hung, { ...hung, diesMs: 8_000 }, LIVE]).open();
      await bench.clock.advanceAsync(20_000);
      assert.equal(bench.audio.backend, 'portaudio');
      assert.equal(bench.stuck, undefined);
      await bench.audio.close();
    });
  });

  it('logs a card that stays away once and then once a minute, with a count, and its return once', async () => {
    const gone: Life = { faultMs: [50, 'no-device', 'no card'] };
    const lives = [{ ...LIVE, diesMs: 1_000 }, ...Array.from({ length: 180 }, () => gone), LIVE];
    const bench = await new Bench(['portaudio'], lives).open();
    await bench.clock.advanceAsync(170_000);
    const lost = bench.warnings.filter(([event]) => event === 'audio.lost');
    assert.equal(lost.length, 3);
    assert.ok(Number(lost[1]![1]!['more']) > 50, JSON.stringify(lost[1]));
    await bench.clock.advanceAsync(60_000);
    assert.equal(bench.audio.backend, 'portaudio');
    assert.equal(bench.opened.length, 2);
    await bench.audio.close();
  });

  it('logs a card that comes and goes every second no more than one that stays away', async () => {
    const bench = await new Bench(['portaudio'], [{ ...LIVE, diesMs: 800 }]).open();
    await bench.clock.advanceAsync(300_000);
    assert.ok(bench.warnings.length <= 6, `${bench.warnings.length}`);
    assert.ok(bench.opened.length <= 6, `${bench.opened.length}`);
    assert.ok(bench.opens > 100, 'and its levels are set each time it opens');
    await bench.audio.close();
  });

  it('drops microphone frames that were held up, and delivers those that follow', async () => {
    const clock = new VirtualClock(10_000);
    let feed = (_bytes: Uint8Array): void => {};
    const captured: number[] = [];
    const sink: AudioSink = { capture: (frame) => captured.push(frame[0]!), render() {}, failed() {} };
    const opening = openSupervised(
      ['alsa'],
      sink,
      { clock, log: silentLog },
      {
        orSilence: false,
        unreaped: new Unreaped(),
        spawn: (_job, events) => {
          feed = (bytes) => events.data(Buffer.from(bytes));
          return { send: () => true, kill: () => events.gone('killed') };
        },
      },
    );
    const frame = (value: number, stampMs: number): void => {
      const record = frameRecord(RecordType.capture, value, stampMs, 0);
      record.samples.fill(value);
      feed(record.bytes);
    };
    feed(jsonRecord(RecordType.ready, { description: 'card', cardDelayMs: 0 }));
    feed(emptyRecord(RecordType.want, 0, 0, 0));
    frame(1, 1000);
    const audio = await opening;
    clock.advance(100);
    for (const [value, stampMs] of [
      [2, 850],
      [3, 899],
      [4, 901],
      [5, 1100],
    ])
      frame(value!, stampMs!);
    assert.deepEqual(captured, [1, 4, 5]);
    await audio.close();
  });
});
