import { bytesOf } from './byte-classes.js';
import { literalBytes, type SearchedText } from './searched-text.js';

const beginMark = literalBytes('BEGIN ');
const endMark = literalBytes('-----END');
const dashes = literalBytes('-----');
const labelBytesMax = 64;

/**
 * A private key in PEM or PGP armour, whole: from its first dashes to its last ones, whether its lines are broken or
 * their breaks escaped. Of one that was cut everything that follows is taken. `at`: the last dash before BEGIN.
 */
export function findPrivateKey(text: SearchedText, at: number): boolean {
  const begin = text.byteAt(at + 1) === bytesOf.space ? at + 2 : at + 1;
  if (!text.holds(begin, beginMark)) return false;
  const labelStart = begin + beginMark.length;
  const label = text.text(labelStart, Math.min(text.end, labelStart + labelBytesMax));
  if (!/^[A-Z0-9 ]{0,48}PRIVATE KEY/.test(label)) return false;
  let start = at;
  while (start > at - dashes.length && text.byteAt(start - 1) === bytesOf.dash) start--;
  return text.found(start, armourEnd(text, labelStart));
}

function armourEnd(text: SearchedText, start: number): number {
  const { bytes, end } = text;
  let at = start;
  while (at < end && !(bytes[at] === bytesOf.dash && text.holds(at, endMark))) at++;
  const labelEnd = Math.min(end, at + endMark.length + labelBytesMax);
  for (let last = at + endMark.length; last < labelEnd; last++) {
    if (text.holds(last, dashes)) return text.endOf(last, bytesOf.dash);
  }
  return end;
}
