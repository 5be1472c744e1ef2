import assert from 'node:assert/strict';
import { seededRandom } from '../../common/src/time/random.ts';
import { VirtualClock } from '../../common/src/time/virtual-clock.ts';
import { SimulatedNetwork } from './network.ts';
import type { Admission } from './network.ts';
import type { Endpoint } from './wire.ts';

describe('the simulated network', () => {
  it('takes three round trips to connect, then delivers in order, later than the latency', () => {
    const { clock, connect, heard, phone, server } = rig();
    connect();
    clock.advance(299);
    assert.equal(phone.length, 0);
    clock.advance(100);
    for (let number = 0; number < 100; number++) phone[0]!.send(`message ${number}`);
    clock.advance(49);
    assert.deepEqual(heard(server[0]!), []);
    clock.advance(200);
    assert.deepEqual(
      heard(server[0]!),
      Array.from({ length: 100 }, (_, number) => `message ${number}`),
    );
  });

  it('keeps everything over an outage, and counts what waits', () => {
    const { clock, connect, heard, network, phone, server } = rig({ kernelBytes: 1_000 });
    connect();
    clock.advance(400);
    network.block('up');
    for (let number = 0; number < 20; number++) phone[0]!.send('x'.repeat(100));
    clock.advance(5_000);
    assert.deepEqual(heard(server[0]!), []);
    assert.equal(phone[0]!.bufferedBytes, 20 * 160 - 1_000);
    network.unblock('up');
    clock.advance(6_000);
    assert.equal(heard(server[0]!).length, 20);
    assert.equal(phone[0]!.bufferedBytes, 0);
  });

  it('tells neither end of a half-open connection', () => {
    const { clock, connect, heard, network, phone, server } = rig();
    connect();
    clock.advance(400);
    network.newest!.sever('both');
    phone[0]!.send('into the void');
    phone[0]!.terminate();
    clock.advance(120_000);
    assert.deepEqual(heard(server[0]!), []);
    assert.deepEqual([phone[0]!.open, server[0]!.open], [false, true]);
  });

  it('lets one way go on for a window when the other is cut', () => {
    const { clock, connect, heard, network, phone, server } = rig();
    connect();
    clock.advance(400);
    network.newest!.sever('up');
    for (let number = 0; number < 2_000; number++) server[0]!.send('x'.repeat(40));
    clock.advance(60_000);
    const { length } = heard(phone[0]!);
    assert.ok(length > 600 && length < 700, String(length));
  });

  it('closes with the code, after what was said before', () => {
    const { clock, connect, heard, phone, server } = rig();
    connect();
    clock.advance(400);
    phone[0]!.send('good-bye');
    phone[0]!.close(1000, 'done');
    clock.advance(1_000);
    assert.deepEqual(heard(server[0]!), ['good-bye', 'closed 1000']);
    assert.deepEqual(heard(phone[0]!), ['closed 1000']);
    assert.equal(clock.pending, 0);
  });

  it('a reset reaches whom it says, with 1006', () => {
    const { clock, connect, heard, network, phone, server } = rig();
    connect();
    clock.advance(400);
    network.newest!.reset('server');
    clock.advance(1_000);
    assert.deepEqual([heard(server[0]!), heard(phone[0]!)], [['closed 1006'], []]);
  });

  it('a request held up on its way arrives after that of a newer attempt', () => {
    const { clock, connect, network, phone, server } = rig();
    network.slowRequests(3_000);
    const old = connect();
    clock.advance(1_000);
    network.slowRequests(0);
    old.cancel();
    connect();
    clock.advance(1_000);
    assert.deepEqual([phone.length, server.map((socket) => socket.wire.id)], [1, [1]]);
    clock.advance(3_000);
    assert.deepEqual(
      server.map((socket) => [socket.wire.id, socket.open]),
      [
        [1, true],
        [0, false],
      ],
    );
  });

  const refusals: readonly (readonly [Admission, string])[] = [
    [{ type: 'refuse' }, 'unreachable undefined'],
    [{ type: 'busy', retryAfterMs: 4_000 }, 'busy 4000'],
    [{ type: 'forbid' }, 'refused undefined'],
    [{ type: 'hang' }, 'nothing'],
  ];
  for (const [admission, expected] of refusals) {
    it(`a server that would ${admission.type} answers so`, () => {
      const { clock, connect, failures } = rig({ admission });
      connect();
      clock.advance(60_000);
      assert.equal(failures[0] ?? 'nothing', expected);
    });
  }
});

function rig({
  admission = { type: 'accept' },
  kernelBytes = 100_000,
}: { admission?: Admission; kernelBytes?: number } = {}) {
  const clock = new VirtualClock();
  const heardBy = new Map<Endpoint, string[]>();
  const phone: Endpoint[] = [];
  const server: Endpoint[] = [];
  const failures: string[] = [];
  const listen = (socket: Endpoint): void => {
    const heard: string[] = [];
    heardBy.set(socket, heard);
    socket.listen({
      text: (data) => heard.push(data),
      binary: () => {},
      activity: () => {},
      closed: (code) => heard.push(`closed ${code}`),
    });
  };
  const network = new SimulatedNetwork({
    clock,
    random: seededRandom(1),
    deviceId: 'phone',
    kernelBytes,
    witness: {},
    path: { latencyMs: 50, jitterMs: 10, bytesPerSecond: 200_000 },
    host: {
      admission: () => admission,
      accept: (socket) => {
        server.push(socket);
        listen(socket);
      },
    },
  });
  const connect = () =>
    network.connect({
      opened: ({ socket }) => {
        phone.push(socket as Endpoint);
        listen(socket as Endpoint);
      },
      failed: ({ fault, retryAfterMs }) => failures.push(`${fault} ${retryAfterMs}`),
    });
  return { clock, network, connect, phone, server, failures, heard: (socket: Endpoint) => heardBy.get(socket)! };
}
