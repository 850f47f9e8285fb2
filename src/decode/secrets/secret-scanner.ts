import { findAssigned } from './assigned-value.js';
import { bytesOf } from './byte-classes.js';
import {
  findAirtableToken,
  findAzureSecret,
  findDiscordToken,
  findMailchimpKey,
  findMailgunKey,
  findScheme,
  findTelegramToken,
  findTwilioKey,
  findWebToken,
} from './formed-tokens.js';
import { findPrivateKey } from './private-key-block.js';
import type { SearchedText } from './searched-text.js';
import { findToken, tokenTriggers } from './token-finder.js';
import { findMailAddress, findUrlCredentials } from './url-credentials.js';

/**
 * Where secrets are looked for: one pass over the bytes, of which most trigger nothing, and at each trigger a look at the
 * few bytes around it. A look that fails costs at most a bounded number of bytes; what a look has found is not looked
 * at again. So the work is linear in the text, whatever it holds.
 */
const triggers = { none: 0, token: 1, at: 2, assignment: 3, colon: 4, dash: 5, dot: 6, tilde: 7, letter: 8 } as const;

const triggerOf: readonly number[] = (() => {
  const table: number[] = Array.from({ length: 256 }, () => triggers.none);
  for (const byte of tokenTriggers) table[byte] = triggers.token;
  table[bytesOf.at] = triggers.at;
  table[bytesOf.equals] = triggers.assignment;
  table[bytesOf.greater] = triggers.assignment;
  table[bytesOf.colon] = triggers.colon;
  table[bytesOf.dash] = triggers.dash;
  table[bytesOf.dot] = triggers.dot;
  table[bytesOf.tilde] = triggers.tilde;
  for (const letter of 'bBKCJ') table[letter.charCodeAt(0)] = triggers.letter;
  return table;
})();

/** The first trigger from `start`, before `end`, at which a secret may be; `end` when there is none. Hot path. */
export function nextTrigger(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && triggerOf[bytes[at]!]! === 0) at++;
  return at;
}

/**
 * Finds the next secret of a text whose trigger lies from `start` and before `stop`; the text tells where it is. It may
 * begin up to `lookBackBytesMax` before its trigger, though not before `text.from`.
 */
export function findSecret(text: SearchedText, start: number, stop: number): boolean {
  for (let at = nextTrigger(text.bytes, start, stop); at < stop; at = nextTrigger(text.bytes, at + 1, stop)) {
    if (isSecret(text, at)) return true;
  }
  return false;
}

/** No shape begins farther before its trigger. */
export const lookBackBytesMax = 128;

function isSecret(text: SearchedText, at: number): boolean {
  const byte = text.bytes[at]!;
  switch (triggerOf[byte]) {
    case triggers.token:
      return findToken(text, at);
    case triggers.at:
      return findMailAddress(text, at);
    case triggers.assignment:
      return findAssigned(text, at);
    case triggers.colon:
      return findUrlCredentials(text, at) || findTelegramToken(text, at) || findAssigned(text, at);
    case triggers.dash:
      return findAtDash(text, at);
    case triggers.dot:
      return findToken(text, at) || findDiscordToken(text, at) || findAirtableToken(text, at);
    case triggers.tilde:
      return findAzureSecret(text, at);
    default:
      return findAtLetter(text, at, byte);
  }
}

function findAtDash(text: SearchedText, at: number): boolean {
  return findToken(text, at) || findPrivateKey(text, at) || findMailchimpKey(text, at) || findMailgunKey(text, at);
}

function findAtLetter(text: SearchedText, at: number, byte: number): boolean {
  if (byte === capital.j) return findToken(text, at) || findWebToken(text, at);
  if (byte === capital.k || byte === capital.c) return findToken(text, at) || findTwilioKey(text, at);
  return findScheme(text, at) || (byte === capital.b && findToken(text, at));
}

const capital = { b: 0x42, c: 0x43, j: 0x4a, k: 0x4b } as const;
