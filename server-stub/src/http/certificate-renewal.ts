import type { Log } from '../../../common/src/system/log.ts';
import type { Clock } from '../../../common/src/time/clock.ts';
import { errorCode } from '../system/errors.ts';
import type { TlsFiles } from './certificates.ts';

/**
 * Takes a certificate up that was renewed on the disk, without a restart: the files are read every ten seconds, and when
 * `check` is called. Files that do not belong together (one of the two is still to be written) change nothing.
 */
export class CertificateRenewal {
  readonly #options: CertificateRenewalOptions;
  readonly #poll: { cancel(): void };
  #inUse: TlsFiles;
  #failure: string | undefined;

  constructor(options: CertificateRenewalOptions) {
    this.#options = options;
    this.#inUse = options.inUse;
    this.#poll = options.clock.every(POLL_MS, () => void this.check());
  }

  /** Never rejects: a server with an old certificate is better than none. */
  async check(): Promise<void> {
    const { read, renew, log } = this.#options;
    try {
      const files = await read();
      if (files.cert !== this.#inUse.cert || files.key !== this.#inUse.key) {
        renew(files);
        this.#inUse = files;
        log.info('certificate.renewed');
      }
      this.#failure = undefined;
    } catch (error) {
      const failure = errorCode(error);
      if (failure !== this.#failure) log.warn('certificate.not-renewed', { error: failure });
      this.#failure = failure;
    }
  }

  stop(): void {
    this.#poll.cancel();
  }
}

export interface CertificateRenewalOptions {
  readonly inUse: TlsFiles;
  readonly read: () => Promise<TlsFiles>;
  /** @throws {Error} when TLS cannot use them */
  readonly renew: (files: TlsFiles) => void;
  readonly clock: Clock;
  readonly log: Log;
}

const POLL_MS = 10_000;
