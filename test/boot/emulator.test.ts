import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GpioWires } from './emulator/gpio.ts';
import { GuestShell, visitParts } from './emulator/guest-shell.ts';
import { LineSocket } from './emulator/line-socket.ts';
import { Qmp } from './emulator/qmp.ts';

/** The emulator's ports, played by sockets: what is asked, and what is made of the answers. */
describe('the driver of the emulator', () => {
  let folder: string;
  let server: Server | undefined;
  let socket: LineSocket | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bestday-emulator-'));
  });
  afterEach(() => {
    socket?.close();
    server?.close();
    rmSync(folder, { recursive: true });
  });

  /** @param answer to each line that comes, as lines; the first are said unasked */
  async function play(greeting: readonly string[], answer: (line: string) => readonly string[]): Promise<LineSocket> {
    const path = join(folder, 'port');
    server = createServer((client: Socket) => {
      const say = (lines: readonly string[]): void => {
        for (const line of lines) client.write(`${line}\n`);
      };
      say(greeting);
      client.setEncoding('utf8').on('data', (text: string) =>
        text
          .trim()
          .split('\n')
          .forEach((line) => say(answer(line))),
      );
    });
    await new Promise<void>((resolve) => server!.listen(path, resolve));
    socket = await LineSocket.connect(path, 1_000);
    return socket;
  }

  const qmp = async (answers: Readonly<Record<string, readonly object[]>>): Promise<Qmp> =>
    Qmp.open(
      await play(['{"QMP":{}}'], (line) =>
        (answers[(JSON.parse(line) as { execute: string }).execute] ?? [{ return: {} }]).map((each) =>
          JSON.stringify(each),
        ),
      ),
    );

  it('passes over events that come before an answer', async () => {
    const control = await qmp({ 'query-status': [{ event: 'RESUME' }, { return: { running: true } }] });
    assert.deepEqual(await control.execute('query-status'), { running: true });
  });

  it("gives QEMU's own words when it refuses", async () => {
    const control = await qmp({ set_link: [{ error: { desc: "Device 'x' not found" } }] });
    await assert.rejects(control.execute('set_link'), /set_link: Device 'x' not found/);
  });

  it('takes what the human monitor prints for a failure', async () => {
    const control = await qmp({ 'human-monitor-command': [{ return: 'Error: no snapshot\r\n' }] });
    await assert.rejects(control.restore('ready'), /loadvm ready: Error: no snapshot/);
  });

  it('gives up on a port that says nothing, and on one that nobody serves', async () => {
    const silent = await play([], () => []);
    await assert.rejects(silent.next(50), /said nothing for 50 ms/);
    await assert.rejects(LineSocket.connect(join(folder, 'nobody'), 50), /nobody listens/);
  });

  it('says at once when the emulator ends', async () => {
    const port = await play(['hello'], () => []);
    assert.equal(await port.next(1_000), 'hello');
    const waiting = port.next(5_000);
    port.close();
    await assert.rejects(waiting, /closed/);
  });

  it('moves a wire of the chip that it found, and looks at one', async () => {
    const said: string[] = [];
    const control = {
      children: async () => [
        { name: 'device[1]', type: 'child<pl011>' },
        { name: 'device[5]', type: 'child<pl061>' },
      ],
    } as unknown as Qmp;
    const wires = await GpioWires.find(
      control,
      await play([], (line) => {
        said.push(line);
        return [line.startsWith('readl') ? 'OK 0x0000000000000040' : 'OK'];
      }),
    );
    await wires.set(7, true);
    await wires.set(7, false);
    assert.equal(await wires.isHigh(6), true);
    assert.deepEqual(said, [
      'set_irq_in /machine/unattached/device[5] unnamed-gpio-in 7 1',
      'set_irq_in /machine/unattached/device[5] unnamed-gpio-in 7 0',
      'readl 0x9030100',
    ]);
  });

  it('takes the answer to its own question only', async () => {
    const encoded = (text: string): string => Buffer.from(text).toString('base64');
    const shell = new GuestShell(
      await play(['0 = 0', `7 ${encoded('of an older one')} 0`], (line) => [
        `${line.split(' ')[0]} ${encoded('yes\n')} 3`,
      ]),
    );
    assert.deepEqual(await shell.ask('true'), { status: 3, output: 'yes' });
    await assert.rejects(shell.run('false'), /`false` ended with 3: yes/);
  });

  it("brings its files and units as credentials, and stays below what a kernel's command line holds", () => {
    const { credentials, kernelArguments } = visitParts({
      files: { 'ca.pem': 'PEM' },
      dropIns: { 'a.service': '[Service]\n' },
    });
    assert.match(credentials['tmpfiles.extra']!, /^f\+~ \/run\/bestday-test\/ca\.pem 0755 root root - UEVN$/m);
    assert.ok(
      kernelArguments.includes(
        `systemd.set_credential_binary=systemd.unit-dropin.a.service:${Buffer.from('[Service]\n').toString('base64')}`,
      ),
    );
    assert.ok(kernelArguments.join(' ').length < 1_500);
  });
});
