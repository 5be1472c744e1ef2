import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where systemd puts what `RuntimeDirectory=bestday-phone` names. */
const SERVICE_FOLDER = '/run/bestday-phone';
const CONTROL = 'control.sock';

/** Where a phone that is started in this environment listens. */
export function ownControlSocket(env: NodeJS.ProcessEnv): string {
  const given = env['RUNTIME_DIRECTORY']?.split(':')[0];
  if (given) return join(given, CONTROL);
  const user = env['XDG_RUNTIME_DIR'];
  return user
    ? join(user, 'bestday-phone', CONTROL)
    : join('/tmp', `bestday-phone-${process.getuid?.() ?? 0}`, CONTROL);
}

/** Where to look for a running phone: the service's, else one's own. */
export function knownControlSocket(env: NodeJS.ProcessEnv): string {
  const service = join(SERVICE_FOLDER, CONTROL);
  return existsSync(service) ? service : ownControlSocket(env);
}

/** The metrics stand beside the control socket. */
export function metricsSocket(controlSocket: string): string {
  return join(controlSocket, '..', 'metrics.sock');
}
