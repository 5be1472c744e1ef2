import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { writePrivateFile } from '../system/data-folder.ts';
import { systemClock } from '../../../common/src/time/clock.ts';
import { errorCode, ServerError } from '../system/errors.ts';
import { withFileLock } from '../system/file-lock.ts';

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Where the phone finds the authority to trust; absent when the operator brought a certificate. */
  readonly caFile?: string;
}

/** @throws {ServerError} bad-file */
export async function readTlsPair(certFile: string, keyFile: string): Promise<TlsFiles> {
  const [cert, key] = await Promise.all([readPem(certFile, '--tls-cert'), readPem(keyFile, '--tls-key')]);
  return { cert, key };
}

async function readPem(file: string, option: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ServerError('bad-file', `${option}: ${file} cannot be read (${errorCode(error)})`, { cause: error });
  }
}

/**
 * A certificate of our own for local use: a small authority, which the phone is told to trust, and under it a leaf for
 * `host` and the loopback names. Kept in the data folder, made anew when it is about to end or lacks `host`.
 * @throws {ServerError} unusable-directory
 */
export async function ownCertificate(dataFolder: string, host: string, now: Date): Promise<TlsFiles> {
  // Two servers that start at once on one folder must not mix their files.
  return withFileLock(join(dataFolder, 'server.pem'), systemClock, () => heldOrMade(dataFolder, host, now));
}

async function heldOrMade(dataFolder: string, host: string, now: Date): Promise<TlsFiles> {
  const caFile = join(dataFolder, 'ca.pem');
  const held = await readHeld(dataFolder);
  if (held !== undefined && serves(held.cert, host, now)) return { ...held, caFile };
  const made = await make(namesFor(host), now);
  try {
    await writePrivateFile(join(dataFolder, 'server-key.pem'), made.key);
    await writePrivateFile(join(dataFolder, 'server.pem'), made.cert);
    await writePrivateFile(caFile, made.ca);
  } catch (error) {
    throw new ServerError(
      'unusable-directory',
      `the certificate cannot be kept in ${dataFolder} (${errorCode(error)}): give another folder with --data`,
      { cause: error },
    );
  }
  return { cert: made.cert, key: made.key, caFile };
}

async function readHeld(dataFolder: string): Promise<{ cert: string; key: string } | undefined> {
  try {
    const [cert, key, ca] = await Promise.all(
      ['server.pem', 'server-key.pem', 'ca.pem'].map((name) => readFile(join(dataFolder, name), 'utf8')),
    );
    const leaf = new X509Certificate(cert!);
    // A start that was cut short may have left files that do not belong together.
    const together = leaf.checkPrivateKey(createPrivateKey(key!)) && leaf.verify(new X509Certificate(ca!).publicKey);
    return together ? { cert: cert!, key: key! } : undefined;
  } catch {
    return undefined;
  }
}

function serves(pem: string, host: string, now: Date): boolean {
  try {
    const certificate = new X509Certificate(pem);
    const enough = Date.parse(certificate.validTo) - now.getTime() > RENEW_BEFORE_MS;
    return (
      enough &&
      namesFor(host).every(
        (name) => (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined,
      )
    );
  } catch {
    return false;
  }
}

function namesFor(host: string): string[] {
  const everywhere = host === '0.0.0.0' || host === '::';
  return [...new Set(['localhost', '127.0.0.1', '::1', ...(everywhere ? [] : [host])])];
}

async function make(names: readonly string[], now: Date): Promise<{ ca: string; cert: string; key: string }> {
  const { generate } = await import('selfsigned');
  // A minute's grace for clocks that differ.
  const validity = {
    notBeforeDate: new Date(now.getTime() - 60_000),
    notAfterDate: new Date(now.getTime() + VALID_MS),
  };
  const common = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256', ...validity } as const;
  const authority = await generate([{ name: 'commonName', value: 'Best Day local authority' }], {
    ...common,
    extensions: [
      { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const leaf = await generate([{ name: 'commonName', value: names[0]! }], {
    ...common,
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: names.map((name) => (isIP(name) ? { type: 7, ip: name } : { type: 2, value: name })),
      },
    ],
  });
  // The authority's own key is dropped here: nobody can sign anything else with it.
  return { ca: authority.cert, cert: leaf.cert, key: leaf.private };
}

const DAY_MS = 86_400_000;
const VALID_MS = 825 * DAY_MS;
const RENEW_BEFORE_MS = 30 * DAY_MS;
