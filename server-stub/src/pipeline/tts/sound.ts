import { findWavData, WavError } from '../../../../common/src/audio/wav.ts';
import type { WavData } from '../../../../common/src/audio/wav.ts';
import { SAMPLE_RATE } from '../../../../protocol/src/index.ts';
import type { StageError } from '../ports.ts';
import { StreamResampler } from '../resampler.ts';
import { malformed } from '../vendors/http.ts';

/**
 * Sound as a service streams it, s16 little-endian mono in chunks of any size, as 16 kHz samples. A WAV header is taken off
 * and its rate is used (some servers send one whatever was asked for). Anything else is refused: played, it would be noise
 * at full level.
 * @param rate of headerless sound
 */
export async function* soundOf(
  bytes: AsyncIterable<Uint8Array>,
  contentType: string | null,
  rate: number,
  service: string,
): AsyncGenerator<Int16Array> {
  if (contentType !== null && NO_SOUND.test(contentType))
    throw malformed('text-to-speech', service, `${contentType.split(';', 1)[0]} in place of sound`);
  let rest: Buffer = Buffer.alloc(0);
  let resampler: StreamResampler | undefined;
  for await (const chunk of bytes) {
    rest = Buffer.concat([rest, chunk]);
    if (resampler === undefined) {
      const beginning = readBeginning(rest, rate, service);
      if (beginning === undefined) continue;
      resampler = new StreamResampler(beginning.rate, SAMPLE_RATE);
      rest = rest.subarray(beginning.bytes);
    }
    const whole = rest.length - (rest.length % 2);
    if (whole > 0) yield resampler.push(samples(rest.subarray(0, whole)));
    rest = Buffer.from(rest.subarray(whole));
  }
  if (resampler === undefined && rest.length > 0)
    throw malformed('text-to-speech', service, 'less than a header of sound');
  if (resampler !== undefined) yield resampler.flush();
}

const NO_SOUND = /^(text\/|application\/json|audio\/(mpeg|mp3|ogg|aac|flac|opus|webm))/i;
/** A header is longer than this only by mistake. */
const MAX_HEADER = 4_096;

/** @returns undefined when more bytes are needed */
function readBeginning(bytes: Buffer, rate: number, service: string): { bytes: number; rate: number } | undefined {
  if (bytes.length < 4) return undefined;
  const head = bytes.toString('latin1', 0, 4);
  if (head.startsWith('ID3') || head === 'OggS' || head === 'fLaC' || head.startsWith('{"'))
    throw malformed('text-to-speech', service, 'another format than the one asked for');
  if (head !== 'RIFF') return { bytes: 0, rate };
  const data = wavDataIn(bytes, service);
  if (data !== undefined) return { bytes: data.from, rate: data.sampleRate };
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

function samples(bytes: Buffer): Int16Array {
  const pcm = new Int16Array(bytes.length / 2);
  for (let at = 0; at < pcm.length; at++) pcm[at] = bytes.readInt16LE(at * 2);
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
