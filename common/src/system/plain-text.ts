/**
 * A text as it may go to a terminal or a log: what moves a cursor, starts a control sequence (U+009B as well as ESC),
 * ends a line unseen or turns the direction of reading stands there as `\u009b`. In JSON that is the same string.
 * Line feeds and tabs stay.
 */
export function plainText(text: string): string {
  return text.replace(UNSEEN, (unit) =>
    [...Array(unit.length).keys()].map((at) => `\\u${unit.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  );
}

/** C0 but TAB and LF, DEL, C1; marks and overrides of direction; separators of lines; invisible ones; tags; half a pair. */
const UNSEEN =
  /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Cs}]/gu;
