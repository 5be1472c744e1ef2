import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of one test's own. The owner calls `remove`. */
export class TemporaryFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'bestday-'));

  /** @returns the path of the written file */
  write(name: string, content: string, mode = 0o600): string {
    const file = this.at(name);
    writeFileSync(file, content, { mode });
    return file;
  }

  at(name: string): string {
    return join(this.path, name);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
