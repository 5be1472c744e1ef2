import type { ServerResponse } from 'node:http';

/** Why a server should be sent no new phones. Those that it has are served as before. */
export type Unreadiness =
  /** It is about to stop. */
  | 'draining'
  /** Conversations cannot be kept for other processes, nor taken from them. */
  | 'store'
  /** Every vendor is left alone after failures; the offline companion answers. */
  | 'services';

/**
 * Life and readiness are two questions: `/healthz` says that the process answers, and one that does not should be
 * restarted; `/readyz` says whether a balancer should send phones here. Both cost nothing, whatever the server does.
 * @returns false for every other path
 */
export function answerHealth(
  path: string,
  response: ServerResponse,
  unreadiness: () => readonly Unreadiness[],
): boolean {
  if (path !== '/healthz' && path !== '/readyz') return false;
  const reasons = path === '/healthz' ? [] : unreadiness();
  const body = path === '/healthz' ? ALIVE : JSON.stringify({ ready: reasons.length === 0, reasons });
  response.writeHead(reasons.length === 0 ? 200 : 503, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
  });
  response.end(`${body}\n`);
  return true;
}

const ALIVE = JSON.stringify({ status: 'ok' });
