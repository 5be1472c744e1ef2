/**
 * Text as it is made, in; sentences, as soon as each is whole, out. What is left at the end is the last one.
 * (`Intl.Segmenter` ends a sentence behind 'Dr.' and 'St.', and needs the next one to know that this one is over.)
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

/**
 * Scripts that put a space behind a full stop: it counts only when the space is there, for more may come ('3.' of
 * '3.5'). Chinese, Japanese, Hindi, Urdu and others: the mark alone.
 */
const SENTENCE_END = /[.!?…]+["'”’»)\]]*(?=\s)|[。！？．｡।॥؟۔]+["'”’»」』）)\]]*/g;
/** Shorter ones would be heard to their end before the rest is there, and sound cut off. */
const CLAUSE = /^\s*\S[\s\S]{18,}?[,;:–—](?=\s)/;
const CJK_CLAUSE = /^\s*\S[\s\S]{9,}?[，、；：]/;

/** Words that end in a full stop and mostly do not end a sentence, and initials. */
const ABBREVIATION =
  /(?:^|[\s("'“‘])(?:(?:Mrs?|Ms|Dr|Prof|Rev|Fr|Sr|Jr|St|Mt|Lt|Col|Gen|Sgt|Capt|No|vs|etc|approx|Ave|Rd|Hr|Frau|Nr|Str|bzw|ca|Sra?|Srta|Mme|Mlle)|\p{Lu}|(?:\p{L}\.)+\p{L})\.$/u;

function endOfUnit(text: string, clause: boolean): number {
  for (const { 0: marks, index } of text.matchAll(SENTENCE_END)) {
    const end = index + marks.length;
    if (/\S/.test(text.slice(0, index)) && !ABBREVIATION.test(text.slice(0, end))) return end;
  }
  return clause ? (CLAUSE.exec(text)?.[0].length ?? CJK_CLAUSE.exec(text)?.[0].length ?? 0) : 0;
}
