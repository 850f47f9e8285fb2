import { Buffer } from 'node:buffer';
import { bytesOf, classes } from './byte-classes.js';
import { literalBytes, type SearchedText } from './searched-text.js';
import { isRandom } from './token-finder.js';

/**
 * Keys that are told by their form, since no beginning of three characters does. Each function is asked at the one
 * byte that every such key has, and looks at the few around it first.
 */
const webTokenStart = literalBytes('eyJ');
const webTokenPartBytesMin = 8;

/** A JSON Web Token, signed or not: parts in base64url, of which the first is a JSON map. `at`: its J. */
export function findWebToken(text: SearchedText, at: number): boolean {
  const start = at - 2;
  if (!text.holds(start, webTokenStart) || !text.startsWord(start, classes.word)) return false;
  const headEnd = text.runEnd(start, classes.word);
  if (headEnd - start < webTokenPartBytesMin || text.byteAt(headEnd) !== bytesOf.dot) return false;
  let end = text.runEnd(headEnd + 1, classes.word);
  if (end - headEnd < webTokenPartBytesMin) return false;
  while (text.byteAt(end) === bytesOf.dot && text.is(end + 1, classes.word)) end = text.runEnd(end + 1, classes.word);
  return text.found(start, end);
}

/** Of Telegram's bots: a number of 8 to 10 digits, a colon and 35 characters, the first an A. `at`: the colon. */
export function findTelegramToken(text: SearchedText, at: number): boolean {
  if (text.byteAt(at + 1) !== 0x41) return false;
  const start = text.runStart(at, classes.digit, 11);
  if (at - start < 8 || at - start > 10) return false;
  const end = text.runEnd(at + 1, classes.word);
  return end - at > 34 && text.found(start, end);
}

/** Of Discord's bots: 23 to 28 characters, six, and 27 or more, with dots between. `at`: the first dot. */
export function findDiscordToken(text: SearchedText, at: number): boolean {
  if (text.byteAt(at + 7) !== bytesOf.dot || text.runEnd(at + 1, classes.word) !== at + 7) return false;
  const start = text.runStart(at, classes.word, 29);
  const first = text.byteAt(start);
  if (at - start < 23 || at - start > 28 || first < 0x4d || first > 0x4f) return false;
  const end = text.runEnd(at + 8, classes.word);
  return end - at > 34 && text.found(start, end);
}

const airtableStart = literalBytes('pat');

/** Of Airtable: `pat` and 14 characters, a dot and 64 hexadecimal digits. `at`: the dot. */
export function findAirtableToken(text: SearchedText, at: number): boolean {
  const start = at - 17;
  if (!text.holds(start, airtableStart) || !text.startsWord(start)) return false;
  if (text.runStart(at, classes.alphanumeric, 17) !== start) return false;
  const end = text.runEnd(at + 1, classes.hex);
  return end - at > 32 && text.found(start, end);
}

/** Client secrets of Azure: three characters, a digit, `Q~` and 31 to 34 more. `at`: the tilde. */
export function findAzureSecret(text: SearchedText, at: number): boolean {
  if (text.byteAt(at - 1) !== 0x51 || !text.is(at - 2, classes.digit)) return false;
  const start = text.runStart(at - 2, classes.tilded, 3);
  const end = text.runEnd(at + 1, classes.tilded);
  return start === at - 5 && end - at > 30 && text.found(start, end);
}

/** Of Mailchimp: 32 hexadecimal digits and its data centre, `-us` and a number. `at`: the dash. */
export function findMailchimpKey(text: SearchedText, at: number): boolean {
  if (text.byteAt(at + 1) !== 0x75 || text.byteAt(at + 2) !== 0x73 || !text.is(at + 3, classes.digit)) return false;
  const start = at - 32;
  return text.runStart(at, classes.hex, 32) === start && text.found(start, text.runEnd(at + 3, classes.digit));
}

/** Of Mailgun: 32, 8 and 8 hexadecimal digits. `at`: the first dash. */
export function findMailgunKey(text: SearchedText, at: number): boolean {
  if (text.byteAt(at + 9) !== bytesOf.dash) return false;
  const start = at - 32;
  if (text.runStart(at, classes.hex, 33) !== start || text.runEnd(at + 1, classes.hex) !== at + 9) return false;
  return text.runEnd(at + 10, classes.hex) === at + 18 && text.found(start, at + 18);
}

/** Keys and accounts of Twilio: `SK` or `AC` and 32 hexadecimal digits. `at`: the second letter. */
export function findTwilioKey(text: SearchedText, at: number): boolean {
  const first = text.byteAt(at - 1);
  if (first !== (text.byteAt(at) === 0x4b ? 0x53 : 0x41) || !text.startsWord(at - 1)) return false;
  const end = text.runEnd(at + 1, classes.hex);
  return end - at === 33 && text.found(at - 1, end);
}

const bearer = literalBytes('bearer');
const basic = literalBytes('basic');
const bearerBytesMin = 6;
const longBytesMin = 20;
const basicBytesMin = 8;
const judgedBytesMax = 256;

/** What follows `Bearer` or `Basic`, where no header's name stands before it. `at`: the b. */
export function findScheme(text: SearchedText, at: number): boolean {
  const isBearer = text.holdsFolded(at, bearer);
  if (!isBearer && !text.holdsFolded(at, basic)) return false;
  let start = at + (isBearer ? bearer.length : basic.length);
  const schemeEnd = start;
  while (start < schemeEnd + 8 && text.byteAt(start) === bytesOf.space) start++;
  if (start === schemeEnd || !text.startsWord(at)) return false;
  const end = text.runEnd(start, classes.token);
  return (isBearer ? isBearerToken(text, start, end) : isBasicPair(text, start, end)) && text.found(start, end);
}

function isBearerToken(text: SearchedText, start: number, end: number): boolean {
  if (end - start < bearerBytesMin) return false;
  if (end - start >= longBytesMin || isRandom(text, start, classes.token)) return true;
  return /\d|[a-z][A-Z]/.test(text.text(start, end));
}

/** Whether base64 holds a name and a password: text with a colon. */
function isBasicPair(text: SearchedText, start: number, end: number): boolean {
  if (end - start < basicBytesMin) return false;
  const pair = Buffer.from(text.text(start, Math.min(end, start + judgedBytesMax)), 'base64').toString('utf8');
  return pair.includes(':') && !/[\p{Cc}\ufffd]/u.test(pair.slice(0, -1));
}
