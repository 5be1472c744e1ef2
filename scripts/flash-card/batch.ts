import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { boardNames } from '../../device/src/settings/board-profile.ts';

/** One line of a technician's list: `device_id,api_key_file,board`. Keys stand in files, never in the list. */
export interface BatchRow {
  readonly deviceId: string;
  readonly apiKeyFile: string;
  readonly board: string;
}

const HEAD = 'device_id,api_key_file,board';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** @throws {Error} with the number of the first line that is wrong: better than at the thirtieth card */
export function readBatch(file: string): BatchRow[] {
  const [head, ...lines] = readFileSync(file, 'utf8')
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '');
  if (head?.replace(/\s/g, '') !== HEAD) throw new Error(`${file}: the first line must be ${HEAD}`);
  const rows = lines.map((line, index) => readRow(line, `${file}:${index + 2}`, dirname(resolve(file))));
  const twice = rows.find(({ deviceId }, index) => rows.findIndex((row) => row.deviceId === deviceId) < index);
  if (twice !== undefined) throw new Error(`${file}: ${twice.deviceId} stands in it twice`);
  return rows;
}

function readRow(line: string, where: string, folder: string): BatchRow {
  const [deviceId = '', keyFile = '', board = '', ...more] = line.split(',').map((cell) => cell.trim());
  if (more.length > 0) throw new Error(`${where}: three values are wanted`);
  if (!UUID.test(deviceId)) throw new Error(`${where}: device_id is no UUID`);
  const apiKeyFile = resolve(folder, keyFile);
  if (!existsSync(apiKeyFile)) throw new Error(`${where}: there is no ${keyFile}`);
  if (!boardNames().includes(board)) throw new Error(`${where}: there is no board '${board}'`);
  return { deviceId, apiKeyFile, board };
}

/** Which cards are done, kept beside the list: a batch that was broken off goes on where it was. */
export class BatchLog {
  readonly #file: string;
  readonly #done: Set<string>;

  constructor(batchFile: string) {
    this.#file = `${batchFile}.done`;
    this.#done = new Set(
      existsSync(this.#file)
        ? readFileSync(this.#file, 'utf8')
            .split('\n')
            .filter((line) => line !== '')
        : [],
    );
  }

  isDone({ deviceId }: BatchRow): boolean {
    return this.#done.has(deviceId);
  }

  /** Only when the card was written, read back and given its identity. */
  done({ deviceId }: BatchRow): void {
    appendFileSync(this.#file, `${deviceId}\n`);
    this.#done.add(deviceId);
  }
}
