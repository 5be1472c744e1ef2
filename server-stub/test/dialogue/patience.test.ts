import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { FRAME_MS } from '../../../protocol/src/index.ts';
import { FileRegistry } from '../../src/cluster/file-registry.ts';
import { temporaryFolder } from '../support/live-server.ts';
import { DEVICE_ID } from '../support/phone.ts';
import { SILENCE, VOICE, world } from '../support/world.ts';

/** ms; the patient stops for that long in the middle of what they say. */
const PAUSE_MS = 1_500;

describe("a patient's own patience", () => {
  let folder: string;
  before(async () => {
    folder = await temporaryFolder();
  });
  after(() => rm(folder, { recursive: true }));

  const rows: readonly {
    readonly patienceMs: number;
    readonly what: string;
    readonly turns: number;
    readonly answeredAfterMs: number;
  }[] = [
    { patienceMs: 2_000, what: 'is not cut off by a pause of 1.5 s', turns: 1, answeredAfterMs: 2_000 },
    { patienceMs: 800, what: 'is answered in it', turns: 2, answeredAfterMs: 800 },
  ];
  for (const { patienceMs, what, turns, answeredAfterMs } of rows) {
    it(`of ${patienceMs} ms, as \`device set\` keeps it: the patient ${what}`, async () => {
      const technician = new FileRegistry(folder);
      const { key } = await technician.add(DEVICE_ID);
      await technician.set(DEVICE_ID, { patienceMs });
      const registry = new FileRegistry(folder);
      assert.equal(await registry.admit(DEVICE_ID, key), 'admitted');

      const here = world({
        core: { patienceOf: (id) => registry.settingsOf(id).patienceMs },
        script: { greetingMs: 200, answerMs: 200 },
      });
      const phone = here.connect();
      phone.hello();
      await here.speak(phone, SILENCE, 1_000 / FRAME_MS);
      await here.speak(phone, VOICE, 800 / FRAME_MS);
      await here.speak(phone, SILENCE, PAUSE_MS / FRAME_MS);
      await here.speak(phone, VOICE, 800 / FRAME_MS);
      await here.speak(phone, SILENCE, (patienceMs + 400) / FRAME_MS);
      assert.equal(here.script.requests.filter(({ occasion }) => occasion === 'answer').length, turns);
      assert.deepEqual(
        phone.all('timing').map(({ turnDetectedMs }) => turnDetectedMs),
        Array.from({ length: turns }, () => answeredAfterMs),
      );
    });
  }
});
