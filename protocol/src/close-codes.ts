/** WebSocket close codes of the protocol, with what the device does about each. */
export const CloseCode = {
  done: 1000,
  goingAway: 1001,
  abnormal: 1006,
  serviceRestart: 1012,
  tryAgainLater: 1013,
  protocolError: 4400,
  badKey: 4401,
  wrongDevice: 4403,
  conversationExpired: 4404,
  idle: 4408,
  replaced: 4409,
  ended: 4410,
  tooMany: 4429,
  serviceDown: 4503,
} as const;

export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];

/**
 * What a device does after a close:
 * - `resume`  come back to the same conversation, on the reconnect schedule;
 * - `later`   come back, but not before the server's `retryAfterMs` (or the schedule's next wait);
 * - `restart` the conversation is gone: come back with a fresh `hello`;
 * - `stop`    do not come back by itself.
 */
export type AfterClose = 'resume' | 'later' | 'restart' | 'stop';

const AFTER_CLOSE: ReadonlyMap<number, AfterClose> = new Map<number, AfterClose>([
  [CloseCode.goingAway, 'resume'],
  [CloseCode.serviceRestart, 'resume'],
  [CloseCode.tryAgainLater, 'later'],
  [CloseCode.protocolError, 'stop'],
  [CloseCode.badKey, 'stop'],
  [CloseCode.wrongDevice, 'stop'],
  [CloseCode.conversationExpired, 'restart'],
  [CloseCode.idle, 'stop'],
  [CloseCode.replaced, 'stop'],
  [CloseCode.ended, 'stop'],
  [CloseCode.tooMany, 'later'],
  [CloseCode.serviceDown, 'later'],
]);

/**
 * Any code the table does not know (1006 above all) is a broken link: resume. 1000 too, where no `end` came before it:
 * whoever closed so (a proxy, a server that was stopped) did not end the conversation.
 */
export function afterClose(code: number): AfterClose {
  return AFTER_CLOSE.get(code) ?? 'resume';
}
