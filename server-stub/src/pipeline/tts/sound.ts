import { findWavData, WavError } from '../../../../common/src/audio/wav.ts';
import type { WavData } from '../../../../common/src/audio/wav.ts';
import { SAMPLE_RATE } from '../../../../protocol/src/index.ts';
import type { StageError } from '../ports.ts';
import { StreamResampler } from '../resampler.ts';
import { malformed } from '../vendors/http.ts';

/**
 * Sound as a service streams it, s16 mono in chunks of any size, as 16 kHz samples. What it is called says little (PCM is
 * called `audio/mpeg`, MP3 comes as octets), so the bytes decide: a WAV header is taken off and believed, the signatures of
 * compressed formats are refused, and so is what is as loud as speech and as disordered as no speech is: compressed sound
 * without a signature, which would be noise at full level in somebody's ear. A rate in the label is believed.
 * @param rate of sound that names none, in Hz
 */
export async function* soundOf(
  bytes: AsyncIterable<Uint8Array>,
  contentType: string | null,
  rate: number,
  service: string,
): AsyncGenerator<Int16Array> {
  const label = labelOf(contentType, rate, service);
  let remaining = Infinity;
  let rest: Buffer = Buffer.alloc(0);
  let resampler: StreamResampler | undefined;
  for await (const chunk of bytes) {
    rest = Buffer.concat([rest, chunk]);
    if (resampler === undefined) {
      const beginning = readBeginning(rest, label.rate, service);
      if (beginning === undefined || rest.length - beginning.bytes < JUDGED_BYTES) continue;
      resampler = start(beginning, rest);
    }
    yield* take();
  }
  if (resampler === undefined && rest.length > 0) {
    const beginning = readBeginning(rest, label.rate, service);
    if (beginning === undefined) throw malformed('text-to-speech', service, 'less than a header of sound');
    resampler = start(beginning, rest);
    yield* take();
  }
  if (resampler !== undefined) yield resampler.flush();

  function start(beginning: Beginning, bytesSoFar: Buffer): StreamResampler {
    rest = bytesSoFar.subarray(beginning.bytes);
    remaining = beginning.length;
    if (isNoise(samples(rest.subarray(0, JUDGED_BYTES), label.bigEndian)))
      throw malformed('text-to-speech', service, 'noise: another format than the one asked for');
    return new StreamResampler(beginning.rate, SAMPLE_RATE);
  }

  /** What follows the samples of a WAV is no sound. */
  function* take(): Generator<Int16Array> {
    const whole = Math.min(rest.length - (rest.length % 2), remaining);
    remaining -= whole;
    if (whole > 0) yield resampler!.push(samples(rest.subarray(0, whole), label.bigEndian));
    rest = remaining === 0 ? Buffer.alloc(0) : Buffer.from(rest.subarray(whole));
  }
}

interface Label {
  readonly rate: number;
  /** RFC 3551 §4.5.11: L16 is in network byte order. */
  readonly bigEndian: boolean;
}

/** What a content type says of sound, as far as that can be used. @throws {StageError} it says that this is none of ours */
function labelOf(contentType: string | null, rate: number, service: string): Label {
  const [type = '', ...parameters] = (contentType ?? '').toLowerCase().split(';');
  const named = new Map(parameters.map((each) => each.split('=', 2).map((part) => part.trim()) as [string, string]));
  if (/^\s*(text\/|application\/json)/.test(type))
    throw malformed('text-to-speech', service, `${type.trim()} in place of sound`);
  const wanted = Number(named.get('rate') ?? named.get('samplerate') ?? rate);
  const mono = Number(named.get('channels') ?? 1) === 1;
  if (!mono || !Number.isInteger(wanted) || wanted < 8_000 || wanted > 96_000)
    throw malformed('text-to-speech', service, 'sound that is not mono, or of a rate that no sound has');
  return { rate: wanted, bigEndian: type.trim() === 'audio/l16' };
}

/**
 * Speech changes little from one sample to the next (correlation over 0.8, hissing sounds aside, which are quiet);
 * compressed data is white, and fills the whole range.
 */
function isNoise(pcm: Int16Array): boolean {
  let power = 0;
  let neighbours = 0;
  for (let at = 1; at < pcm.length; at++) {
    power += pcm[at]! * pcm[at]!;
    neighbours += pcm[at]! * pcm[at - 1]!;
  }
  return pcm.length > 256 && power / pcm.length > LOUD_POWER && Math.abs(neighbours / power) < 0.3;
}

/** −20 dBFS, as a power. */
const LOUD_POWER = (0.1 * 32_768) ** 2;
/** 64 ms at 16 kHz. */
const JUDGED_BYTES = 2_048;
/** A header is longer than this only by mistake. */
const MAX_HEADER = 4_096;

interface Beginning {
  /** Before the first sample. */
  readonly bytes: number;
  readonly rate: number;
  /** Of the samples, bytes. */
  readonly length: number;
}

/** @returns undefined when more bytes are needed */
function readBeginning(bytes: Buffer, rate: number, service: string): Beginning | undefined {
  if (bytes.length < 4) return undefined;
  const head = bytes.toString('latin1', 0, 4);
  if (
    head.startsWith('ID3') ||
    head === 'OggS' ||
    head === '\u001aE\u00df\u00a3' ||
    head === 'fLaC' ||
    head.startsWith('{"')
  )
    throw malformed('text-to-speech', service, 'another format than the one asked for');
  if (head !== 'RIFF') return { bytes: 0, rate, length: Infinity };
  const data = wavDataIn(bytes, service);
  if (data !== undefined) {
    // Whoever streams a WAV does not know its length, and says 0 or the most there is.
    const known = data.length > 0 && data.length < 0x7fff_0000;
    return { bytes: data.from, rate: data.sampleRate, length: known ? data.length : Infinity };
  }
  if (bytes.length > MAX_HEADER) throw malformed('text-to-speech', service, 'a WAV without sound');
  return undefined;
}

function wavDataIn(bytes: Buffer, service: string): WavData | undefined {
  try {
    return findWavData(bytes);
  } catch (error) {
    if (!(error instanceof WavError)) throw error;
    throw malformed('text-to-speech', service, 'a WAV that is not 16-bit mono', error);
  }
}

function samples(bytes: Buffer, bigEndian: boolean): Int16Array {
  const pcm = new Int16Array(bytes.length / 2);
  for (let at = 0; at < pcm.length; at++) pcm[at] = bigEndian ? bytes.readInt16BE(at * 2) : bytes.readInt16LE(at * 2);
  return pcm;
}

/** The chunks of a fetched body. @throws {StageError} of `broken` when it breaks off */
export async function* bodyOf(
  body: ReadableStream<Uint8Array> | null,
  broken: (error: unknown) => StageError,
): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (error) {
    throw broken(error);
  } finally {
    reader.cancel().catch(() => {});
  }
}
