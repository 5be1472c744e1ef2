import { isLoopback } from './loopback.ts';
import { ServerError } from './errors.ts';

/** Where keys, or what patients say, would go. */
export interface Destination {
  /** The option that names it. */
  readonly option: string;
  readonly host: string;
  readonly encrypted: boolean;
}

/**
 * Keys and patients' words leave this machine encrypted, or to hosts that the operator has named.
 * @param allowed host names and addresses
 * @throws {ServerError} bad-option
 */
export function refusePlaintext(destinations: readonly Destination[], allowed: readonly string[]): void {
  for (const { option, host, encrypted } of destinations) {
    if (encrypted || isLoopback(host) || allowed.includes(host)) continue;
    throw new ServerError(
      'bad-option',
      `${option}: what patients say would go to ${host} in plain text: use ${option === '--store' ? 'rediss' : 'https'}://, or, ` +
        `if the network in between is yours alone, --allow-plaintext ${host}`,
    );
  }
}
