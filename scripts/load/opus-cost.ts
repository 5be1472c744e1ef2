import { framesOf } from '../../bench/lib/speech.ts';
import { loadCodecs } from '../../device/src/codec/codecs.ts';
import { silentLog } from '../../device/src/system/log.ts';
import { callerClips } from './speech.ts';

/** What one frame costs on this machine, µs of CPU. */
export interface OpusCost {
  readonly encodeMicros: number;
  readonly decodeMicros: number;
}

export async function opusCost(): Promise<OpusCost> {
  const codecs = await loadCodecs(silentLog);
  const frames = callerClips().flatMap(framesOf);
  const encoder = codecs.encoder('opus');
  const decoder = codecs.decoder('opus');
  const timed = (work: () => void): number => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return Math.round(((user + system) / frames.length) * 10) / 10;
  };
  const packets: Uint8Array[] = [];
  const encodeMicros = timed(() => { for (const frame of frames) packets.push(encoder.encode(frame)); });
  // WebAssembly is compiled better once it has run for a while; a server's has.
  for (const packet of packets) decoder.decode(packet);
  const decodeMicros = timed(() => { for (const packet of packets) decoder.decode(packet); });
  encoder.close();
  decoder.close();
  return { encodeMicros, decodeMicros };
}
