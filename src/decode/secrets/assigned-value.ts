import { bytesOf, classes } from './byte-classes.js';
import { literalBytes, type SearchedText } from './searched-text.js';
import { nameKindBefore, nameKinds } from './secret-name.js';
import { nameEndBefore } from './secret-trigger.js';

/**
 * The value behind a telling name: `name=value`, `name: value`, `"name": "value"`, `name => 'value'`,
 * `<name>value</name>`, also within a text that is itself a quoted one, once or several times.
 *
 *   quoted     to the closing quote, or to the end of the text when it was cut
 *   unquoted   to white space, a quote or the next `name=` behind a comma, semicolon or ampersand
 */
const spacesMax = 8;

/** Whether the name before the `=`, `:` or `>` at `at` tells of a secret, and one follows. */
export function findAssigned(text: SearchedText, at: number): boolean {
  const nameEnd = nameEndBefore(text.bytes, text.from, at);
  const kind = nameKindBefore(text, nameEnd);
  if (kind === nameKinds.none) return false;
  const separator = text.byteAt(at);
  if (separator === bytesOf.greater) return isOpeningTag(text, nameEnd, at) && findElement(text, at + 1);
  let start = at + 1;
  while (start <= at + 2 && isAssignment(text.byteAt(start))) start++;
  const spaced = skipSpaces(text, start);
  if (isDirectory(text, nameEnd, spaced)) return false;
  return findValue(text, { kind, start: spaced, isProse: separator === bytesOf.colon && spaced > start });
}

interface Assignment {
  readonly kind: number;
  readonly start: number;
  /** `name: value`, as people write it too. */
  readonly isProse: boolean;
}

function findValue(text: SearchedText, { kind, start, isProse }: Assignment): boolean {
  let valueStart = start;
  while (valueStart < start + 3 && isOpener(text.byteAt(valueStart))) valueStart++;
  const quoteAt = text.endOf(valueStart, bytesOf.backslash);
  const quote = text.byteAt(quoteAt);
  if (isQuote(quote)) {
    const open = quoteAt + 1;
    const credentials = kind === nameKinds.authorization ? skipScheme(text, open) : open;
    return isSecretValue(text, kind, credentials, quotedEnd(text, open, quote, quoteAt - valueStart), false);
  }
  if (kind === nameKinds.authorization) return findCredentials(text, valueStart, isProse);
  if (kind === nameKinds.cookie) return findCookies(text, valueStart);
  return isSecretValue(text, kind, valueStart, unquotedEnd(text, valueStart), isProse);
}

function isAssignment(byte: number): boolean {
  return byte === bytesOf.equals || byte === bytesOf.greater;
}

function isQuote(byte: number): boolean {
  return byte === bytesOf.quote || byte === bytesOf.apostrophe || byte === bytesOf.backtick;
}

/** [ ( { */
function isOpener(byte: number): boolean {
  return byte === 0x5b || byte === 0x28 || byte === 0x7b;
}

function skipSpaces(text: SearchedText, at: number): number {
  let start = at;
  while (start < at + spacesMax && (text.byteAt(start) === bytesOf.space || text.byteAt(start) === bytesOf.tab))
    start++;
  return start;
}

/** `<name>`, not `</name>`. */
function isOpeningTag(text: SearchedText, nameEnd: number, at: number): boolean {
  return nameEnd === at && text.byteAt(text.runStart(at, classes.dotted, 64) - 1) === bytesOf.less;
}

/** The content of an element: to the tag that closes it, or to the end of a text that was cut within it. */
function findElement(text: SearchedText, start: number): boolean {
  let end = start;
  let spaces = 0;
  for (; end < text.end && text.bytes[end] !== bytesOf.less; end++) if (text.bytes[end]! <= bytesOf.space) spaces++;
  const closes = end < text.end ? text.byteAt(end + 1) === bytesOf.slash : spaces === 0;
  return closes && isSecretValue(text, nameKinds.password, start, end, false);
}

