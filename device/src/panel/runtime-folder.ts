import { existsSync, lstatSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ControlError } from '../controls/line.ts';

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

/**
 * Where to look for a running phone: the service's, else one's own.
 * @throws {ControlError} refused: somebody else's answer would be taken for the phone's
 */
export function knownControlSocket(env: NodeJS.ProcessEnv): string {
  const service = join(SERVICE_FOLDER, CONTROL);
  if (existsSync(service)) return service;
  const own = ownControlSocket(env);
  if (existsSync(dirname(own))) refuseForeign(dirname(own));
  return own;
}

/**
 * Makes the folder of a socket, or sees that nobody else can put one there: under /tmp a folder of the expected name may
 * be another user's, or a link to one.
 * @throws {ControlError} refused
 */
export function claimFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  refuseForeign(folder);
}

function refuseForeign(folder: string): void {
  const { uid, mode } = lstatSync(folder);
  const isDirectory = (mode & TYPE) === DIRECTORY;
  const isOurs = uid === 0 || uid === (process.geteuid?.() ?? 0);
  if (isDirectory && isOurs && ((mode & OTHERS_WRITE) === 0 || (mode & STICKY) !== 0)) return;
  const what = isDirectory ? `belongs to user ${uid}, mode ${(mode & 0o7777).toString(8)}` : 'is no folder';
  throw new ControlError(
    'refused',
    `${folder} ${what}: another user could answer in the phone's place. Remove it, or set XDG_RUNTIME_DIR`,
  );
}

const TYPE = 0o170000;
const DIRECTORY = 0o040000;
const OTHERS_WRITE = 0o002;
/** Where each may remove only what is their own, as in /tmp itself. */
const STICKY = 0o1000;

/** The metrics stand beside the control socket. */
export function metricsSocket(controlSocket: string): string {
  return join(controlSocket, '..', 'metrics.sock');
}
