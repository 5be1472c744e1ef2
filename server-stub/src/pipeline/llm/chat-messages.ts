import type OpenAI from 'openai';
import type { ReplyRequest, StageOptions, Utterance } from '../ports.ts';

/**
 * A request's messages in the form that every chat template takes: one system message, then `user` and `assistant` in
 * turn, the first and the last of them `user`. (vLLM with Mistral's or Gemma's template refuses anything else with 400.)
 */
export function chatMessages(
  prompt: string,
  { history, occasion }: ReplyRequest,
  { language, clock }: Pick<StageOptions, 'language' | 'clock'>,
): OpenAI.ChatCompletionMessageParam[] {
  const messages: Message[] = [];
  for (const { role, text } of [...recent(history), ...cueOf(occasion, history)]) {
    const name = role === 'patient' ? 'user' : 'assistant';
    const last = messages.at(-1);
    if (last === undefined && name === 'assistant') messages.push({ role: 'user', content: LIFTED });
    if (last?.role === name) last.content += `\n${text}`;
    else messages.push({ role: name, content: text });
  }
  if (messages.at(-1)?.role !== 'user') messages.push({ role: 'user', content: GO_ON });
  return [{ role: 'system', content: `${prompt}\n\n${circumstances(language, clock.wallTime())}` }, ...messages];
}

interface Message {
  readonly role: 'user' | 'assistant';
  content: string;
}

/** What stands in brackets is no speech of the patient's; the prompt says so. */
const LIFTED = '(the receiver was lifted)';
const GO_ON = '(nothing was said)';
const CUES: Readonly<Record<ReplyRequest['occasion'], string | undefined>> = {
  greeting: '(The receiver was just lifted. Greet warmly in one short sentence, and ask how they are.)',
  answer: undefined,
  silence: '(Nothing was said for a while. Ask something easy and pleasant, in one short sentence.)',
};

function cueOf(occasion: ReplyRequest['occasion'], history: readonly Utterance[]): readonly Utterance[] {
  const cue = CUES[occasion];
  if (cue !== undefined) return [{ role: 'patient', text: cue }];
  return history.length === 0 ? [{ role: 'patient', text: LIFTED }] : [];
}

/** About four characters are a token: some 3,000 tokens of the newest talk, which every model in use takes. */
const MAX_HISTORY_CHARACTERS = 12_000;
/** The beginning says who is talking and what about. */
const KEPT_FROM_BEGINNING = 2;

/** The newest utterances that fit, and the very first ones; what lies between is said to be left out. */
function recent(history: readonly Utterance[]): readonly Utterance[] {
  const kept: Utterance[] = [];
  let characters = 0;
  for (const utterance of history.toReversed()) {
    characters += utterance.text.length;
    if (characters > MAX_HISTORY_CHARACTERS && kept.length > 0) break;
    kept.unshift(utterance);
  }
  const left = history.length - kept.length;
  if (left <= KEPT_FROM_BEGINNING) return left === 0 ? kept : history.slice(-kept.length);
  return [
    ...history.slice(0, KEPT_FROM_BEGINNING),
    { role: 'patient', text: `(${left - KEPT_FROM_BEGINNING} earlier remarks are left out)` },
    ...kept,
  ];
}

function circumstances(language: string, wallTimeMs: number): string {
  const now = new Intl.DateTimeFormat('en', { dateStyle: 'full', timeStyle: 'short' }).format(wallTimeMs);
  const name = new Intl.DisplayNames('en', { type: 'language', fallback: 'code' }).of(language) ?? language;
  return `Speak ${name}. It is ${now}.`;
}
