import { lookup } from 'node:dns/promises';
import { request as plainRequest } from 'node:http';
import { request } from 'node:https';
import type { MessageSocket } from '../../../common/src/link/message-socket.ts';
import { VERIFIED_TLS } from '../../../common/src/link/verified-tls.ts';
import type { Clock } from '../../../common/src/time/clock.ts';
import type { Transport } from '../connection/transport.ts';
import type { Check } from './finding.ts';
import { judgeClock, judgeRoundTrip } from './judges.ts';

const ANSWER_LIMIT_MS = 5_000;
/** Spread over 2 s: well inside the time a server waits for a greeting that never comes. */
const PINGS = 10;
const PING_EVERY_MS = 200;

export interface NetworkCheckOptions {
  readonly clock: Clock;
  readonly server: string;
  readonly ca: string | undefined;
  readonly transport: Transport;
}

/** Name, encryption, clock, key and round trip, in the order in which a call needs them. */
export function networkChecks(options: NetworkCheckOptions): Check[] {
  const url = new URL(options.server);
  return [
    { name: 'name service', disturbs: false, run: () => checkName(url) },
    { name: 'encryption', disturbs: false, run: () => checkTls(url, options.ca) },
    {
      name: 'clock',
      disturbs: false,
      run: async () => judgeClock((options.clock.wallTime() - (await serverTime(url, options.ca))) / 1_000),
    },
    // A link that never says `hello` takes no call away; still, it is the phone's own key that is used.
    { name: 'key and link', disturbs: false, run: () => checkLink(options) },
  ];
}

async function checkName(url: URL): ReturnType<Check['run']> {
  try {
    const { address } = await lookup(url.hostname.replace(/^\[|\]$/g, ''));
    return { state: 'ok', detail: `${url.hostname} is ${address}` };
  } catch (error) {
    return {
      state: 'fail',
      detail: `${url.hostname}: ${(error as NodeJS.ErrnoException).code}`,
      todo: "no network, or the server's name is wrong: `ip address`, then `bestday-phone config get server`",
    };
  }
}

async function checkTls(url: URL, ca: string | undefined): ReturnType<Check['run']> {
  if (url.protocol === 'ws:') return { state: 'skipped', detail: 'a server on this machine, not encrypted' };
  try {
    await serverTime(url, ca);
    return { state: 'ok', detail: "the server's certificate holds" };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    return {
      state: 'fail',
      detail: code,
      todo: "check the phone's clock (`timedatectl`), and caFile for a private server; behind a hotel's login page nothing works",
    };
  }
}

/** What the server's `Date` header says, ms since 1970. @throws {Error} when it does not answer */
function serverTime(url: URL, ca: string | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = {
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port,
      path: '/',
      method: 'HEAD',
      timeout: ANSWER_LIMIT_MS,
      ...VERIFIED_TLS,
      ...(ca !== undefined && { ca }),
    };
    const asked = url.protocol === 'ws:' ? plainRequest(options) : request(options);
    asked.once('response', (response) => {
      response.resume();
      const time = Date.parse(response.headers.date ?? '');
      if (Number.isNaN(time)) reject(new Error('the server tells no time'));
      else resolve(time);
    });
    asked.once('timeout', () => asked.destroy(new Error('no answer within 5 s')));
    asked.once('error', reject).end();
  });
}

async function checkLink({ transport, clock }: NetworkCheckOptions): ReturnType<Check['run']> {
  try {
    const socket = await opened(transport);
    const roundTripsMs = await ping(socket, clock);
    socket.close(1000, 'checked');
    return judgeRoundTrip(roundTripsMs, PINGS);
  } catch (error) {
    return {
      state: 'fail',
      detail: (error as Error).message,
      todo: 'refused: check device id and API key with who runs the server; else the lines above say more',
    };
  }
}

/** As long as the phone itself waits on a bad line. */
const CHECK_LIMIT_MS = 8_000;

function opened(transport: Transport): Promise<MessageSocket> {
  return new Promise((resolve, reject) => {
    transport.connect({ opened: ({ socket }) => resolve(socket), failed: reject }, CHECK_LIMIT_MS);
  });
}

function ping(socket: MessageSocket, clock: Clock): Promise<number[]> {
  return new Promise((resolve) => {
    const roundTripsMs: number[] = [];
    let sentMs: number | undefined;
    let sent = 0;
    const listen = {
      text() {},
      binary() {},
      closed: () => finish(),
      activity() {
        if (sentMs !== undefined) roundTripsMs.push(clock.now() - sentMs);
        sentMs = undefined;
      },
    };
    const timer = clock.every(PING_EVERY_MS, () => {
      if (sent++ === PINGS) return finish();
      sentMs = clock.now();
      socket.ping();
    });
    function finish(): void {
      timer.cancel();
      resolve(roundTripsMs);
    }
    socket.listen(listen);
  });
}
