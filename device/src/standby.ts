import type { Clock } from '../../common/src/time/clock.ts';
import { silentLog } from '../../common/src/system/log.ts';
import type { Log } from '../../common/src/system/log.ts';
import { systemRandom } from '../../common/src/time/random.ts';
import { SoundHardware } from './audio/sound-hardware.ts';
import type { SoundHardwareOptions } from './audio/sound-hardware.ts';
import { openControls, openLamp } from './controls/controls.ts';
import type { ControlKind, Controls } from './controls/controls.ts';
import { systemGpio } from './controls/gpio.ts';
import type { Lamp } from './controls/lamp.ts';
import { ControlError } from './controls/line.ts';
import { FrontPanel } from './panel/front-panel.ts';
import { Health } from './panel/health.ts';
import { watchedSound } from './panel/watched.ts';
import { loadPrompts, promptsAfterStart } from './playout/prompt-files.ts';
import { StandbyPhone } from './standby-phone.ts';
import { PhoneMetrics } from './panel/phone-metrics.ts';
import { Service } from './panel/service.ts';
import { VolumeStage } from './playout/volume.ts';
import type { Board } from './settings/board-profile.ts';
import { SettingsError } from './settings/settings.ts';
import type { RunSettings } from './settings/settings.ts';

/**
 * Runs in place of the daemon while a setting is missing or wrong: its lamp asks for help, whoever lifts the receiver is
 * told that the phone is not set up, `status` says what it is, and the daemon starts by itself once that is there.
 * Restarting over and over would show a technician nothing.
 */
export async function awaitSettings(options: StandbyOptions): Promise<RunSettings> {
  const { clock, log, version, kind, boards, load } = options;
  const health = new Health(clock);
  const metrics = new PhoneMetrics();
  const board = boards.length === 1 ? boards[0] : undefined;
  const volume = new VolumeStage();
  const controls = controlsOf(options);
  const panel: FrontPanel = new FrontPanel({
    ...{ clock, log, version, kind, controls, volume },
    board: board?.profile.name,
    saveVolume: () => {},
    line: () => ({ lifted: phone.lifted, sound: phone.sound }),
  });
  const { promise: stuck, reject: restart } = rejection();
  const sound = new SoundHardware({
    clock,
    log,
    ...options.sound,
    board: board?.profile.sound,
    resting: () => !phone.lifted,
    onTrouble: (what) => panel.trouble('sound', what),
    onStuck: restart,
  });
  const switchHeart = health.loop('switch', SWITCH_STALL_MS);
  const hearts = ['sound', 'speaker'].map((name) => health.loop(name, SOUND_STALL_MS));
  const phone: StandbyPhone = new StandbyPhone({
    clock,
    log,
    random: systemRandom,
    hook: controls.hook,
    prompts: promptsAfterStart(clock, () => loadPrompts(log, options.language)),
    openAudio: watchedSound(sound.open, hearts[0]!, hearts[1]!),
    volume,
    onAudioFailed: (error) => sound.failed(error),
    onHookTrouble: (what) => {
      panel.trouble('switch', what);
      switchHeart.expect(what !== undefined);
    },
  });
  const { controlSocket } = options;
  const service = await Service.open({
    ...{ clock, log, health, controlSocket },
    handle: (request) => panel.handle(request),
    collect: () => metrics.collect(panel.status(), undefined, health.stalled, panel.checked),
  });
  sound.start();
  phone.start();
  service.ready('waiting for settings');
  const missing = (error: SettingsError): void => {
    panel.trouble('settings', error.message);
    service.status(`waiting for settings: ${error.message}`);
  };
  const settings = await Promise.race([untilLoaded(load, clock, missing), stuck]);
  sound.stop();
  await phone.stop();
  panel.close();
  await service.handOver();
  return settings;
}

function rejection(): { readonly promise: Promise<never>; readonly reject: (error: Error) => void } {
  let reject!: (error: Error) => void;
  const promise = new Promise<never>((_resolve, refuse) => {
    reject = refuse;
  });
  // It may come while nobody waits for it yet.
  promise.catch(() => {});
  return { promise, reject };
}

/** No single run's script, and no switch of a board that is only guessed; without a switch there is still the lamp. */
function controlsOf({ clock, log, kind, boards }: StandbyOptions): Controls {
  const hook = { description: 'standby', start() {}, stop() {} };
  if (kind !== 'script' && boards.length <= 1) {
    try {
      return openControls(kind, { clock, log, board: boards[0] });
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      log.error('controls.no-switch', { fault: error.fault, reason: error.message });
    }
  }
  return { hook, lamp: openAnyLamp(boards, clock, log) };
}

function openAnyLamp(boards: readonly Board[], clock: Clock, log: Log): Lamp | undefined {
  const [gpio, guessing] = [systemGpio(), boards.length > 1];
  for (const board of boards) {
    const lamp = openLamp(gpio, { clock, log: guessing ? silentLog : log, board });
    if (lamp !== undefined) return lamp;
  }
  return undefined;
}

async function untilLoaded(
  load: () => Promise<RunSettings>,
  clock: Clock,
  missing: (error: SettingsError) => void,
): Promise<RunSettings> {
  for (;;) {
    try {
      return await load();
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error;
      missing(error);
    }
    await new Promise<void>((resolve) => {
      clock.after(LOAD_AGAIN_MS, resolve);
    });
  }
}

export interface StandbyOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly kind: ControlKind;
  /** Those that this may be; the first lamp that can be had is lit. */
  readonly boards: readonly Board[];
  readonly controlSocket: string | undefined;
  readonly sound: Pick<SoundHardwareOptions, 'audio' | 'settings'>;
  readonly language: string;
  readonly load: () => Promise<RunSettings>;
}

const LOAD_AGAIN_MS = 2_000;
/** As the daemon's. */
const SOUND_STALL_MS = 5_000;
const SWITCH_STALL_MS = 30_000;
