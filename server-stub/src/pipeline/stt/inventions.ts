/**
 * What recognisers make of noise: they were trained on subtitles, so they invent subtitles' credits, marks for sounds, or
 * one word over and over. None of it was said by the patient.
 * @returns what is left; '' when nothing was said
 */
export function withoutInventions(text: string): string {
  const said = text.replace(MARKS, ' ').replace(LOOP, '$1').replace(/\s+/gu, ' ').trim();
  if (!/[\p{L}\p{N}]/u.test(said)) return '';
  return INVENTIONS.some((invention) => invention.test(said)) ? '' : said;
}

/** `[BLANK_AUDIO]`, `(music)`, `*coughs*`, `♪ la la ♪`. */
const MARKS = /\[[^\]]*\]|\([^)]*\)|\*[^*]*\*|♪[^♪]*♪|[♪♫]/gu;
/** One to six words, five times or more in a row. */
const LOOP =
  /(?<![\p{L}\p{N}])([\p{L}\p{N}'’]+(?:[\s,]+[\p{L}\p{N}'’]+){0,5}?[.!?]?)(?:[\s,.!?…-]+\1){4,}(?![\p{L}\p{N}])/giu;
/** Whole transcripts only: a patient may thank for something they watched. */
const INVENTIONS: readonly RegExp[] = [
  /^(thank you|thanks)( so much| very much)? for (watching|listening to this video|viewing)( (this|the|my) video)?[.!]*$/iu,
  /^(please )?(like and )?subscribe( to (my|our|the) channel)?[.!]*$/iu,
  /^(subtitles?|captions?|transcription|transcribed|translated|translation)( (made|provided|created))? by .{1,60}$/iu,
  /^(untertitel|untertitelung)( des zdf| der amara\.org-community| von| im auftrag)?[ ,:].{0,60}$/iu,
  /^vielen dank f(ü|ue)rs zuschauen[.!]*$/iu,
  /^sous-titr(es|age)\b.{0,60}$/iu,
  /^merci d['’]avoir regard(é|e) (cette|la) vid(é|e)o[.!]*$/iu,
  /^subt(í|i)tulos (realizados )?por .{1,60}$/iu,
  /^gracias por ver( el v(í|i)deo)?[.!]*$/iu,
];
