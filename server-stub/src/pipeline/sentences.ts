/**
 * Text as it is made, in; sentences, as soon as each is whole, out. What is left at the end is the last one.
 * @param clauseFirst the very first may end at a comma, so that somebody can begin to speak that much sooner
 */
export async function* sentences(text: AsyncIterable<string>, clauseFirst = false): AsyncGenerator<string> {
  let rest = '';
  let first = clauseFirst;
  for await (const piece of text) {
    rest += piece;
    for (let end = endOfUnit(rest, first); end > 0; end = endOfUnit(rest, first)) {
      yield rest.slice(0, end).trim();
      rest = rest.slice(end);
      first = false;
    }
  }
  if (rest.trim() !== '') yield rest.trim();
}

/** A full stop counts only when something follows it: more may come ('3.' of '3.5'). */
const SENTENCE = /^\s*\S[\s\S]*?[.!?…]["')\]]*(?=\s)/;
/** Shorter ones would be heard to their end before the rest is there, and sound cut off. */
const CLAUSE = /^\s*\S[\s\S]{18,}?[,;:–—](?=\s)/;

function endOfUnit(text: string, clause: boolean): number {
  return SENTENCE.exec(text)?.[0].length ?? (clause ? CLAUSE.exec(text)?.[0].length : undefined) ?? 0;
}
