import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** One line of a technician's list: `device_id,api_key_file,board`. Keys stand in files, never in the list. */
export interface BatchRow {
  readonly deviceId: string;
  readonly apiKeyFile: string;
  readonly board: string;
}

const HEAD = 'device_id,api_key_file,board';

/**
 * @param check of a row's values; what it throws is given the row's place
 * @throws {Error} with the number of the first line that is wrong: better than at the thirtieth card
 */
export function readBatch(file: string, check: (row: BatchRow) => void): BatchRow[] {
  const lines = readFileSync(file, 'utf8')
    .replace(/^\ufeff/, '')
    .split(/\r?\n/);
  if (lines[0]?.replace(/\s/g, '') !== HEAD) throw new Error(`${file}: the first line must be ${HEAD}`);
  const seen = new Set<string>();
  return lines.slice(1).flatMap((line, index) => {
    if (line.trim() === '') return [];
    const where = `${file}:${index + 2}`;
    const row = readRow(line, where, dirname(resolve(file)));
    try {
      check(row);
    } catch (cause) {
      throw new Error(`${where}: ${(cause as Error).message}`, { cause });
    }
    if (seen.has(phoneOf(row))) throw new Error(`${where}: ${row.deviceId} stands in it twice`);
    seen.add(phoneOf(row));
    return [row];
  });
}

function readRow(line: string, where: string, folder: string): BatchRow {
  const [deviceId = '', keyFile = '', board = '', ...more] = line.split(',').map((cell) => cell.trim());
  if (more.length > 0) throw new Error(`${where}: three values are wanted`);
  return { deviceId, apiKeyFile: resolve(folder, keyFile), board };
}

/** A UUID in two cases is one phone. */
function phoneOf({ deviceId }: BatchRow): string {
  return deviceId.toLowerCase();
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
            .map((line) => line.toLowerCase())
        : [],
    );
  }

  isDone(row: BatchRow): boolean {
    return this.#done.has(phoneOf(row));
  }

  /** Only when the card was written, read back and given its identity. */
  done(row: BatchRow): void {
    appendFileSync(this.#file, `${phoneOf(row)}\n`);
    this.#done.add(phoneOf(row));
  }
}
