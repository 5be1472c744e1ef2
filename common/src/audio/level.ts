/** What digital silence measures. dBFS */
export const SILENCE_DBFS = -100;

/** Mean square of the samples around their mean, in sample units squared: a card's direct current is no sound. */
export function powerOf(samples: Int16Array): number {
  let sum = 0;
  let squares = 0;
  for (let index = 0; index < samples.length; index++) {
    const sample = samples[index]!;
    sum += sample;
    squares += sample * sample;
  }
  const count = Math.max(1, samples.length);
  return Math.max(0, squares / count - (sum / count) ** 2);
}

/** Level of the samples around their mean. @returns dBFS, `SILENCE_DBFS` at the least */
export function levelDb(samples: Int16Array): number {
  return dbfsOf(powerOf(samples));
}

/** @param power in sample units squared @returns dBFS, `SILENCE_DBFS` at the least */
export function dbfsOf(power: number): number {
  return Math.max(SILENCE_DBFS, 10 * Math.log10(power / FULL_SCALE ** 2));
}

const FULL_SCALE = 32_768;
