import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync } from 'node:fs';
import fc from 'fast-check';
import { cleanText } from '../../../common/src/system/redaction.ts';
import {
  loadRunSettings,
  loadSettings,
  loadWhatHolds,
  settingFlags,
  SettingsError,
} from '../../src/settings/settings.ts';
import type { SettingsSources } from '../../src/settings/settings.ts';
import type { SettingsFault } from '../../../common/src/system/settings-error.ts';
import { defaultSettingsFile } from '../../src/settings/file.ts';
import { flagKey, SETTING_NAMES, SETTINGS } from '../../src/settings/table.ts';
import { TemporaryFolder } from '../../../test/lib/temporary-folder.ts';

const DEVICE_ID = '2f1b6c1e-7a55-4c44-9d0a-1b2c3d4e5f60';
const KEY = 'k-1234567890-abcdef';
const asRoot = process.getuid?.() === 0;

describe('settings', () => {
  let folder: TemporaryFolder;
  let settingsFile: string;
  beforeEach(() => {
    folder = new TemporaryFolder();
    settingsFile = folder.at('settings.json');
  });
  afterEach(() => folder.remove());

  const load = (sources: SettingsSources) => loadSettings({ env: {}, settingsFile, ...sources });
  const run = (sources: SettingsSources) =>
    loadRunSettings({
      settingsFile,
      ...sources,
      env: { BESTDAY_SERVER: 'wss://phone.example', BESTDAY_DEVICE_ID: DEVICE_ID, ...sources.env },
    });
  const store = (values: object): string => folder.write('settings.json', JSON.stringify(values));
  const refused =
    (fault: SettingsFault, ...says: RegExp[]) =>
    (error: unknown): boolean => {
      assert.ok(error instanceof SettingsError);
      assert.equal(error.fault, fault);
      for (const pattern of says) assert.match(error.message, pattern);
      return true;
    };

  it('has defaults for what the phone can guess, and none for what it cannot', async () => {
    const { settings } = await load({});
    assert.deepEqual(
      [
        settings.audio,
        settings.codec,
        settings.language,
        settings.authHeader,
        settings.authScheme,
        settings.deviceHeader,
        settings.logLevel,
      ],
      ['auto', 'opus', 'en', 'Authorization', 'bearer', 'Device-Id', 'info'],
    );
    assert.deepEqual([settings.server, settings.deviceId, settings.apiKeyFile], [undefined, undefined, undefined]);
  });

  it('has no default that its own rule refuses', () => {
    for (const name of SETTING_NAMES) {
      const { kind, default: byDefault } = SETTINGS[name];
      assert.ok(byDefault === undefined || kind.holds(byDefault), name);
    }
  });

  it('gives each setting a flag and a variable of its own', () => {
    assert.equal(new Set(SETTING_NAMES.map((name) => SETTINGS[name].flag)).size, SETTING_NAMES.length);
    assert.equal(new Set(SETTING_NAMES.map((name) => SETTINGS[name].env)).size, SETTING_NAMES.length);
  });

  it('offers no flag or variable for the key itself', () => {
    assert.ok(!settingFlags().some(({ flags }) => /--api-key\s/.test(flags)));
    assert.ok(!SETTING_NAMES.some((name) => SETTINGS[name].env === 'BESTDAY_API_KEY'));
  });

  describe('precedence', () => {
    const flag = { flags: { codec: 'pcm' } };
    const variable = { env: { BESTDAY_CODEC: 'pcm' } };
    const rows: [string, object | undefined, SettingsSources, string, string][] = [
      ['nothing: the default', undefined, {}, 'opus', 'default'],
      ['the file over the default', { codec: 'pcm' }, {}, 'pcm', 'file'],
      ['a variable over the file', { codec: 'opus' }, variable, 'pcm', 'variable'],
      ['a flag over a variable', { codec: 'opus' }, { ...flag, env: { BESTDAY_CODEC: 'opus' } }, 'pcm', 'flag'],
      ['an empty variable is none', { codec: 'pcm' }, { env: { BESTDAY_CODEC: '' } }, 'pcm', 'file'],
    ];
    for (const [what, stored, sources, codec, origin] of rows) {
      it(what, async () => {
        if (stored !== undefined) store(stored);
        const loaded = await load(sources);
        assert.deepEqual([loaded.settings.codec, loaded.origins.codec], [codec, origin]);
      });
    }

    it("a device id from systemd's credential over the file", async () => {
      store({ deviceId: DEVICE_ID });
      const other = DEVICE_ID.replace('2f', '3f');
      folder.write('phone.device-id', `${other}\n`);
      const { settings, origins } = await load({ env: { CREDENTIALS_DIRECTORY: folder.path } });
      assert.deepEqual([settings.deviceId, origins.deviceId], [other, 'credential']);
    });
  });

  describe('what a value may be', () => {
    const good: [string, string, string | number][] = [
      ['server', 'wss://phone.example', 'wss://phone.example'],
      ['server', 'wss://10.0.0.1:8443/v2/talk', 'wss://10.0.0.1:8443/v2/talk'],
      ['server', 'ws://localhost:9000', 'ws://localhost:9000'],
      ['server', 'ws://127.0.0.1:9000', 'ws://127.0.0.1:9000'],
      ['server', 'ws://[::1]:9000', 'ws://[::1]:9000'],
      ['deviceId', DEVICE_ID.toUpperCase(), DEVICE_ID.toUpperCase()],
      ['authHeader', 'X-API-Key', 'X-API-Key'],
      ['bitrate', '24000', 24_000],
      ['duration', '2.5', 2.5],
      ['language', 'de-CH', 'de-CH'],
      ['input', 'speech.wav', 'speech.wav'],
    ];
    for (const [flag, value, expected] of good) {
      it(`${flag} ${value} is taken`, async () => {
        const { settings } = await load({ flags: { [flag]: value } });
        assert.ok(Object.values(settings).includes(expected));
      });
    }

    const bad: [string, string][] = [
      ['server', 'ws://phone.example'],
      ['server', 'ws://127.0.0.1.evil.example'],
      ['server', 'ws://localhost.evil.example'],
      ['server', 'https://phone.example'],
      ['server', 'phone.example'],
      ['server', 'wss://phone.example/?api_key=1'],
      ['server', 'wss://phone.example/#x'],
      ['server', ''],
      ['deviceId', 'kitchen'],
      ['deviceId', `${DEVICE_ID}0`],
      ['authHeader', 'Bad Header'],
      ['authHeader', 'X:\r\nY'],
      ['authScheme', 'basic'],
      ['codec', 'mp3'],
      ['audio', 'pulse'],
      ['bitrate', '7999'],
      ['bitrate', '128001'],
      ['bitrate', '24k'],
      ['bitrate', '24000.5'],
      ['bitrate', '-1'],
      ['duration', '0'],
      ['duration', '1e3'],
      ['duration', 'NaN'],
      ['maxQueueMs', '19'],
      ['maxQueueMs', '60001'],
      ['logLevel', 'loud'],
      ['language', 'english!'],
    ];
    for (const [flag, value] of bad) {
      it(`${flag} '${value.replace(/\s/g, ' ')}' is refused`, async () => {
        const name = SETTING_NAMES.find((each) => flagKey(SETTINGS[each].flag) === flag) ?? '';
        await assert.rejects(
          load({ flags: { [flag]: value } }),
          refused('bad-value', new RegExp(`^${name}: `), /\(from --/, /it must be /),
        );
      });
    }

    it('is refused in a variable, which is named with the value and what is allowed', async () => {
      await assert.rejects(
        load({ env: { BESTDAY_CODEC: 'mp3' } }),
        refused('bad-value', /^codec: "mp3" \(from BESTDAY_CODEC\) is not allowed; it must be one of opus, pcm$/),
      );
    });

    it('never stands in an error with the password of a URL', async () => {
      await assert.rejects(
        load({ flags: { server: 'wss://user:hunter22@phone.example/?k=hunter22' } }),
        (error: unknown) => error instanceof SettingsError && !error.message.includes('hunter22'),
      );
    });

    it('is taken or refused with a SettingsError, whatever it is', async () => {
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...SETTING_NAMES), fc.string({ unit: 'binary' }), async (name, value) => {
          try {
            await load({ flags: { [flagKey(SETTINGS[name].flag)]: value } });
          } catch (error) {
            assert.ok(error instanceof SettingsError);
            assert.ok(error.message.length < 500);
          }
        }),
        { numRuns: 300 },
      );
    });
  });

  describe('the settings file', () => {
    const spoilt: [string, string, SettingsFault][] = [
      ['no JSON', '{"codec": "pcm"', 'bad-file'],
      ['empty', '', 'bad-file'],
      ['a list', '["pcm"]', 'bad-file'],
      ['huge', `{"x":"${'x'.repeat(70_000)}"}`, 'bad-file'],
      ['a value of the wrong type', '{"bitrate":"24000","language":"de"}', 'bad-value'],
      ['a value out of range', '{"bitrate":1,"language":"de"}', 'bad-value'],
      ['an unknown name', '{"color":"red","language":"de"}', 'unknown-setting'],
      ['a setting of one run', '{"durationSeconds":3}', 'unknown-setting'],
      ['a key that is none', '{"apiKey":"short"}', 'bad-value'],
      ['a name that JavaScript knows', '{"constructor":1}', 'unknown-setting'],
    ];
    for (const [what, content, fault] of spoilt) {
      it(`${what} is a problem that is told, and the phone starts without it`, async () => {
        folder.write('settings.json', content);
        const { settings, problems } = await load({ flags: { codec: 'pcm' } });
        assert.deepEqual([settings.codec, settings.bitrate], ['pcm', 32_000]);
        assert.deepEqual(
          problems.map((problem) => problem.fault),
          [fault],
        );
        assert.match(problems[0]?.message ?? '', /settings\.json/);
      });
    }

    it('keeps what holds beside what does not', async () => {
      store({ bitrate: 1, language: 'de' });
      const { settings } = await load({});
      assert.equal(settings.language, 'de');
    });

    it('that is a folder is a problem, not a crash', async () => {
      const { problems } = await load({ settingsFile: folder.path });
      assert.deepEqual(
        problems.map(({ fault }) => fault),
        ['bad-file'],
      );
    });

    it('never quotes itself in a problem, for it may hold the key', async () => {
      folder.write('settings.json', `{"apiKey": "${KEY}", nonsense`);
      const { problems } = await load({});
      assert.ok(problems.every(({ message, cause }) => !message.includes(KEY) && cause === undefined));
    });

    it('costs one value for each that is wrong, wherever it stands, where somebody has to go on', async () => {
      folder.write('settings.json', '{"codec":"mp3","volume":2}');
      const env = { BESTDAY_BOARD: 'pi4', BESTDAY_SERVER: 'http://foo', BESTDAY_LANGUAGE: 'de' };
      const { settings, problems } = await loadWhatHolds({ env, settingsFile });
      assert.deepEqual(problems.map(({ setting }) => setting).sort(), ['board', 'codec', 'server']);
      const { board, server, codec, volume, language } = settings;
      assert.deepEqual([board, server, codec, volume, language], [undefined, undefined, 'opus', 2, 'de']);
    });

    it('is not made by reading', async () => {
      await load({});
      assert.ok(!existsSync(settingsFile));
    });

    for (const [when, content, loads] of [
      ['is none', undefined, false],
      ['is one', '{}', true],
    ] as const) {
      it(`${loads ? 'loads' : 'does not load'} conf, with its 18 ms, when there ${when}`, () => {
        if (content !== undefined) folder.write('settings.json', content);
        const script = `
          import { createRequire } from 'node:module';
          import { loadSettings } from './device/src/settings/settings.ts';
          await loadSettings({ settingsFile: ${JSON.stringify(settingsFile)} });
          console.log(Object.keys(createRequire('/').cache).some((file) => file.includes('/node_modules/ajv/')));`;
        const { stdout } = spawnSync(process.execPath, ['--import=tsx', '--input-type=module', '-e', script], {
          encoding: 'utf8',
        });
        assert.equal(stdout, `${loads}\n`);
      });
    }

    const places: [string, NodeJS.ProcessEnv, RegExp][] = [
      [
        'where BESTDAY_SETTINGS_FILE says',
        { BESTDAY_SETTINGS_FILE: '/a/b.json', STATE_DIRECTORY: '/s' },
        /^\/a\/b\.json$/,
      ],
      [
        "in systemd's state folder",
        { STATE_DIRECTORY: '/var/lib/phone:/var/lib/other' },
        /^\/var\/lib\/phone\/settings\.json$/,
      ],
      ['in XDG_CONFIG_HOME', { XDG_CONFIG_HOME: '/x' }, /^\/x\/bestday-phone\/settings\.json$/],
      ['in ~/.config', {}, /\/\.config\/bestday-phone\/settings\.json$/],
    ];
    for (const [where, env, pattern] of places) {
      it(`lies ${where}`, () => assert.match(defaultSettingsFile(env), pattern));
    }
  });

  describe('what a run needs', () => {
    it('is all there', async () => {
      const { settings, apiKey, ca } = await run({ flags: { apiKeyFile: folder.write('key', `${KEY}\n`) } });
      assert.deepEqual(
        [settings.server, settings.deviceId, apiKey, ca],
        ['wss://phone.example', DEVICE_ID, KEY, undefined],
      );
    });

    it('includes a server', async () => {
      await assert.rejects(
        run({ env: { BESTDAY_SERVER: '' } }),
        refused('missing', /--server URL/, /BESTDAY_SERVER/, /config set server URL/),
      );
    });

    it('includes a device id', async () => {
      await assert.rejects(run({ env: { BESTDAY_DEVICE_ID: '' } }), refused('missing', /--device-id UUID/));
    });

    it('says that a spoilt file is why', async () => {
      folder.write('settings.json', '{');
      await assert.rejects(
        run({ env: { BESTDAY_SERVER: '' } }),
        refused('missing', /settings\.json is not one JSON object/),
      );
    });

    it('includes a certificate that is one', async () => {
      const apiKeyFile = folder.write('key', KEY);
      const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
      assert.equal((await run({ flags: { apiKeyFile, caFile: folder.write('ca.pem', pem) } })).ca, pem);
      await assert.rejects(
        run({ flags: { apiKeyFile, caFile: folder.write('no.pem', 'hello') } }),
        refused('bad-file', /^caFile: .*no PEM certificate/),
      );
      await assert.rejects(
        run({ flags: { apiKeyFile, caFile: folder.at('gone.pem') } }),
        refused('unreadable', /^caFile: there is no .*gone\.pem/),
      );
    });
  });

  describe('the API key', () => {
    it('is known to the redactor before anybody has it', async () => {
      const key = 'never-in-a-log-4711';
      await run({ flags: { apiKeyFile: folder.write('key', key) } });
      assert.equal(cleanText(`bearer ${key}`), 'bearer [redacted]');
    });

    it("comes from systemd's credential, whatever its mode", async () => {
      folder.write('phone.api-key', KEY, 0o444);
      assert.equal((await run({ env: { CREDENTIALS_DIRECTORY: folder.path } })).apiKey, KEY);
    });

    it('comes from the settings file', async () => {
      store({ apiKey: KEY });
      assert.equal((await run({})).apiKey, KEY);
    });

    it('comes from the named file before the credential before the settings file', async () => {
      store({ apiKey: 'from-settings-file' });
      folder.write('phone.api-key', 'from-credential');
      const env = { CREDENTIALS_DIRECTORY: folder.path };
      assert.equal((await run({ env })).apiKey, 'from-credential');
      assert.equal(
        (await run({ env, flags: { apiKeyFile: folder.write('key', 'from-key-file') } })).apiKey,
        'from-key-file',
      );
    });

    it('is missed with words on how to give it', async () => {
      await assert.rejects(run({}), refused('missing', /--api-key-file FILE/, /config set apiKey --stdin/));
    });

    for (const [mode, group] of [
      [0o604, 'others'],
      [0o602, 'others'],
      [0o666, 'everybody'],
    ] as const) {
      it(`is refused from a file of mode ${mode.toString(8)}, which ${group} can reach`, async () => {
        const apiKeyFile = folder.write('key', KEY);
        chmodSync(apiKeyFile, mode);
        await assert.rejects(
          run({ flags: { apiKeyFile } }),
          refused('exposed-key', new RegExp(`mode 0${mode.toString(8)}\\): chmod 600 `)),
        );
      });
    }

    it('is refused from a settings file that others can read', async () => {
      chmodSync(store({ apiKey: KEY }), 0o644);
      await assert.rejects(run({}), refused('exposed-key', /chmod 600 .*settings\.json/));
    });

    it('may be lent by root to a group, and by nobody else', async function () {
      if (!asRoot) return this.skip();
      const apiKeyFile = folder.write('key', KEY);
      chmodSync(apiKeyFile, 0o640);
      assert.equal((await run({ flags: { apiKeyFile } })).apiKey, KEY);
      chownSync(apiKeyFile, 65_534, 65_534);
      await assert.rejects(run({ flags: { apiKeyFile } }), refused('exposed-key'));
    });

    const unusable: [string, string][] = [
      ['is empty', ''],
      ['is too short', 'short'],
      ['holds a line break', 'two-halves\nof-a-key'],
      ['is no text', '\u0000'.repeat(20)],
      ['is too long', 'x'.repeat(600)],
    ];
    for (const [what, content] of unusable) {
      it(`that ${what} is refused without being shown`, async () => {
        const apiKeyFile = folder.write('key', content);
        await assert.rejects(
          run({ flags: { apiKeyFile } }),
          (error: unknown) =>
            refused('bad-value', /8 to 512 visible/)(error) && (content === '' || !String(error).includes(content)),
        );
      });
    }

    it('that was given in place of its file is not shown', async () => {
      await assert.rejects(
        run({ flags: { apiKeyFile: KEY } }),
        (error: unknown) => refused('unreadable', /may be the key itself/)(error) && !String(error).includes(KEY),
      );
    });

    it('is not awaited from a pipe or a device', async () => {
      spawnSync('mkfifo', [folder.at('pipe')]);
      for (const apiKeyFile of [folder.at('pipe'), '/dev/zero', folder.path]) {
        await assert.rejects(
          run({ flags: { apiKeyFile } }),
          refused('unreadable', /^apiKeyFile: .*a plain, short file/),
        );
      }
    });
  });
});
