import { bytesOf, classes } from './byte-classes.js';
import { literalBytes, type SearchedText } from './searched-text.js';

/** Farther than this behind `://` no @ is looked for: nothing here may cost more than a text's length. */
const credentialsBytesMax = 256;
const schemeMark = literalBytes('://');
const lastAscii = 0x7f;

/**
 * Names and passwords of a URL, `scheme://name:password@host`; `at`: the colon. A password with a slash of its own is
 * told from a path by what follows the first colon: a port is a number.
 */
export function findUrlCredentials(text: SearchedText, at: number): boolean {
  if (!text.holds(at, schemeMark) || !text.is(at - 1, classes.alphanumeric)) return false;
  const start = at + schemeMark.length;
  const end = Math.min(text.end, start + credentialsBytesMax);
  let mark = -1;
  let colon = -1;
  let pathAt = -1;
  for (let next = start; next < end; next++) {
    const byte = text.bytes[next]!;
    if (byte <= bytesOf.space || byte === bytesOf.quote || byte === bytesOf.less) break;
    if (byte === bytesOf.at) mark = next;
    else if (byte === bytesOf.colon && colon < 0) colon = next;
    if (pathAt >= 0 || !isPathStart(byte)) continue;
    if (mark >= 0 || !mayBePassword(text, colon, next)) break;
    pathAt = next;
  }
  return mark > start && text.found(start, mark);
}

/** / ? # */
function isPathStart(byte: number): boolean {
  return byte === bytesOf.slash || byte === 0x3f || byte === 0x23;
}

/** Whether what lies between a colon and a slash is not a port. */
function mayBePassword(text: SearchedText, colon: number, slash: number): boolean {
  return colon >= 0 && text.runEnd(colon + 1, classes.digit, slash) < slash;
}

const localPartBytesMax = 64;
const domainBytesMax = 255;

/** An e-mail address, from its @ outwards: a pattern for them would try every character of a long word. */
export function findMailAddress(text: SearchedText, at: number): boolean {
  let start = text.runStart(at, classes.mailbox, localPartBytesMax);
  if (start === at) return false;
  // Not within a code point.
  while (start > text.from && (text.byteAt(start) & 0xc0) === 0x80) start--;
  let end = text.runEnd(at + 1, classes.hostName, Math.min(text.end, at + domainBytesMax));
  while (end < text.end && (text.bytes[end]! & 0xc0) === 0x80) end++;
  while (end > at && !isNameByte(text.byteAt(end - 1))) end--;
  let dot = end - 1;
  while (dot > at && text.byteAt(dot) !== bytesOf.dot) dot--;
  // The last label of a domain is a name, that of a version a number.
  const isDomain = dot > at + 1 && end - dot > 2 && !text.is(dot + 1, classes.digit);
  return isDomain && text.found(start, end);
}

function isNameByte(byte: number): boolean {
  return byte > lastAscii || (byte !== bytesOf.dot && byte !== bytesOf.dash);
}