const workingDirectory = literalBytes('pwd');

/** A shell keeps its working directory in PWD. */
function isDirectory(text: SearchedText, nameEnd: number, valueStart: number): boolean {
  return text.holdsFolded(nameEnd - 3, workingDirectory) && text.byteAt(valueStart) === bytesOf.slash;
}

/**
 * Where a quoted text ends. `depth`: backslashes before its opening quote. As many before a quote close it, fewer close
 * what is around it; `\"` within a text is part of it.
 */
function quotedEnd(text: SearchedText, start: number, quote: number, depth: number): number {
  const { bytes, end } = text;
  for (let at = start; at < end; at++) {
    if (bytes[at] !== quote) continue;
    let slashes = 0;
    while (at - slashes > start && bytes[at - slashes - 1] === bytesOf.backslash) slashes++;
    if (slashes < depth || Math.floor((slashes - depth) / (depth + 1)) % 2 === 0) return at - Math.min(slashes, depth);
  }
  return end;
}

function unquotedEnd(text: SearchedText, start: number): number {
  const { end } = text;
  let at = start;
  for (; at < end; at++) {
    const byte = text.bytes[at]!;
    if (byte <= bytesOf.space || byte === bytesOf.quote || byte === bytesOf.backtick) break;
    if (byte === bytesOf.apostrophe && !text.is(at + 1, classes.alphanumeric)) break;
    if (isListSeparator(byte) && endsItem(text, at + 1)) break;
  }
  while (at > start && isClosing(text.bytes[at - 1]!)) at--;
  return at;
}

function isListSeparator(byte: number): boolean {
  return byte === bytesOf.comma || byte === bytesOf.semicolon || byte === bytesOf.ampersand;
}

const nameCharactersMax = 40;

/** Whether a separator before `at` ends a value: nothing, white space or another name with its value follows. */
function endsItem(text: SearchedText, at: number): boolean {
  if (text.byteAt(at) <= bytesOf.space) return true;
  const nameEnd = text.runEnd(at, classes.dotted, Math.min(text.end, at + nameCharactersMax));
  const behind = text.byteAt(nameEnd);
  return nameEnd > at && (behind === bytesOf.equals || behind === bytesOf.colon);
}

/** . , ; : ) ] } \ that close a sentence or a bracket around the value. */
function isClosing(byte: number): boolean {
  return closing.includes(byte);
}

const closing = literalBytes('.,;:)]}\\');

/** What stands for a value, or goes on as prose. */
const noSecrets = new Set(
  (
    'null nil none undefined true false yes no on off missing required invalid expired empty unset redacted masked ' +
    'hidden incorrect wrong must should cannot not is was has does and or the this for failed denied rejected ' +
    'accepted changed reset rotated revoked updated ok string str text number optional disabled enabled ' +
    'authentication authenticated unauthorized forbidden bearer basic digest token header scheme credentials'
  ).split(' '),
);
const wordBytesMax = 16;
const placeholderBytesMax = 64;
const signatureBytesMin = 20;

function isSecretValue(text: SearchedText, kind: number, start: number, end: number, isProse: boolean): boolean {
  const length = end - start;
  if (length <= 0 || isPlaceholder(text, start, end)) return false;
  if (length <= wordBytesMax && noSecrets.has(text.text(start, end).toLowerCase())) return false;
  if (kind === nameKinds.signature) return length >= signatureBytesMin && !isProse && text.found(start, end);
  if (kind === nameKinds.password) return text.found(start, end);
  if (isNumeric(text, start, end) || (isProse && length < wordBytesMax && !isMarked(text, start, end))) return false;
  return text.found(start, end);
}

