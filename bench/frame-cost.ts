import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { systemClock } from '../common/src/time/clock.ts';
import { systemRandom } from '../common/src/time/random.ts';
import { webSocketAsMessageSocket } from '../common/src/link/message-socket.ts';
import { FRAME_SAMPLES, SequenceExtender, SUBPROTOCOL } from '../protocol/src/index.ts';
import { decorate, decorateHandlers } from '../common/src/link/decorate.ts';
import { loadCodecs } from '../common/src/codec/codecs.ts';
import { CLEAN_LINK } from '../common/src/codec/tuning.ts';
import { tcpFlow } from '../device/src/connection/tcp-flow.ts';
import { Link } from '../device/src/conversation/link.ts';
import { Downlink } from '../device/src/downlink.ts';
import { newFrameCounters } from '../common/src/concealment/frame-counters.ts';
import { silentLog } from '../common/src/system/log.ts';
import { Uplink } from '../device/src/uplink.ts';
import { uplinkLink } from '../test/lib/uplink-link.ts';
import { Arrivals, measured } from './lib/frame-timing.ts';
import type { Cost } from './lib/frame-timing.ts';
import { nativeOpusFile, newNativeOpus, openNativeOpus } from './lib/native-opus.ts';
import { options } from './lib/options.ts';
import { Programs } from './lib/programs.ts';
import { paired, print } from './lib/result.ts';
import { speechFrames } from '../test/lib/speech.ts';

/**
 * A frame's cost through the two straight lines, beside codec and `ws` over TLS alone: this process is the client,
 * the server is another. Frames come and go one at a time, as they do in a call, only more often.
 */

const { rounds, frames, json } = options({ rounds: 15, frames: 300 });
/** As often as a timer can: what is measured is the processor, not the clock. */
const PERIOD_MS = 1;
const FRAMES_PER_ACK = 50;
const GOAL = 1.25;

interface Line {
  run(): Promise<Cost>;
  close(): void;
}

const speech = speechFrames('caller');
const native = openNativeOpus(nativeOpusFile());
const codecs = await loadCodecs(silentLog);
const programs = await Programs.start(1);
try {
  const up = await compare(await uplink(), await floorUplink());
  const down = await compare(await downlink(), await floorDownlink());
  const both = up.map(([ours, floor], round) => [sum(ours, down[round]![0]), sum(floor, down[round]![1])] as const);
  const row = (
    what: string,
    pairs: readonly (readonly [Cost, Cost])[],
    of: keyof Cost,
    goal?: number,
  ): ReturnType<typeof paired> =>
    paired(
      what,
      'us',
      pairs.map(([ours, floor]) => [ours[of], floor[of]]),
      goal,
    );
  print(
    {
      benchmark: 'frame-cost',
      method: `a 20 ms frame of speech, Opus over wss on loopback; median of ${rounds} interleaved rounds of ${frames} frames`,
      rows: [
        row('uplink, CPU', up, 'cpuUs'),
        row('downlink, CPU', down, 'cpuUs'),
        row('both, CPU', both, 'cpuUs', GOAL),
        row('uplink, time in the calls', up, 'inCallUs'),
        row('downlink, time in the calls', down, 'inCallUs'),
      ],
      notes: [
        `uplink: capture() = encode, hold, RTP, send; floor: native encode, send. CPU counts the timer and the kernel's part too`,
        `downlink: check, RTP, jitter queue, ${codecs.describe().replace(/^encode.*?, /, '')}, comfort noise learning; floor: native decode`,
      ],
    },
    json,
  );
} finally {
  programs.stop();
}
process.exit(0);

/** One after the other, and in turns first. */
async function compare(ours: Line, floor: Line): Promise<(readonly [ours: Cost, floor: Cost])[]> {
  const pairs: (readonly [Cost, Cost])[] = [];
  // The first rounds train the compiler.
  for (let round = -2; round < rounds; round++) {
    const before = round % 2 === 0 ? await floor.run() : undefined;
    const pair = [await ours.run(), before ?? (await floor.run())] as const;
    if (round >= 0) pairs.push(pair);
  }
  ours.close();
  floor.close();
  return pairs;
}

