import type { LanguageModel, ReplyRequest, StageOptions } from '../ports.ts';
import type { ClipRole, RecordedClip } from './clips.ts';

/**
 * The offline companion: it keeps a simple, warm conversation out of recorded sentences. It knows no words, only
 * whose turn it is, so whatever it says must be right after anything: it agrees, then asks. What it says next follows
 * from how often it spoke, not from chance, so a conversation can be repeated exactly.
 */
export class OfflineCompanion implements LanguageModel {
  readonly #byRole: ReadonlyMap<ClipRole, readonly string[]>;

  constructor(clips: readonly Pick<RecordedClip, 'role' | 'text'>[]) {
    this.#byRole = groupTexts(clips);
  }

  async *reply(request: ReplyRequest, options: StageOptions): AsyncGenerator<string> {
    options.signal.throwIfAborted();
    const spoken = request.history.filter(({ role }) => role === 'assistant').length;
    for (const text of this.#choose(request, spoken)) yield `${text} `;
  }

  #choose({ occasion }: ReplyRequest, spoken: number): string[] {
    if (occasion === 'greeting') return [this.#pick('greeting', 0)];
    if (occasion === 'silence') return [this.#pick('question', spoken - 1)];
    return [this.#pick('reply', spoken - 1), this.#pick('question', spoken - 1)];
  }

  #pick(role: ClipRole, index: number): string {
    const texts = this.#byRole.get(role) ?? [];
    return texts[Math.max(0, index) % Math.max(1, texts.length)] ?? '';
  }
}

function groupTexts(clips: readonly Pick<RecordedClip, 'role' | 'text'>[]): Map<ClipRole, string[]> {
  const groups = new Map<ClipRole, string[]>();
  for (const { role, text } of clips) groups.set(role, [...(groups.get(role) ?? []), text]);
  return groups;
}
