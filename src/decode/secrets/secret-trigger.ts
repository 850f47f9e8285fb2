import type { ByteSource } from '../byte-range.js';
import { byteClasses, bytesOf, classes } from './byte-classes.js';
import { foldByte } from './searched-text.js';
import { nameTrigrams } from './secret-name.js';
import { tokenTriggers, tokenTrigrams } from './token-finder.js';
import { TrigramFilter, trigram } from './trigram-table.js';

/**
 * The pass over texts that hold no secret, which are nearly all: a look-up a byte, and at the few bytes by which
 * secrets are known a look at their neighbours. Nothing is made for them, and no more is called than this.
 */
export const triggers = {
  none: 0,
  token: 1,
  dash: 2,
  dot: 3,
  assignment: 4,
  colon: 5,
  at: 6,
  tilde: 7,
  scheme: 8,
  twilio: 9,
  webToken: 10,
} as const;

export const triggerOf: readonly number[] = (() => {
  const table: number[] = Array.from({ length: 256 }, () => triggers.none);
  for (const byte of tokenTriggers) table[byte] = triggers.token;
  table[bytesOf.dash] = triggers.dash;
  table[bytesOf.dot] = triggers.dot;
  table[bytesOf.equals] = triggers.assignment;
  table[bytesOf.greater] = triggers.assignment;
  table[bytesOf.colon] = triggers.colon;
  table[bytesOf.at] = triggers.at;
  table[bytesOf.tilde] = triggers.tilde;
  for (const letter of 'bB') table[letter.charCodeAt(0)] = triggers.scheme;
  for (const letter of 'KC') table[letter.charCodeAt(0)] = triggers.twilio;
  table[0x4a] = triggers.webToken;
  return table;
})();

const webTokenStart = trigram(0x65, 0x79, 0x4a);
const dashes = trigram(bytesOf.dash, bytesOf.dash, bytesOf.dash);
const prefixFilter = new TrigramFilter([...tokenTrigrams, webTokenStart, dashes]);
const nameFilter = new TrigramFilter(nameTrigrams);

/** A shorter text holds no key, only an assignment or an e-mail address: `pwd=x` is the shortest of all. */
export const tokenBytesMin = 13;
const secretBytesMin = 5;

/**
 * Whether one of : ; < = > ? @ is in a text below `tokenBytesMin`, four bytes at a time: for the short values of labels
 * a third of the cost of a look at each byte. Hot path: once such a text.
 */
export function mayHoldShortSecret({ view }: ByteSource, offset: number, length: number): boolean {
  if (length < secretBytesMin) return false;
  const last = offset + length - 4;
  let seen = signs(view.getInt32(last, true));
  for (let at = offset; at < last; at += 4) seen |= signs(view.getInt32(at, true));
  return seen !== 0;
}

/** The highest bit of each byte from 0x3a to 0x40, or of a byte that is not ASCII, among the four of a word. */
function signs(word: number): number {
  return (((word + 0x46464646) & ~(word + 0x3f3f3f3f)) | word) & 0x80808080;
}

/**
 * Hot path: once a text. The first place from `start` and before `stop` at which a secret may have its trigger, or
 * `stop`. The text lies from `from` to `end`.
 */
export function nextTrigger(bytes: Uint8Array, from: number, start: number, stop: number, end: number): number {
  let at = nextSpecial(bytes, start, stop);
  while (at < stop && !mayTrigger(triggerOf[bytes[at]!]!, bytes, from, at, end)) at = nextSpecial(bytes, at + 1, stop);
  return at;
}

/** Alone, and without a name for 0, this loop costs half of what it does among the rest: 2 ns a byte, not 4. */
function nextSpecial(bytes: Uint8Array, start: number, stop: number): number {
  const table = triggerOf;
  for (let at = start; at < stop; at++) if (table[bytes[at]!] !== 0) return at;
  return stop;
}

/** True wherever a secret has its trigger, and at few other places. */
function mayTrigger(trigger: number, bytes: Uint8Array, from: number, at: number, end: number): boolean {
  switch (trigger) {
    case triggers.token:
    case triggers.webToken:
      return endsPrefix(bytes, from, at);
    case triggers.dash:
      return endsPrefix(bytes, from, at) || (at >= from + 32 && at + 3 < end && startsTail(bytes, at, end));
    case triggers.dot:
      return endsPrefix(bytes, from, at) || (at >= from + 17 && at + 7 < end && isInDottedToken(bytes, at));
    case triggers.assignment:
      return endsName(bytes, from, at);
    case triggers.colon:
      return endsName(bytes, from, at) || (at > from && at + 1 < end && bytes[at + 1] === capitalA);
    case triggers.scheme:
      return endsPrefix(bytes, from, at) || (at + 6 < end && startsScheme(bytes, at));
    case triggers.twilio:
      return at > from && (isTwilioLetter(bytes[at - 1]!) || endsPrefix(bytes, from, at));
    default:
      return at > from;
  }
}

function endsPrefix(bytes: Uint8Array, from: number, at: number): boolean {
  return at >= from + 2 && prefixFilter.mayHold(trigram(bytes[at - 2]!, bytes[at - 1]!, bytes[at]!));
}

/** Mailchimp's `-us`, or a dash that follows eight places on: 32 digits stand before both. */
function startsTail(bytes: Uint8Array, at: number, end: number): boolean {
  if (bytes[at + 1] === 0x75 && bytes[at + 2] === 0x73) return true;
  return at + 9 < end && bytes[at + 9] === bytesOf.dash && (byteClasses[bytes[at - 32]!]! & classes.hex) !== 0;
}

/** The second dot of a Discord token, or the `p` an Airtable token begins with. */
function isInDottedToken(bytes: Uint8Array, at: number): boolean {
  return bytes[at + 7] === bytesOf.dot || bytes[at - 17] === 0x70;
}

/** Telegram's tokens have one behind their colon. */
const capitalA = 0x41;

/** `bearer` or `basic`. */
function startsScheme(bytes: Uint8Array, at: number): boolean {
  const second = bytes[at + 1]! | 0x20;
  return second === 0x65 ? (bytes[at + 2]! | 0x20) === 0x61 : second === 0x61 && (bytes[at + 2]! | 0x20) === 0x73;
}

/** A or S. */
function isTwilioLetter(byte: number): boolean {
  return byte === 0x41 || byte === 0x53;
}

/** Names may end with a quote or bracket of their own: `"token"`, `\\"token\\"`, `env['TOKEN']`. */
const separatorsMax = 16;

/** Where the name before an assignment at `at` ends. */
export function nameEndBefore(bytes: Uint8Array, from: number, at: number): number {
  const first = Math.max(from, at - separatorsMax);
  let end = at;
  while (end > first && isSeparator(bytes[end - 1]!)) end--;
  return end;
}

function isSeparator(byte: number): boolean {
  switch (byte) {
    case bytesOf.space:
    case bytesOf.tab:
    case bytesOf.quote:
    case bytesOf.apostrophe:
    case bytesOf.backtick:
    case bytesOf.backslash:
    case bytesOf.closingBracket:
      return true;
    default:
      return false;
  }
}

function endsName(bytes: Uint8Array, from: number, at: number): boolean {
  const end = nameEndBefore(bytes, from, at);
  if (end < from + 3) return false;
  const last = bytes[end - 1]!;
  if ((byteClasses[last]! & classes.digit) !== 0) return true;
  return nameFilter.mayHold(trigram(foldByte(bytes[end - 3]!), foldByte(bytes[end - 2]!), foldByte(last)));
}
