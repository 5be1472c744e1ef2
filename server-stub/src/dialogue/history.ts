import type { Utterance } from '../pipeline/ports.ts';

/** What was said and heard: the assistant's utterances end where the patient heard them end. */
export class History {
  #entries: Entry[];

  constructor(utterances: readonly Utterance[]) {
    this.#entries = utterances.map((utterance) => ({ ...utterance }));
  }

  utterances(): Utterance[] {
    return this.#entries.map(({ role, text }) => ({ role, text })).filter(({ text }) => text !== '');
  }

  patient(text: string): void {
    this.#add({ role: 'patient', text });
  }

  /** @param id the response that says it; the text may grow or be cut by `rewrite` */
  assistant(id: string, text: string): void {
    this.#add({ role: 'assistant', text, id });
  }

  /** An empty text is left out of `utterances`. */
  rewrite(id: string, text: string): void {
    const entry = this.#entries.findLast((candidate) => candidate.id === id);
    if (entry !== undefined) entry.text = text;
  }

  #add(entry: Entry): void {
    this.#entries.push(entry);
    if (this.#entries.length > MAX_UTTERANCES) this.#entries.shift();
  }
}

interface Entry {
  readonly role: Utterance['role'];
  text: string;
  readonly id?: string;
}

/** More than a language model needs; bounds memory however long the receiver is off the hook. */
const MAX_UTTERANCES = 200;
