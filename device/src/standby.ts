import type { Clock } from '../../common/src/time/clock.ts';
import { silentLog } from '../../common/src/system/log.ts';
import type { Log } from '../../common/src/system/log.ts';
import { openLamp } from './controls/controls.ts';
import { systemGpio } from './controls/gpio.ts';
import type { Lamp } from './controls/lamp.ts';
import { FrontPanel } from './panel/front-panel.ts';
import { Health } from './panel/health.ts';
import { PhoneMetrics } from './panel/phone-metrics.ts';
import { Service } from './panel/service.ts';
import { VolumeStage } from './playout/volume.ts';
import type { Board } from './settings/board-profile.ts';
import { SettingsError } from './settings/settings.ts';
import type { RunSettings } from './settings/settings.ts';

/**
 * Runs in place of the daemon while a setting is missing or wrong: its lamp asks for help, `status` says what it is,
 * and the daemon starts by itself once that is there. Restarting over and over would show a technician nothing.
 */
export async function awaitSettings(options: StandbyOptions): Promise<RunSettings> {
  const { clock, log, version, kind, boards, load } = options;
  const health = new Health(clock);
  const metrics = new PhoneMetrics();
  const panel = new FrontPanel({
    clock,
    log,
    version,
    kind,
    board: boards.length === 1 ? boards[0]!.profile.name : undefined,
    controls: { hook: { description: 'standby', start() {}, stop() {} }, lamp: openAnyLamp(boards, clock, log) },
    volume: new VolumeStage(),
    saveVolume: () => {},
    line: () => ({ lifted: false, sound: undefined }),
  });
  const service = await Service.open({
    clock,
    log,
    health,
    controlSocket: options.controlSocket,
    handle: (request) => panel.handle(request),
    collect: () => metrics.collect(panel.status(), undefined, health.stalled, panel.checked),
  });
  service.ready('waiting for settings');
  const settings = await untilLoaded(load, clock, (error) => {
    panel.trouble('settings', error.message);
    service.status(`waiting for settings: ${error.message}`);
  });
  panel.close();
  await service.handOver();
  return settings;
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
  readonly kind: string;
  /** Those that this may be; the first lamp that can be had is lit. */
  readonly boards: readonly Board[];
  readonly controlSocket: string | undefined;
  readonly load: () => Promise<RunSettings>;
}

const LOAD_AGAIN_MS = 2_000;
