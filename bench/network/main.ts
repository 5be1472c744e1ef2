import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { holdConversation } from './conversation.ts';
import { missingForNetwork } from '../../test/lib/network/namespaces.ts';
import type { CongestionControl } from '../../test/lib/network/namespaces.ts';
import { drawConversation } from './picture.ts';
import { printReport, reportOf } from './report.ts';
import { scenarioOf, SCENARIOS } from './scenarios.ts';
import { checkPictureFile } from '../../test/lib/plot.ts';
import { ROOT } from '../../scripts/programs.ts';

/** The real phone and the real server in conversation over a network that loses, delays, stalls or is narrow. */

interface Options {
  readonly scenario: string;
  readonly seconds: number;
  readonly seed: number;
  readonly congestion: CongestionControl;
  readonly report?: string;
  readonly picture?: string;
  readonly out?: string;
}

const Exit = { ok: 0, failed: 1, machineLacks: 3 } as const;

async function main(options: Options): Promise<number> {
  const missing = missingForNetwork();
  if (missing !== undefined) {
    process.stderr.write(
      `${missing}\n(npm run listen needs none of this: the same scenarios as models, in virtual time)\n`,
    );
    return Exit.machineLacks;
  }
  const scenario = scenarioOf(options.scenario);
  if (options.picture !== undefined) checkPictureFile(options.picture);
  const folder = options.out ?? join(ROOT, 'out/network', options.scenario);
  process.stderr.write(
    `${options.scenario}: ${options.seconds} s of conversation; logs, traces and what was heard: ${folder}\n`,
  );
  const held = await holdConversation({
    scenario,
    seconds: options.seconds,
    seed: options.seed,
    congestionControl: options.congestion,
    folder,
  });
  const report = reportOf(options.scenario, scenario, options.seed, held);
  printReport(report, process.stdout);
  if (options.report !== undefined) writeFileSync(options.report, `${JSON.stringify(report, undefined, 2)}\n`);
  if (options.picture !== undefined) await drawConversation(options.picture, report, held);
  return Exit.ok;
}

function whole(text: string): number {
  if (!/^\d{1,6}$/.test(text) || Number(text) === 0) throw new InvalidArgumentError('want a whole number over 0.');
  return Number(text);
}

const command = new Command('npm run network --')
  .description(
    `a conversation between the real programs over an emulated network\n\n${Object.entries(SCENARIOS)
      .map(([name, { about }]) => `  ${name.padEnd(16)} ${about}`)
      .join('\n')}`,
  )
  .addOption(new Option('--scenario <NAME>', 'which network').choices(Object.keys(SCENARIOS)).makeOptionMandatory())
  .option('--seconds <S>', 'how long', whole, 60)
  .option('--seed <N>', 'of losses and jitter', whole, 1)
  .addOption(
    new Option('--congestion <NAME>', 'TCP congestion control on both ends')
      .choices(['cubic', 'bbr', 'reno'])
      .default('cubic'),
  )
  .option('--report <R.json>', 'write the figures as JSON')
  .option('--picture <F.png>', 'draw the conversation (.png or .svg)')
  .option('--out <DIR>', 'where logs, traces and the heard sound go')
  .parse();

main(command.opts<Options>()).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(Exit.failed);
  },
);
