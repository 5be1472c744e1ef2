import { readFileSync } from 'node:fs';
import WebSocket from 'ws';
import { newNativeOpus, openNativeOpus } from '../lib/native-opus.ts';

/**
 * The least a phone on Node can cost: native Opus, `ws` over TLS, a timer, and no code of ours. Bundled into one
 * file like the daemon. A frame is encoded and sent every 20 ms; what comes is decoded.
 *
 *     floor.cjs URL CA.pem OPUS.node SPEECH.wav
 */

const [url = '', caFile = '', opusFile = '', speechFile = ''] = process.argv.slice(2);
const WAV_HEADER_BYTES = 44;
const FRAME_BYTES = 640;
const FRAME_MS = 20;

const opus = newNativeOpus(openNativeOpus(opusFile));
const speech = readFileSync(speechFile);
let at = WAV_HEADER_BYTES;

const socket = new WebSocket(url, { ca: readFileSync(caFile), perMessageDeflate: false });

function speak(): void {
  socket.send(opus.encode(speech.subarray(at, at + FRAME_BYTES)));
  at += FRAME_BYTES;
}

socket.on('open', () => {
  let due = performance.now();
  const tick = (): void => {
    due += FRAME_MS;
    setTimeout(tick, Math.max(0, due - performance.now()));
    if (at + FRAME_BYTES <= speech.length) speak();
  };
  tick();
});
socket.on('message', (packet: Buffer) => {
  opus.decode(packet);
});
socket.on('close', () => process.exit(0));
