import type { Clock } from '../../../common/src/time/clock.ts';
import { openLamp } from '../controls/controls.ts';
import { systemGpio } from '../controls/gpio.ts';
import { VolumeStage } from '../playout/volume.ts';
import { FrontPanel } from './front-panel.ts';
import { PhoneMetrics } from './phone-metrics.ts';
import { Station } from './service.ts';
import type { Board } from '../settings/board-profile.ts';
import { Health } from './health.ts';
import type { Log } from '../../../common/src/system/log.ts';
import { SettingsError } from '../settings/settings.ts';
import type { RunSettings } from '../settings/settings.ts';

const LOOK_AGAIN_MS = 2_000;

export interface StandbyOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly kind: string;
  readonly board: Board | undefined;
  readonly controlSocket: string | undefined;
  readonly load: () => Promise<RunSettings>;
}

/**
 * A phone that nobody has given its identity yet: it is up, its lamp asks for help, `status` says what is missing,
 * and it begins by itself once that is there. Restarting over and over would show a technician nothing.
 */
export async function awaitSettings(options: StandbyOptions): Promise<RunSettings> {
  const { clock, log, version, kind, board, load } = options;
  const health = new Health(clock);
  const panel = new FrontPanel({
    clock,
    log,
    version,
    kind,
    board: board?.profile.name,
    controls: {
      hook: { description: 'standby', start() {}, stop() {} },
      lamp: openLamp(systemGpio(), { clock, log, board }),
    },
    volume: new VolumeStage(),
    saveVolume: () => {},
    line: () => ({ lifted: false, sound: undefined }),
  });
  const metrics = new PhoneMetrics();
  const station = await Station.open({
    clock,
    log,
    health,
    controlSocket: options.controlSocket,
    handle: (request) => panel.handle(request),
    collect: () => metrics.collect(panel.status(), undefined, health.stalled, panel.checked),
  });
  station.ready('waiting for settings');
  const settings = await untilLoaded(load, clock, (error) => {
    panel.trouble('settings', error.message);
    station.status(`waiting for settings: ${error.message}`);
  });
  panel.close();
  // The daemon that follows tells systemd the rest.
  await station.handOver();
  return settings;
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
      clock.after(LOOK_AGAIN_MS, resolve);
    });
  }
}
