import assert from 'node:assert/strict';
import { join } from 'node:path';
import { silentLog } from '../../../../common/src/system/log.ts';
import { dataPath } from '../../../../common/src/system/package-root.ts';
import { systemClock } from '../../../../common/src/time/clock.ts';
import { LLM_VENDORS } from '../../../src/pipeline/llm/vendors.ts';
import { openPipeline } from '../../../src/pipeline/open-pipeline.ts';
import type { Pipeline } from '../../../src/pipeline/ports.ts';
import { readServiceSettings } from '../../../src/pipeline/service-settings.ts';
import { STT_VENDORS } from '../../../src/pipeline/stt/vendors.ts';
import { TTS_VENDORS } from '../../../src/pipeline/tts/vendors.ts';
import { ServerError } from '../../../src/system/errors.ts';

function open(flags: Record<string, string>, key: string | undefined): Promise<Pipeline> {
  return openPipeline({
    clock: systemClock,
    log: silentLog,
    voiceFolder: join(dataPath('server-stub/voices'), 'companion'),
    settings: readServiceSettings({ stt: 'wordless', ...flags }, {}, undefined),
    keyOf: () => key,
    failed() {},
  });
}

describe('the tables of vendors', function () {
  this.timeout(30_000);
  const tables = [
    ['stt', 'speechToText', STT_VENDORS, 'ResilientSpeechToText'],
    ['llm', 'languageModel', LLM_VENDORS, 'ResilientLanguageModel'],
    ['tts', 'textToSpeech', TTS_VENDORS, 'ResilientTextToSpeech'],
  ] as const;
  for (const [flag, stage, table, resilient] of tables) {
    for (const { name, kind } of table) {
      it(`--${flag} ${name} opens, and is made resilient only where it is a service`, async () => {
        const pipeline = await open({ [flag]: name }, 'a-key-of-no-value');
        assert.equal(pipeline[stage].constructor.name === resilient, kind === 'service');
      });
    }
  }

  it('a vendor that needs a key says how to give it', async () => {
    await assert.rejects(
      open({ tts: 'elevenlabs' }, undefined),
      (error) => error instanceof ServerError && /--elevenlabs-key-file/.test(error.message),
    );
  });
});
