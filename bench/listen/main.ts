import { Command, InvalidArgumentError, Option } from 'commander';
import { WavWriter } from '../../common/src/audio/wav.ts';
import { loadCodecs } from '../../common/src/codec/codecs.ts';
import { loadPrompts } from '../../device/src/playout/prompt-files.ts';
import { silentLog } from '../../common/src/system/log.ts';
import { FRAME_MS } from '../../protocol/src/index.ts';
import { drawHeard, kindOf } from './picture.ts';
import { listen } from './render.ts';
import type { Heard } from './render.ts';
import { WAYS } from './ways.ts';
import type { Way } from './ways.ts';
import { scenarioOf, SCENARIOS } from '../network/scenarios.ts';
import { checkPictureFile } from '../../test/lib/plot.ts';

/** What the patient would hear in a scenario, as a WAV and a picture; in virtual time, so without root or waiting. */

interface Options {
  readonly scenario: string;
  readonly way: Way;
  readonly seconds: number;
  readonly seed: number;
  readonly output: string;
  readonly picture?: string;
}

const WAY_WORDS: Readonly<Record<Way, string>> = {
  ahead: 'responses over WebSocket, sent ahead',
  live: 'live speech over WebSocket, stale frames shed',
  datagram: 'live speech over a path that loses packets for good',
};

async function main(options: Options): Promise<void> {
  const scenario = scenarioOf(options.scenario);
  if (options.picture !== undefined) checkPictureFile(options.picture);
  const heard = await listen({ ...options, scenario }, await loadCodecs(silentLog), loadPrompts(silentLog, 'en'));
  const wav = new WavWriter(options.output);
  wav.write(heard.samples);
  wav.close();
  const title = `${options.scenario}: ${scenario.about}`;
  const ladder = ladderOf(heard);
  if (options.picture !== undefined)
    await drawHeard(options.picture, title, `${WAY_WORDS[options.way]}; ${ladder}`, heard);
  process.stdout.write(
    `${title}\n  ${WAY_WORDS[options.way]}\n  ${ladder}\n  longest time without the sound that was due: ${longestGapMs(heard)} ms\n`,
  );
}

function ladderOf({
  counters: { sent, shed, received, played, recoveredByFec, concealed, late },
  slots,
}: Heard): string {
  const noise = slots.filter((slot) => kindOf(slot) === 'comfort noise').length;
  const prompt = slots.filter(({ rung }) => rung === 'prompt').length;
  return `frames sent ${sent}, shed ${shed}, received ${received}, played ${played}, by FEC ${recoveredByFec}, concealed ${concealed}, comfort noise ${noise}, prompt ${prompt}, late ${late}`;
}

function longestGapMs({ slots }: Heard): number {
  let [longest, gap] = [0, 0];
  for (const slot of slots) {
    gap = ['concealed', 'comfort noise', 'prompt'].includes(kindOf(slot)) ? gap + 1 : 0;
    longest = Math.max(longest, gap);
  }
  return longest * FRAME_MS;
}

function whole(text: string): number {
  if (!/^\d{1,4}$/.test(text) || Number(text) === 0) throw new InvalidArgumentError('want a whole number over 0.');
  return Number(text);
}

const command = new Command('npm run listen --')
  .description(
    `what the patient would hear\n\n${Object.entries(SCENARIOS)
      .map(([name, { about }]) => `  ${name.padEnd(16)} ${about}`)
      .join('\n')}`,
  )
  .addOption(new Option('--scenario <NAME>', 'which network').choices(Object.keys(SCENARIOS)).makeOptionMandatory())
  .addOption(
    new Option('--way <WAY>', `${WAYS.map((way) => `${way}: ${WAY_WORDS[way]}`).join('; ')}`)
      .choices(WAYS)
      .default('ahead'),
  )
  .option('--seconds <S>', 'how long', whole, 30)
  .option('--seed <N>', 'of losses, jitter and noise', whole, 1)
  .requiredOption('--output <F.wav>', 'where the sound goes')
  .option('--picture <F.png>', 'where the picture goes (.png or .svg)')
  .parse();

main(command.opts<Options>()).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
