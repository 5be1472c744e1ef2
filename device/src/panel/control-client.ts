import { connect } from 'node:net';
import { MAX_LINE_BYTES } from './control-protocol.ts';
import type { ControlAnswer, ControlRequest } from './control-protocol.ts';
import { ControlError } from '../controls/line.ts';

const ANSWER_LIMIT_MS = 3_000;

/** Asks a running phone one thing. @throws {ControlError} refused: nobody listens there; broken: no answer came */
export function ask(path: string, request: ControlRequest): Promise<ControlAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = '';
    const fail = (error: ControlError): void => {
      socket.destroy();
      reject(error);
    };
    socket
      .setEncoding('utf8')
      .setTimeout(ANSWER_LIMIT_MS, () =>
        fail(new ControlError('broken', `the phone on ${path} does not answer: systemctl restart bestday-phone`)),
      );
    socket.once('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (!text.includes('\n') && text.length <= MAX_LINE_BYTES) return;
      socket.destroy();
      resolve(JSON.parse(text.slice(0, text.indexOf('\n'))) as ControlAnswer);
    });
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      const why =
        cause.code === 'EACCES' ? 'you may not: try sudo' : 'no phone runs here: systemctl status bestday-phone';
      fail(new ControlError('refused', `${path}: ${cause.code}; ${why}`, { cause }));
    });
    socket.once('close', () => reject(new ControlError('broken', `the phone on ${path} hung up without an answer`)));
  });
}
