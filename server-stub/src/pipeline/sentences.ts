/** Text as it is made, in; sentences, as soon as each is whole, out. What is left at the end is the last one. */
export async function* sentences(text: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of text) {
    rest += piece;
    for (let end = endOfSentence(rest); end > 0; end = endOfSentence(rest)) {
      yield rest.slice(0, end).trim();
      rest = rest.slice(end);
    }
  }
  if (rest.trim() !== '') yield rest.trim();
}

/** A full stop counts only when something follows it: more may come ('3.' of '3.5'). */
const SENTENCE = /^\s*\S[\s\S]*?[.!?…]["')\]]*(?=\s)/;

function endOfSentence(text: string): number {
  return SENTENCE.exec(text)?.[0].length ?? 0;
}
