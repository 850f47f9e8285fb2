import { bytesOf, classes } from './byte-classes.js';
import { literalBytes, type SearchedText } from './searched-text.js';

/** Of a name and a password together: nothing here may cost more than a bounded number of bytes. */
const credentialsBytesMax = 256;
const schemeMark = literalBytes('://');

/**
 * Names and passwords of a URL, `scheme://name:password@host`; `at`: the first @ behind the scheme. A password with a
 * slash of its own is told from a path by what follows the first colon: a port is a number.
 */
export function findUrlCredentials(text: SearchedText, at: number): boolean {
  const start = authorityStart(text, at);
  if (start < 0) return false;
  const end = Math.min(text.end, start + credentialsBytesMax);
  let mark = -1;
  let colon = -1;
  let inPath = false;
  for (let next = start; next < end; next++) {
    const byte = text.bytes[next]!;
    if (endsUrl(byte)) break;
    if (byte === bytesOf.at) mark = next;
    else if (byte === bytesOf.colon && colon < 0) colon = next;
    if (inPath || !isPathStart(byte)) continue;
    if (mark >= 0 || !mayBePassword(text, colon, next)) break;
    inPath = true;
  }
  return mark > start && text.found(start, mark);
}

/** Where the authority of a URL begins that may reach to the @ at `at`, -1 when there is none. */
function authorityStart(text: SearchedText, at: number): number {
  const first = Math.max(text.from + schemeMark.length, at - credentialsBytesMax);
  for (let start = at; start >= first; start--) {
    const byte = text.bytes[start - 1]!;
    // An @ before this one was asked already.
    if (endsUrl(byte) || byte === bytesOf.at) return -1;
    if (byte === bytesOf.slash && text.holds(start - schemeMark.length, schemeMark)) return start;
  }
  return -1;
}

function endsUrl(byte: number): boolean {
  return byte <= bytesOf.space || byte === bytesOf.quote || byte === bytesOf.less;
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
const lastAscii = 0x7f;

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
