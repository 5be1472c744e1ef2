import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writePicture } from '../lib/plot.ts';
import type { SpansPanel } from '../lib/plot.ts';
import { ROOT } from '../../scripts/programs.ts';
import type { LogEvent, Stage } from './booted-phone.ts';

const OUT = join(ROOT, 'out/boot');

/** A lift, seen from the room (`performance.now()`) and from the guest (its clock). */
interface Lift {
  readonly guestMs: number;
  readonly liftedMs: number;
  /** Anything at all in the ear; a voice in it. */
  readonly soundMs: number;
  readonly voiceMs: number;
  readonly log: readonly LogEvent[];
}

/** What was measured: emulated times, and what they come to without the emulation's slowness. */
export class Findings {
  boot: readonly Stage[] = [];
  /** How many times slower the guest runs the phone's own program than this machine does. */
  slowdown = 1;
  #lift: Lift | undefined;
  readonly #again: { readonly after: string; readonly ms: number }[] = [];

  get readyMs(): number {
    return Math.max(0, ...this.boot.map(({ toMs }) => toMs));
  }

  /** What `emulatedMs` of work would take on this machine itself. An estimate: only the processor is slower, not the clock. */
  real(emulatedMs: number): number {
    return emulatedMs / this.slowdown;
  }

  lifted(lift: Lift): void {
    this.#lift = lift;
    const soundMs = lift.soundMs - lift.liftedMs;
    console.log(
      `      lift to first sound ${Math.round(soundMs)} ms emulated, about ${Math.round(this.real(soundMs))} ms at this machine's speed; to the greeting ${Math.round(lift.voiceMs - lift.liftedMs)} ms`,
    );
  }

  again(after: string, ms: number): void {
    this.#again.push({ after, ms });
    console.log(`      ready ${Math.round(ms)} ms after ${after}, emulated`);
  }

  /** `out/boot/boot.json` and `boot.png`. */
  async write(): Promise<void> {
    mkdirSync(OUT, { recursive: true });
    const lift = this.#lift && this.#liftStages(this.#lift);
    const report = {
      slowdown: this.slowdown,
      bootMs: this.boot,
      readyMs: this.readyMs,
      liftMs: lift,
      readyAgain: this.#again,
    };
    writeFileSync(join(OUT, 'boot.json'), `${JSON.stringify(report, undefined, 2)}\n`);
    const panels: SpansPanel[] = [
      {
        kind: 'spans',
        title: `From power to ready to talk: ${(this.readyMs / 1_000).toFixed(1)} s`,
        rows: [...this.boot],
      },
      ...(lift === undefined
        ? []
        : [{ kind: 'spans', title: 'From the lifted receiver to the first word', rows: lift } as const]),
    ];
    await writePicture(join(OUT, 'boot.png'), {
      title: 'The image in an emulated board',
      subtitle: `every figure is the emulator's: JavaScript runs ${this.slowdown.toFixed(0)} times slower there than on the machine that emulates`,
      panels,
    });
    console.log(`    ${join(OUT, 'boot.png')}, boot.json`);
  }

  /** What is heard is on the room's clock, what is logged on the guest's; both began at the lift. */
  #liftStages({ guestMs, liftedMs, soundMs, voiceMs, log }: Lift): Stage[] {
    const logged = (test: (line: LogEvent) => boolean): number | undefined => {
      const line = log.find(test);
      return line && Math.max(0, line.monotonicMs - guestMs);
    };
    const row = (name: string, fromMs: number | undefined, toMs: number | undefined): Stage[] =>
      fromMs === undefined || toMs === undefined ? [] : [{ name, fromMs, toMs }];
    const lifted = logged(({ event, to }) => event === 'call.phase' && to === 'connecting');
    const talking = logged(({ event }) => event === 'call.talking');
    const card = logged(({ event }) => event === 'audio.open');
    return [
      ...row('hook switch', 0, lifted),
      ...row('connection', lifted, talking),
      ...row('sound card', lifted, card),
      ...row('first sound', 0, soundMs - liftedMs),
      ...row('first word', 0, voiceMs - liftedMs),
    ];
  }
}