function sum(a: Cost, b: Cost): Cost {
  return { cpuUs: a.cpuUs + b.cpuUs, inCallUs: a.inCallUs + b.inCallUs };
}

function paced(send: (frame: Int16Array, index: number) => void): Line['run'] {
  return () =>
    measured(frames, async (timed) => {
      for (let index = 0; index < frames; index++) {
        timed(() => send(speech[index % speech.length]!, index));
        await sleep(PERIOD_MS);
      }
    });
}

async function connect(path: string, subprotocol: boolean): Promise<WebSocket> {
  const socket = new WebSocket(programs.url(path), subprotocol ? [SUBPROTOCOL] : [], {
    ca: readFileSync(join(programs.folder, 'ca.pem')),
    perMessageDeflate: false,
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return socket;
}

async function uplink(): Promise<Line> {
  const socket = await connect('/silent', true);
  let sent = 0;
  const line = new Uplink({
    clock: systemClock,
    encoder: codecs.encoder('opus'),
    bitrate: CLEAN_LINK.bitrate,
    counters: newFrameCounters(),
    ssrc: 1,
    firstSequence: 0,
    firstTimestamp: 0,
    onShed: () => {
      throw new Error('the uplink shed a frame: the machine is too busy to measure on');
    },
  });
  line.link(uplinkLink(webSocketAsMessageSocket(socket, undefined)), -1);
  return {
    run: paced((frame) => {
      line.capture(frame);
      if (++sent % FRAMES_PER_ACK === 0) line.acknowledge(sent - 1);
    }),
    close: () => socket.terminate(),
  };
}

async function floorUplink(): Promise<Line> {
  const socket = await connect('/silent', false);
  const opus = newNativeOpus(native);
  return {
    run: paced((frame) => socket.send(opus.encode(Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)))),
    close: () => socket.terminate(),
  };
}

async function downlink(): Promise<Line> {
  const socket = await connect(`/asked/${PERIOD_MS}`, true);
  const extender = new SequenceExtender();
  const heard = new Int16Array(FRAME_SAMPLES);
  const line = new Downlink({
    decoderFor: (codec) => codecs.decoder(codec),
    random: systemRandom,
    counters: newFrameCounters(),
    prompts: { next: () => undefined },
    onPlayback: () => {},
  });
  line.start('opus');
  const arrivals = new Arrivals(frames);
  const messages = webSocketAsMessageSocket(socket, undefined);
  // Around a message's whole way, so that its checks and its parsing are timed too.
  const timed = decorate(messages, {
    listen: (handlers) =>
      messages.listen(decorateHandlers(handlers, { binary: (data) => arrivals.take(() => handlers.binary(data)) })),
  });
  const link = new Link(
    { socket: timed, framing: 'rtp', flow: tcpFlow },
    {
      clock: systemClock,
      codec: () => 'opus',
      unknownMessage: () => {},
      dead: () => {},
      closed: () => {},
      fault: (error) => {
        throw error;
      },
      message: (message) => {
        if (message.type === 'response.start') line.responseStart(message.id, message.firstSeq);
        if (message.type === 'response.end') line.responseEnd(message.id, message.lastSeq);
      },
      packet: ({ sequence, timestamp, marker, payload }) => {
        line.receive(extender.extend(sequence), timestamp, marker, payload, systemClock.now());
        line.render(heard, systemClock.now());
      },
    },
  );
  return { run: () => arrivals.round(socket), close: () => link.drop() };
}

async function floorDownlink(): Promise<Line> {
  const socket = await connect(`/asked/${PERIOD_MS}`, false);
  const opus = newNativeOpus(native);
  const arrivals = new Arrivals(frames);
  socket.on('message', (packet: Buffer) => arrivals.take(() => opus.decode(packet)));
  return { run: () => arrivals.round(socket), close: () => socket.terminate() };
}
