import type { LanguageModel, ReplyRequest, StageOptions, Utterance } from '../ports.ts';
import { reporting } from '../reporting.ts';
import type { ClipRole, RecordedClip } from './clips.ts';

/**
 * A language model in place of one: a simple, warm conversation made of recorded sentences. Mostly it has no transcript,
 * so whatever it says must fit anything: it agrees, then asks. Where there are words it asks about a topic of theirs, and
 * calls the patient by the name they gave, if a synthesiser can say it. What it says follows from the history, not from
 * chance, so a conversation can be repeated exactly.
 */
export class ScriptedLanguageModel implements LanguageModel {
  readonly #byRole: ReadonlyMap<ClipRole, readonly string[]>;

  readonly #saysNames: boolean;

  /** @param saysNames a synthesiser can say what was not recorded */
  constructor(clips: readonly Pick<RecordedClip, 'role' | 'text'>[], saysNames = false) {
    this.#byRole = groupTexts(clips);
    this.#saysNames = saysNames;
  }

  async *reply(request: ReplyRequest, options: StageOptions): AsyncGenerator<string> {
    yield* reporting('language-model', options, this.#say(request, options));
  }

  async *#say(request: ReplyRequest, options: StageOptions): AsyncGenerator<string> {
    options.signal.throwIfAborted();
    const spoken = request.history.filter(({ role }) => role === 'assistant').length;
    for (const text of this.#choose(request, spoken)) yield `${text} `;
  }

  #choose({ occasion, history }: ReplyRequest, spoken: number): string[] {
    if (occasion === 'greeting') return [this.#pick('greeting', 0)];
    if (occasion === 'silence') return [this.#pick('question', spoken - 1)];
    const name = this.#saysNames ? nameIn(history) : undefined;
    const reply = this.#pick('reply', spoken - 1);
    return [
      ...(name !== undefined && spoken % NAME_EVERY === 1 ? [`Thank you, ${name}.`] : []),
      reply,
      this.#related(history) ?? this.#pick('question', spoken - 1),
    ];
  }

  /** A question about what the patient just spoke of, unless it was asked before. */
  #related(history: readonly Utterance[]): string | undefined {
    const heard = wordsOf(history.at(-1)?.text ?? '');
    const asked = history.filter(({ role }) => role === 'assistant').map(({ text }) => text);
    return this.#byRole
      .get('question')
      ?.find(
        (question) =>
          wordsOf(question).some((word) => word.length >= TELLING && heard.includes(word)) &&
          !asked.some((text) => text.includes(question)),
      );
  }

  #pick(role: ClipRole, index: number): string {
    const texts = this.#byRole.get(role) ?? [];
    return texts[Math.max(0, index) % Math.max(1, texts.length)] ?? '';
  }
}

/** Shorter words tell nothing of what is spoken of. */
const TELLING = 5;
/** A name is said now and then, not every time. */
const NAME_EVERY = 3;

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[a-z']+/g) ?? [];
}

/** The name by which the patient last called themselves. */
function nameIn(history: readonly Utterance[]): string | undefined {
  for (const { role, text } of [...history].reverse()) {
    const name =
      role === 'patient' ? /\b(?:my name is|my name's|call me|this is)\s+([a-z]{2,20})\b/i.exec(text)?.[1] : undefined;
    if (name !== undefined) return name[0]!.toUpperCase() + name.slice(1).toLowerCase();
  }
  return undefined;
}

function groupTexts(clips: readonly Pick<RecordedClip, 'role' | 'text'>[]): Map<ClipRole, string[]> {
  const groups = new Map<ClipRole, string[]>();
  for (const { role, text } of clips) groups.set(role, [...(groups.get(role) ?? []), text]);
  return groups;
}
