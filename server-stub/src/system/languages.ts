import { ServerError } from './errors.ts';

/**
 * @param tag BCP 47, in any case
 * @returns its canonical form
 * @throws {ServerError} bad-option, where it is no tag or of a language that no service here understands
 */
export function checkedLanguage(tag: string): string {
  const canonical = canonicalTag(tag);
  if (canonical === undefined)
    throw new ServerError(
      'bad-option',
      `--language: '${tag}' is no language tag (BCP 47); want one such as en or pt-BR`,
    );
  if (UNDERSTOOD.has(canonical.split('-', 1)[0]!)) return canonical;
  throw new ServerError(
    'bad-option',
    `--language: no speech-to-text understands '${canonical}'; want one of ${[...UNDERSTOOD].join(', ')}, with or without a region`,
  );
}

function canonicalTag(tag: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(tag)[0];
  } catch {
    return undefined;
  }
}

/**
 * ISO 639 codes as `Intl` writes them: the languages that OpenAI lists for its speech-to-text and text-to-speech
 * (https://platform.openai.com/docs/guides/speech-to-text#supported-languages). Those of ElevenLabs' Flash v2.5 are among
 * them (https://elevenlabs.io/docs/overview/models).
 */
const UNDERSTOOD: ReadonlySet<string> = new Set(
  (
    'af ar hy az be bs bg ca zh hr cs da nl en et fi fr gl de el he hi hu is id it ja kn kk ko lv lt mk ms mr mi ne no fa pl ' +
    'pt ro ru sr sk sl es sw sv fil ta th tr uk ur vi cy'
  ).split(' '),
);