/** `***`, `[redacted]`, `<password>`, `${PASSWORD}`, `%s`. */
function isPlaceholder(text: SearchedText, start: number, end: number): boolean {
  const first = text.byteAt(start);
  if (!text.is(start, classes.alphanumeric)) {
    let same = start;
    while (same < end && text.bytes[same] === first) same++;
    if (same === end) return true;
  }
  if (end - start > placeholderBytesMax) return false;
  return placeholder.test(text.text(start, end));
}

const placeholder = /^(?:<[^<>]*>|\[?redacted\]?|\$?\{[^{}]*\}?|%[sd])$/i;

const numberBytesMax = 8;

/** A number with its unit: how many tokens, how long. */
function isNumeric(text: SearchedText, start: number, end: number): boolean {
  return end - start <= numberBytesMax && /^[\d.,_/:]+(?:%|[mu]?s|[kmgh]b?)?$/i.test(text.text(start, end));
}

/** Whether a word has a digit, a sign or a capital behind a small letter, as no word of prose has. */
function isMarked(text: SearchedText, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if (!text.is(at, classes.letters)) return true;
    if (at > start && text.is(at, classes.upper) && text.is(at - 1, classes.lower)) return true;
  }
  return false;
}

/** Schemes of an Authorization header; behind those with parameters the whole line is the secret. */
const schemes = ['bearer', 'basic', 'token', 'apikey', 'negotiate', 'ntlm', 'key', 'digest', 'oauth', 'hawk', 'mac'];
const parameterSchemes = new Set(['digest', 'oauth', 'hawk', 'mac', 'signature', 'aws4-hmac-sha256']);
const schemeNames = new Set([...schemes, ...parameterSchemes]);
const schemeBytesMax = 24;

function schemeEnd(text: SearchedText, start: number): number {
  const end = text.runEnd(start, classes.word, Math.min(text.end, start + schemeBytesMax));
  if (text.byteAt(end) !== bytesOf.space) return start;
  return schemeNames.has(text.text(start, end).toLowerCase()) ? end : start;
}

function skipScheme(text: SearchedText, start: number): number {
  const end = schemeEnd(text, start);
  return end === start ? start : skipSpaces(text, end);
}

/** What follows `Authorization:` without quotes around it. */
function findCredentials(text: SearchedText, start: number, isProse: boolean): boolean {
  const schemeAt = schemeEnd(text, start);
  const credentials = skipScheme(text, start);
  if (parameterSchemes.has(text.text(start, schemeAt).toLowerCase())) {
    return text.found(credentials, lineEnd(text, credentials));
  }
  const kind = schemeAt > start ? nameKinds.password : nameKinds.token;
  return isSecretValue(text, kind, credentials, unquotedEnd(text, credentials), isProse);
}

function lineEnd(text: SearchedText, start: number): number {
  let end = start;
  while (end < text.end && text.bytes[end] !== bytesOf.newline && text.bytes[end] !== bytesOf.return) end++;
  return end;
}

const cookieNameBytesMax = 128;

/** `name=value; name=value; Path=/; Secure`: to the end of the last pair or attribute. */
function findCookies(text: SearchedText, start: number): boolean {
  const name = text.runEnd(start, classes.tilded, Math.min(text.end, start + cookieNameBytesMax));
  if (name === start || text.byteAt(name) !== bytesOf.equals) return false;
  const { bytes } = text;
  let end = start;
  for (; end < text.end; end++) {
    const byte = bytes[end]!;
    if (byte === bytesOf.quote || byte < bytesOf.space) break;
    if (byte === bytesOf.space && bytes[end - 1] !== bytesOf.semicolon && !isInDate(text, start, end)) break;
  }
  return text.found(start, end);
}

/** `Expires=Wed, 21 Oct 2026 07:28:00 GMT` has spaces of its own. */
function isInDate(text: SearchedText, start: number, at: number): boolean {
  const part = text.text(Math.max(start, at - 40), at);
  return /expires=[^;]{0,28}$/i.test(part) && !/(?:gmt|utc)$/i.test(part);
}
