import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SystemdContainer } from './lib/systemd-container.ts';

/** Users of this test, as the two services' dynamic ones: neither is in any file. */
const SOUND_USER = 61_871;
const PHONE_USER = 61_872;
const STRANGER = 61_873;
const RUNTIME_FOLDER = '/run/bestday-phone-sound';
const PROGRAMS = ['pulseaudio', 'pactl', 'arecord', 'aplay', 'setpriv'];

function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can run two users';
  const missing = PROGRAMS.filter((program) => spawnSync('which', [program]).status !== 0);
  return missing.length === 0
    ? undefined
    : `${missing.join(', ')} missing: apt install pulseaudio pulseaudio-utils alsa-utils`;
}

/** The sound service as its unit says, run by hand: its user, its group, its folder, its environment, its command. */
class SoundService {
  readonly folder = mkdtempSync(join(tmpdir(), 'bestday-speakerphone-'));
  readonly #unit = readFileSync('systemd/bestday-phone-sound.service', 'utf8');
  readonly #process: ChildProcess;
  readonly #groups: number[] = [];
  #said = '';

  constructor() {
    chmodSync(this.folder, 0o755);
    const runtime = join(this.folder, 'run');
    mkdirSync(runtime);
    const group = groupId(this.#line('Group') ?? String(SOUND_USER));
    chownSync(runtime, SOUND_USER, group);
    chmodSync(runtime, Number.parseInt(this.#line('RuntimeDirectoryMode')!, 8));
    this.plug();
    const board = this.#copyBoard();
    const environment = Object.fromEntries(
      this.#here(this.#line('Environment')!)
        .split(' ')
        .map((each) => each.split('=')),
    );
    const [file, ...args] = this.#here(this.#line('ExecStart')!)
      .replace(/\S*\$\{BESTDAY_BOARD\}/, board)
      .split(' ');
    this.#process = spawn(
      'setpriv',
      [
        `--reuid=${SOUND_USER}`,
        `--regid=${group}`,
        `--groups=${groupId('audio')}`,
        'sh',
        '-c',
        'umask 0000; exec "$@"',
        'sh',
        file!,
        ...args,
      ],
      {
        env: { PATH: process.env['PATH'], BESTDAY_CARDS: join(this.folder, 'cards'), ...environment },
        stdio: ['ignore', 'ignore', 'pipe'],
        detached: true,
      },
    );
    this.#groups.push(this.#process.pid!);
    this.#keepAlive('card_out');
    this.#keepAlive('mic');
    this.#process.stderr!.on(
      'data',
      (text: Buffer) => (this.#said = (this.#said + text.toString('utf8')).slice(-4_000)),
    );
  }

  /** Without a client that asks for low latency a null sink works in blocks of two seconds. */
  #keepAlive(sink: string): void {
    const client = `pacat -p --raw --rate=16000 --channels=1 --latency-msec=10 -d ${sink} </dev/zero`;
    const loop = spawn('sh', ['-c', `while :; do ${client}; sleep 0.2; done`], {
      env: this.#clientEnv(),
      stdio: 'ignore',
      detached: true,
    });
    this.#groups.push(loop.pid!);
  }

  get exitCode(): number | null {
    return this.#process.exitCode;
  }

  /** The kernel shows a card. */
  plug(): void {
    mkdirSync(join(this.folder, 'cards/card0'), { recursive: true });
    writeFileSync(join(this.folder, 'cards/card0/id'), 'phone\n');
  }

  /** The card goes, and with it what PulseAudio made of it. */
  unplug(): void {
    rmSync(join(this.folder, 'cards/card0'), { recursive: true });
    const modules = this.#pactl('list', 'short', 'modules').split('\n');
    for (const line of modules.filter((each) => each.includes('card_out') && each.includes('null-sink')))
      this.#pactl('unload-module', line.split('\t')[0]!);
  }

  /** Records, or plays, for a moment as another user would through ALSA. @returns standard error; empty: it worked */
  use(user: number, program: 'arecord' | 'aplay', groups = String(groupId('audio'))): string {
    const device = program === 'arecord' ? 'phone_in' : 'phone_out';
    const args = ['-q', '-D', device, '-t', 'raw', '-f', 'S16_LE', '-r', '16000', '-c', '1'];
    const membership = groups === '' ? '--clear-groups' : `--groups=${groups}`;
    const { status, stderr, stdout } = spawnSync(
      'setpriv',
      [
        `--reuid=${user}`,
        `--regid=${user}`,
        membership,
        program,
        ...args,
        ...(program === 'arecord' ? ['-s', '3200'] : []),
        '-',
      ],
      {
        env: { PATH: process.env['PATH'], ALSA_CONFIG_PATH: join(this.folder, 'asound.conf'), HOME: '/' },
        timeout: 10_000,
        input: program === 'aplay' ? Buffer.alloc(6_400) : '',
      },
    );
    if (status === 0 && (program === 'aplay' || stdout.length >= 6_400)) return '';
    return `${program}: ${status} ${stderr.toString('utf8')}`;
  }

  async until(what: string, holds: () => boolean, limitMs = 15_000): Promise<void> {
    const endMs = performance.now() + limitMs;
    while (!holds()) {
      if (performance.now() > endMs) throw new Error(`${what}: not within ${limitMs} ms\n${this.#said}`);
      await sleep(200);
    }
  }

  hasSinks(): boolean {
    return this.#pactl('list', 'short', 'sinks').includes('phone_out');
  }

  stop(): void {
    for (const group of this.#groups) {
      try {
        process.kill(-group, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  #pactl(...args: string[]): string {
    return spawnSync('pactl', args, { env: this.#clientEnv(), encoding: 'utf8' }).stdout;
  }

  #clientEnv(): NodeJS.ProcessEnv {
    const server = `unix:${join(this.folder, 'run/pulse.sock')}`;
    return { PATH: process.env['PATH'], LC_ALL: 'C', HOME: this.folder, PULSE_SERVER: server };
  }

  /** The board's own files. */
  #copyBoard(): string {
    const { echo, asound } = boardFiles();
    mkdirSync(join(this.folder, 'board'));
    writeFileSync(join(this.folder, 'board/echo.pa'), this.#here(echo));
    writeFileSync(join(this.folder, 'asound.conf'), this.#here(asound));
    return join(this.folder, 'board');
  }

  #here(text: string): string {
    return text
      .replaceAll(RUNTIME_FOLDER, join(this.folder, 'run'))
      .replaceAll('/usr/lib/bestday-phone/bin/sound-server', resolve('systemd/sound-server.sh'));
  }

  #line(name: string): string | undefined {
    return new RegExp(`^${name}=(.*)$`, 'm').exec(this.#unit)?.[1];
  }
}

/** A speakerphone's own files, with null sinks in the place of its card. */
function boardFiles(): { readonly echo: string; readonly asound: string } {
  const files = readdirSync('hardware', { recursive: true, encoding: 'utf8' });
  const home = join('hardware', dirname(files.find((file) => basename(file) === 'echo.pa')!));
  const echo = readFileSync(join(home, 'echo.pa'), 'utf8')
    .replace(
      /^load-module module-alsa-sink .*$/m,
      '# hw:CARD=phone\nload-module module-null-sink sink_name=card_out rate=48000',
    )
    .replace(
      /^load-module module-alsa-source .*$/m,
      'load-module module-null-sink sink_name=mic\nload-module module-remap-source master=mic.monitor source_name=card_in',
    );
  return { echo, asound: readFileSync(join(home, 'asound.conf'), 'utf8') };
}

function groupId(name: string): number {
  return /^\d+$/.test(name)
    ? Number(name)
    : Number(spawnSync('getent', ['group', name], { encoding: 'utf8' }).stdout.split(':')[2]);
}

describe("a speakerphone's sound, with two users and a real sound server", function speakerphone() {
  this.timeout(60_000);
  this.slow(20_000);
  let service: SoundService;

  before(function start() {
    const why = obstacle();
    if (why === undefined) return;
    console.log(`      SKIPPED: ${why}`);
    this.skip();
  });
  beforeEach(async () => {
    service = new SoundService();
    await service.until('the sound server is up', () => service.hasSinks());
  });
  afterEach(() => service?.stop());

  const bothWays = (): boolean => service.use(PHONE_USER, 'arecord') === '' && service.use(PHONE_USER, 'aplay') === '';

  it("is reached by the phone's own user, both ways, and by nobody outside of the group", () => {
    assert.equal(service.use(PHONE_USER, 'arecord'), '');
    assert.equal(service.use(PHONE_USER, 'aplay'), '');
    assert.notEqual(service.use(STRANGER, 'arecord', ''), '');
  });

  it('is there again after the card was unplugged and plugged in, twice, canceller included', async () => {
    for (let time = 0; time < 2; time++) {
      service.unplug();
      await service.until('the server has ended', () => !service.hasSinks());
      assert.notEqual(service.use(PHONE_USER, 'arecord'), '');
      service.plug();
      await service.until('the phone has sound again', bothWays);
    }
    assert.equal(service.exitCode, null);
  });
});

describe("a speakerphone's sound under a real systemd", function underSystemd() {
  this.timeout(90_000);
  this.slow(60_000);
  let container: SystemdContainer;

  before(async function boot() {
    const why = SystemdContainer.obstacle() ?? obstacle();
    if (why !== undefined) {
      console.log(`      SKIPPED: ${why}`);
      this.skip();
    }
    const { echo, asound } = boardFiles();
    container = await SystemdContainer.boot({
      bare: true,
      files: {
        '/staged/service': readFileSync('systemd/bestday-phone-sound.service'),
        '/staged/server': readFileSync('systemd/sound-server.sh'),
        // No kernel shows a card in a container: the server does not wait for one.
        '/staged/echo.pa': echo.replace('# hw:CARD=phone\n', ''),
        '/staged/asound.conf': asound,
        '/staged/default': 'BESTDAY_BOARD=speakerphone\n',
      },
    });
    const home = '/usr/lib/bestday-phone';
    const put = (mode: string, from: string, to: string): string =>
      container.run('install', '-D', '-m', mode, `/staged/${from}`, to);
    put('644', 'service', '/etc/systemd/system/bestday-phone-sound.service');
    put('755', 'server', `${home}/bin/sound-server`);
    put('644', 'echo.pa', `${home}/hardware/profiles/speakerphone/echo.pa`);
    put('644', 'asound.conf', `${home}/hardware/profiles/speakerphone/asound.conf`);
    put('644', 'default', '/etc/default/bestday-phone');
    container.run('systemctl', 'daemon-reload');
    container.run('systemctl', 'start', 'bestday-phone-sound.service');
  });
  after(() => container?.stop());

  /** As the phone's unit: a dynamic user of its own, in the group audio. */
  const phoneRecords = (): boolean => {
    try {
      const program = 'arecord -q -D phone_in -t raw -f S16_LE -r 16000 -c 1 -s 3200 - | wc -c';
      const properties = ['DynamicUser=yes', 'User=bestday-phone', 'SupplementaryGroups=audio', 'PrivateUsers=yes'];
      const environment =
        'Environment=ALSA_CONFIG_PATH=/usr/lib/bestday-phone/hardware/profiles/speakerphone/asound.conf';
      const flags = [...properties, environment].flatMap((each) => ['-p', each]);
      return container.run('systemd-run', '--pipe', '--wait', '--quiet', ...flags, 'sh', '-c', program) === '6400';
    } catch {
      return false;
    }
  };

  it("gives the phone's user sound, and again after its modules have gone", async () => {
    await container.until('the phone records', phoneRecords, 20_000);
    assert.equal(container.run('stat', '-c', '%a %G', RUNTIME_FOLDER), '750 audio');
    // Two modules of one name: the server may end between them.
    const unload = `pactl -s unix:${RUNTIME_FOLDER}/pulse.sock unload-module module-null-sink || true`;
    container.run('sh', '-c', unload);
    await container.until('the phone records again', phoneRecords, 20_000);
    assert.equal(container.show('NRestarts', 'bestday-phone-sound.service'), '0');
  });
});
