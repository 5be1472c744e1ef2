import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../../common/src/time/clock.ts';
import type { TimelineEntry } from '../conversation/timeline.ts';
import type { Watchable } from '../conversation/timelines.ts';

/** `/v1/conversations/{id}/events` */
export function conversationOfEvents(path: string): string | undefined {
  return /^\/v1\/conversations\/([\w-]{1,200})\/events$/.exec(path)?.[1];
}

/**
 * A conversation's timeline as server-sent events (WHATWG HTML §9.2), from the event after `Last-Event-ID` on, until the
 * conversation ends or the client goes.
 */
export function streamEvents(
  request: IncomingMessage,
  response: ServerResponse,
  timeline: Watchable,
  clock: Clock,
): void {
  // It left while the conversation was looked for: its 'close' has been, and nothing would ever stop what begins here.
  if (response.destroyed || request.socket.destroyed) return;
  response.writeHead(200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
  });
  response.write(`retry: ${RECONNECT_MS}\n\n`);
  // Comments keep proxies from closing a quiet connection.
  const beat = clock.every(BEAT_MS, () => response.write(': \n\n'));
  const listening = timeline.listen(lastEventId(request), (entry) => {
    if (response.writableLength > MAX_BACKLOG_BYTES) return void response.destroy();
    response.write(eventOf(entry));
    if (entry.event.type === 'end') response.end();
  });
  response.on('close', () => {
    beat.cancel();
    listening.stop();
  });
}

const RECONNECT_MS = 2_000;
const BEAT_MS = 15_000;
/** A client that reads nothing is let go; it can come back with `Last-Event-ID`. */
const MAX_BACKLOG_BYTES = 256 * 1024;

function eventOf({ number, at, event: { type, ...fields } }: TimelineEntry): string {
  // The process in which it goes on counts from 1 again.
  const id = 'reason' in fields && fields.reason === 'elsewhere' ? 0 : number;
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify({ at, ...fields })}\n\n`;
}

function lastEventId(request: IncomingMessage): number {
  const header = request.headers['last-event-id'];
  return typeof header === 'string' && /^\d{1,9}$/.test(header) ? Number(header) : 0;
}
