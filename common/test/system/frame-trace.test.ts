import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeMessage, writePacket } from '../../../protocol/src/index.ts';
import type { MessageSocket, MessageSocketHandlers } from '../../src/link/message-socket.ts';
import { FrameTrace } from '../../src/system/frame-trace.ts';

class LoopSocket implements MessageSocket {
  readonly bufferedBytes = 7;
  readonly bytesReceived = 9;
  handlers: MessageSocketHandlers | undefined;
  readonly sent: (string | Uint8Array)[] = [];
  listen(handlers: MessageSocketHandlers): void {
    this.handlers = handlers;
  }
  send(data: string | Uint8Array): void {
    this.sent.push(data);
  }
  ping(): void {}
  close(): void {}
  terminate(): void {}
}

const PACKET = writePacket({
  payloadType: 96,
  marker: false,
  sequence: 41,
  timestamp: 0,
  ssrc: 1,
  payload: new Uint8Array(10),
});

describe('the frame trace', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bestday-trace-'));
    file = join(folder, 'frames');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function traced(
    what: (trace: FrameTrace, socket: MessageSocket, inner: LoopSocket) => void,
  ): Record<string, unknown>[] {
    const trace = new FrameTrace(file);
    const inner = new LoopSocket();
    what(trace, trace.socket(inner), inner);
    trace.close();
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  it('notes what passes a socket, and passes it on', () => {
    const heard: unknown[] = [];
    const lines = traced((_trace, socket, inner) => {
      socket.listen({
        text: (data) => heard.push(data),
        binary: (data) => heard.push(data),
        activity() {},
        closed() {},
      });
      socket.send(PACKET);
      inner.handlers!.binary(PACKET);
      inner.handlers!.text('no json');
      assert.deepEqual(
        [inner.sent, heard, socket.bufferedBytes, socket.bytesReceived],
        [[PACKET], [PACKET, 'no json'], 7, 9],
      );
    });
    assert.deepEqual(
      lines.map(({ at: _at, ...rest }) => rest),
      [
        { event: 'packet-sent', sequence: 41, bytes: 22 },
        { event: 'packet-received', sequence: 41, bytes: 22 },
      ],
    );
  });

  it('notes numbers and names of messages, never words or tokens', () => {
    const lines = traced((_trace, socket) => {
      socket.send(encodeMessage({ type: 'response.start', id: 'a', firstSeq: 5 }));
      socket.send(encodeMessage({ type: 'transcript', role: 'patient', text: 'my secret', final: true }));
      socket.send('{"type":"resumed","conversationId":"c","resumeToken":"my secret","rxSeq":3}');
    });
    assert.doesNotMatch(readFileSync(file, 'utf8'), /secret/);
    assert.deepEqual(
      lines.map(({ at: _at, ...rest }) => rest),
      [
        { event: 'message-sent', type: 'response.start', id: 'a', firstSeq: 5 },
        { event: 'message-sent', type: 'transcript' },
        { event: 'message-sent', type: 'resumed', rxSeq: 3 },
      ],
    );
  });

  it('is on the clock that every process of the machine shares', () => {
    const before = Number(process.hrtime.bigint()) / 1e6;
    const [line] = traced((trace) => trace.note({ event: 'captured', sequence: 1 }));
    const after = Number(process.hrtime.bigint()) / 1e6;
    assert.ok(Number(line!['at']) >= before - 0.01 && Number(line!['at']) <= after);
  });

  it('notes nothing after its end', () => {
    const lines = traced((trace) => {
      trace.close();
      trace.note({ event: 'captured', sequence: 1 });
      trace.close();
    });
    assert.deepEqual(lines, []);
  });
});
