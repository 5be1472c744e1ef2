/**
 * What a language model writes, as a voice should say it: without markup, stage directions and emoji, which a
 * text-to-speech service reads out, stumbles over or refuses.
 * @returns '' when nothing is left to say
 */
export function speakable(text: string): string {
  const words = text
    .replaceAll(/\[([^\]]*)\]\((?:[^)\s]*)\)/g, '$1')
    .replaceAll(/\bhttps?:\/\/\S+/g, '')
    .replaceAll(/\[[^\]]*\]/g, '')
    .replaceAll(STAGE_DIRECTION, '')
    .replaceAll(/^[ \t]*(?:#{1,6}|[-*•]|\d+[.)])[ \t]+/gm, '')
    .replaceAll(/(\*\*|__|~~|`)(?=\S)([^\n]*?\S)\1/g, '$2')
    .replaceAll(/(?<![\w*])\*(?=\S)([^*\n]*\S)\*(?![\w*])/g, (_whole, inner: string, at: number, all: string) =>
      // Alone, or at either end of the sentence, it is what the companion does and not what it says.
      standsAlone(all, at, inner.length + 2) ? '' : inner,
    )
    .replaceAll(EMOJI, '')
    .replaceAll(/[*_`~#<>|\\]+/g, ' ')
    .replaceAll(/\s+([,.!?…;:])/g, '$1')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return /[\p{L}\p{N}]/u.test(words) ? words : '';
}

function standsAlone(text: string, at: number, length: number): boolean {
  return text.slice(0, at).trim() === '' || /^[\s.!?…]*$/.test(text.slice(at + length));
}

const STAGE_DIRECTION =
  /\((?:[a-z]+ly )?(?:smil|laugh|chuckl|sigh|paus|nodd?|whisper|giggl|gasp|wink)[a-z]*(?: [a-z]+){0,3}\)/gi;
/** Pictographs with what joins and colours them; digits and signs that Unicode also lists as emoji stay. */
const EMOJI = /\p{Extended_Pictographic}|\p{RI}|\p{EMod}|\u{FE0F}|\u{200D}|\u{20E3}/gu;
