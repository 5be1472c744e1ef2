import assert from 'node:assert/strict';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cleanText } from '../../../common/src/system/redaction.ts';
import { ServerError } from '../../src/system/errors.ts';
import { readServiceKey } from '../../src/pipeline/service-keys.ts';
import { readServiceSettings } from '../../src/pipeline/service-settings.ts';
import { temporaryFolder } from '../support/live-server.ts';

describe('settings of the voice services', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function file(content: unknown, name = 'services.json', mode = 0o600): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
    await chmod(path, mode);
    return path;
  }

  it('are offline where nothing is set', () => {
    const { stt, llm, tts } = readServiceSettings({}, {}, undefined);
    assert.deepEqual([stt, llm, tts], ['offline', 'offline', 'offline']);
  });

  it('come from flags, else variables, else the file', async () => {
    const path = await file({ llmModel: 'from-file', sttModel: 'from-file', ttsModel: 'from-file' });
    const { llmModel, sttModel, ttsModel } = readServiceSettings(
      { llmModel: 'from-flag' },
      { BESTDAY_LLM_MODEL: 'from-variable', BESTDAY_STT_MODEL: 'from-variable' },
      path,
    );
    assert.deepEqual([llmModel, sttModel, ttsModel], ['from-flag', 'from-variable', 'from-file']);
  });

  const bad: readonly (readonly [string, object, NodeJS.ProcessEnv, unknown, RegExp])[] = [
    ['an unknown service', { stt: 'parrot' }, {}, {}, /^--stt must be one of offline/],
    [
      'an address with a key in it',
      {},
      { BESTDAY_LLM_URL: 'https://user:key@host/v1' },
      {},
      /^BESTDAY_LLM_URL must be https/,
    ],
    ['an unknown setting', {}, {}, { lmUrl: 'x' }, /there is no setting 'lmUrl'/],
    ['a file that is no JSON', {}, {}, '{', /must be a JSON object/],
    ['a number for a name', {}, {}, { llmModel: 3 }, /llmModel must be a name/],
  ];
  for (const [name, flags, env, content, message] of bad) {
    it(`refuse ${name}`, async () => {
      const path = await file(content);
      assert.throws(
        () => readServiceSettings({ ...flags }, env, path),
        (error) => error instanceof ServerError && message.test(error.message),
      );
    });
  }

  it('keep a key out of every log line', async () => {
    const path = await file('sk-a-secret-key\n', 'key');
    const settings = readServiceSettings({ llmKeyFile: path }, {}, undefined);
    assert.equal(readServiceKey('llm', settings, {}), 'sk-a-secret-key');
    assert.equal(cleanText('asked with sk-a-secret-key'), 'asked with [redacted]');
  });

  it("take a key from systemd's credentials", async () => {
    await file('a-credential', 'server.tts-key', 0o400);
    assert.equal(
      readServiceKey('tts', readServiceSettings({}, {}, undefined), { CREDENTIALS_DIRECTORY: folder }),
      'a-credential',
    );
  });

  it('refuse a key that others can read, without showing it', async () => {
    const path = await file('sk-a-secret-key', 'key', 0o644);
    const settings = readServiceSettings({ llmKeyFile: path }, {}, undefined);
    assert.throws(
      () => readServiceKey('llm', settings, {}),
      (error) => error instanceof ServerError && /chmod 600/.test(error.message) && !error.message.includes('sk-a'),
    );
  });

  it('do without a key where none is given', () => {
    assert.equal(readServiceKey('llm', readServiceSettings({}, {}, undefined), {}), undefined);
  });
});
