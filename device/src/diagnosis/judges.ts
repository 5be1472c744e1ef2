import { isLoudHum, type HumReading } from '../audio/mains-hum.ts';
import type { Finding } from './finding.ts';

/** Measured numbers → findings, with the numbers. Pure; the limits stand here, each with its reason. */

type Judgement = Omit<Finding, 'name'>;

const ok = (detail: string): Judgement => ({ state: 'ok', detail });
const warn = (detail: string, todo: string): Judgement => ({ state: 'warn', detail, todo });
const fail = (detail: string, todo: string): Judgement => ({ state: 'fail', detail, todo });

/**
 * @param levelDb of a second of microphone, dBFS; −100: digital zeros
 * @param hum in the half second of it that was the quietest
 */
export function judgeMicrophone(levelDb: number, clippedShare: number, hum?: HumReading): Judgement {
  return {
    ...microphone(levelDb, clippedShare, hum),
    measured: {
      level_dbfs: Math.max(levelDb, SILENCE_DB),
      clipped_ratio: clippedShare,
      ...(hum && { hum_dbfs: hum.humDb }),
    },
  };
}

/** Digital zeros have no level; as a reading they stand at 16 bits' end. */
const SILENCE_DB = -96;

function microphone(levelDb: number, clippedShare: number, hum: HumReading | undefined): Judgement {
  if (levelDb < -90)
    return fail('not a sound, not even noise', "check the microphone's plug; `alsamixer` shows whether it is muted");
  if (clippedShare > 0.01)
    return warn(
      `overdriven, ${Math.round(clippedShare * 100)} % of samples at full scale`,
      "turn the card's microphone down: `alsamixer`, capture",
    );
  if (hum !== undefined && isLoudHum(hum))
    return warn(`hums with the mains, ${hum.humDb.toFixed(0)} dBFS`, "check the cable's shield, and the power supply");
  if (levelDb < -75)
    return warn(`very quiet, ${levelDb.toFixed(0)} dBFS`, "turn the card's microphone up: `alsamixer`, capture");
  return ok(`level ${levelDb.toFixed(0)} dBFS`);
}

/** @param overDb how far the test tone stood over what the microphone heard before it */
export function judgeSpeaker(overDb: number): Judgement {
  const measured = { over_room_db: overDb };
  if (overDb >= 10) return { ...ok(`heard by the microphone, ${overDb.toFixed(0)} dB over the room`), measured };
  return {
    ...warn(
      `not heard by the microphone (${overDb.toFixed(0)} dB over the room)`,
      "a handset at the ear is no fault; else check the speaker's plug and `alsamixer`",
    ),
    measured,
  };
}

/** TLS certificates are judged by the phone's clock. @param offSeconds of the phone against the server */
export function judgeClock(offSeconds: number): Judgement {
  return { ...clock(offSeconds), measured: { offset_seconds: offSeconds } };
}

function clock(offSeconds: number): Judgement {
  const off = `${Math.abs(offSeconds).toFixed(0)} s ${offSeconds < 0 ? 'behind' : 'ahead of'} the server`;
  if (Math.abs(offSeconds) <= 5) return ok(off);
  const todo = 'check the network, then `timedatectl set-ntp true`';
  return Math.abs(offSeconds) <= 120 ? warn(off, todo) : fail(off, todo);
}

/** Round trips of pings on the open link, ms. @param sent how many; those that are missing are lost */
export function judgeRoundTrip(roundTripsMs: readonly number[], sent: number): Judgement {
  const lost = sent - roundTripsMs.length;
  if (lost === sent)
    return {
      ...fail(
        `none of ${sent} pings came back`,
        'the network lets the connection open and then nothing through: try another network',
      ),
      measured: { lost_ratio: 1 },
    };
  const sorted = [...roundTripsMs].sort((a, b) => a - b);
  const medianMs = sorted[sorted.length >> 1]!;
  const worstMs = sorted.at(-1)!;
  const measured = {
    round_trip_seconds: medianMs / 1_000,
    worst_round_trip_seconds: worstMs / 1_000,
    lost_ratio: lost / sent,
  };
  return { ...roundTrip(medianMs, worstMs, lost, sent), measured };
}

function roundTrip(medianMs: number, worstMs: number, lost: number, sent: number): Judgement {
  const detail = `round trip ${medianMs.toFixed(0)} ms, worst ${worstMs.toFixed(0)} ms, ${lost} of ${sent} lost`;
  // Over TCP a lost packet is one that comes a retransmission later: 200 ms and more.
  if (lost > 0 || worstMs - medianMs > 400)
    return warn(detail, 'the network drops packets: nearer to the router, another channel, or a cable');
  return medianMs > 300 ? warn(detail, 'answers will feel slow: is something else using the line?') : ok(detail);
}

export function judgeDisk(freeBytes: number, totalBytes: number): Judgement {
  return { ...disk(freeBytes, totalBytes), measured: { free_bytes: freeBytes, size_bytes: totalBytes } };
}

function disk(freeBytes: number, totalBytes: number): Judgement {
  const detail = `${(freeBytes / 2 ** 20).toFixed(0)} MiB free of ${(totalBytes / 2 ** 20).toFixed(0)}`;
  if (freeBytes < 20 * 2 ** 20)
    return fail(detail, 'settings cannot be kept: `journalctl --vacuum-size=10M`, then look for what is large');
  return freeBytes < 100 * 2 ** 20 ? warn(detail, 'make room: `journalctl --vacuum-size=10M`') : ok(detail);
}

/** The firmware slows a Raspberry Pi down from 80 °C on. */
export function judgeTemperature(celsius: number): Judgement {
  return { ...temperature(celsius), measured: { celsius } };
}

function temperature(celsius: number): Judgement {
  const detail = `${celsius.toFixed(0)} °C`;
  if (celsius >= 80) return fail(detail, 'too hot, the board slows itself down: give it air or a heat sink');
  return celsius >= 70 ? warn(detail, 'warm: give it air') : ok(detail);
}

const POWER = [
  [0, 'under-voltage'],
  [1, 'frequency capped'],
  [2, 'throttled'],
  [3, 'temperature limit'],
] as const;

/** The bits of `vcgencmd get_throttled`: 0 to 3 now, 16 to 19 since the boot. */
export function judgeThrottling(bits: number): Judgement {
  return {
    ...throttling(bits),
    measured: { throttled_now: Number((bits & 0xf) !== 0), throttled_since_boot: Number((bits & 0xf0000) !== 0) },
  };
}

function throttling(bits: number): Judgement {
  const named = (shift: number): string =>
    POWER.filter(([bit]) => (bits >> (bit + shift)) & 1)
      .map(([, name]) => name)
      .join(', ');
  const todo = "use the board's own power supply and a short cable";
  if (named(0) !== '') return fail(`now: ${named(0)}`, todo);
  return named(16) === '' ? ok('never') : warn(`since the boot: ${named(16)}`, todo);
}
