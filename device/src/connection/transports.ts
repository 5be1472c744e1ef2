import type { Transport } from './transport.ts';
import { checkServerUrl, WebSocketTransport } from './websocket.ts';
import type { WebSocketSettings } from './websocket.ts';

/** The ways to a server, by its URL's scheme. A new one is a file, which implements `Transport`, and a row. */
const TRANSPORTS: Readonly<Record<string, (address: ServerAddress) => Transport>> = {
  'wss:': (address) => new WebSocketTransport(address),
  'ws:': (address) => new WebSocketTransport(address),
};

export type ServerAddress = WebSocketSettings;

/** @throws {ConnectError} bad-answer, for a URL that would send the key or the audio in the clear */
export function transportTo(address: ServerAddress): Transport {
  return TRANSPORTS[checkServerUrl(address.url).protocol]!(address);
}
