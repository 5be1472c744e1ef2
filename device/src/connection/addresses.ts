import { lookup } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Clock } from '../../../common/src/time/clock.ts';

/** Resolves a name as `dns.lookup` does, all addresses. */
export type Resolve = (
  hostname: string,
  done: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void;

/**
 * Addresses of the server, as a connection attempt should try them. TLS checks the name whatever the address, so an
 * old address is safe to try.
 * - A resolver that is late, or fails, is replaced by what it last said.
 * - The address that last served comes first; each attempt after a failed one begins with the next address, because
 *   Node gives up the address before for the next (`net.connect` with `autoSelectFamily`) where RFC 8305 goes on.
 */
export class ServerAddresses {
  readonly #resolve: Resolve;
  readonly #clock: Clock;
  #known: readonly LookupAddress[] = [];
  #good: string | undefined;
  #turn = 0;
  #epoch = 0;

  constructor(clock: Clock, resolve: Resolve = systemResolve) {
    this.#clock = clock;
    this.#resolve = resolve;
  }

  /** How many addresses the next attempt has to divide its time among. */
  get count(): number {
    return Math.max(this.#known.length, 1);
  }

  /** For `net.connect` of one attempt. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    let answered = false;
    const answer = (addresses: readonly LookupAddress[], error: NodeJS.ErrnoException | null): void => {
      if (answered) return;
      answered = true;
      late.cancel();
      const [first] = addresses;
      if (first === undefined) return callback(error ?? noAddress(hostname), []);
      if (options.all === true) callback(null, [...addresses]);
      else callback(null, first.address, first.family);
    };
    const late = this.#clock.after(LATE_MS, () => {
      if (this.#known.length > 0) answer(this.#inOrder(), null);
    });
    this.#resolve(hostname, (error, addresses) => {
      if (addresses.length > 0) this.#known = addresses;
      answer(this.#inOrder(), error);
    });
  };

  /** A connection to this address was made. */
  served(address: string | undefined): void {
    this.#good = address;
    this.#turn = 0;
    this.#epoch++;
  }

  /** Grows with each connection that is made. */
  get epoch(): number {
    return this.#epoch;
  }

  /**
   * An attempt came to nothing: the next begins with another address.
   * @param epoch when it was begun: one that lost a race to a connection says nothing of its address
   */
  failed(epoch = this.#epoch): void {
    if (epoch === this.#epoch) this.#turn++;
  }

  #inOrder(): readonly LookupAddress[] {
    const goodFirst = this.#known.toSorted(
      (a, b) => Number(b.address === this.#good) - Number(a.address === this.#good),
    );
    const from = this.#turn % Math.max(goodFirst.length, 1);
    return [...goodFirst.slice(from), ...goodFirst.slice(0, from)];
  }
}

/** A resolver answers in milliseconds; one that lost its packets asks again after 5 s. */
const LATE_MS = 700;

function systemResolve(hostname: string, done: Parameters<Resolve>[1]): void {
  lookup(hostname, { all: true }, (error, addresses) => done(error, error === null ? addresses : []));
}

function noAddress(hostname: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`no address for ${hostname}`), { code: 'ENOTFOUND' });
}
