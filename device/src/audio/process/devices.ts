import { systemClock, type Clock } from '../../../../common/src/time/clock.ts';
import type { ChildBackendName, SpawnChild } from './job.ts';
import { RecordParser, RecordType, jsonOf, type ChildRecord } from './pipe-protocol.ts';
import { faultOf } from './session.ts';
import { AudioError, type AudioDeviceInfo } from '../ports.ts';

/** A scan of all cards through PortAudio takes a second on a slow board. ms */
const LIST_LIMIT_MS = 5000;

/** Asks a child what is there. @throws {AudioError} not-installed, stalled, died */
export function listChildDevices(
  backend: ChildBackendName,
  spawn: SpawnChild,
  clock: Clock = systemClock,
): Promise<AudioDeviceInfo[]> {
  return new Promise((resolve, reject) => {
    const parser = new RecordParser([RecordType.devices, RecordType.fault], (record) => finish(() => answerOf(record)));
    const child = spawn(
      { backend, task: 'devices' },
      {
        data: (chunk) =>
          finish(() => {
            parser.push(chunk);
            return undefined;
          }),
        gone: (why) =>
          finish(() => {
            throw new AudioError('died', why);
          }),
      },
    );
    const limit = clock.after(LIST_LIMIT_MS, () =>
      finish(() => {
        throw new AudioError('stalled', 'the sound system did not answer');
      }),
    );

    function finish(work: () => AudioDeviceInfo[] | undefined): void {
      try {
        const devices = work();
        if (devices === undefined) return;
        resolve(devices);
      } catch (error) {
        reject(
          error instanceof AudioError
            ? error
            : new AudioError('died', 'the sound process sent nonsense', { cause: error }),
        );
      }
      limit.cancel();
      child.kill();
    }
  });
}

function answerOf(record: ChildRecord): AudioDeviceInfo[] {
  const json = jsonOf(record);
  if (record.type === RecordType.fault) throw faultOf(json);
  return json as AudioDeviceInfo[];
}
