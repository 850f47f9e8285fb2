import { bytesOf, classes } from './byte-classes.js';
import { foldByte, literalBytes, type SearchedText } from './searched-text.js';
import { TrigramTable, trigram } from './trigram-table.js';

/**
 * What a name says of its value:
 *   password       a secret, whatever it looks like
 *   token          a secret, unless it is a number or reads like prose
 *   authorization  the same behind the scheme of an Authorization header
 *   cookie         pairs of names and values
 *   signature      a secret when it is long
 */
export const nameKinds = { none: 0, password: 1, token: 2, authorization: 3, cookie: 4, signature: 5 } as const;

/** A name that only tells more of the name before it. */
const addition = 6;

/** What has to stand, or must not stand, before the end of a name, which is in lower case. */
type Condition = 'nothing' | 'word' | 'key' | 'count';

interface NameEnd {
  readonly literal: readonly number[];
  readonly kind: number;
  readonly condition: Condition;
}

function ends(names: string, kind: number, condition: Condition = 'nothing'): NameEnd[] {
  return names.split(' ').map((name) => ({ literal: literalBytes(name), kind, condition }));
}

const nameEnds: readonly NameEnd[] = [
  ...ends('password passwd passphrase passcode secret secret_id secretid', nameKinds.password),
  ...ends('pwd', nameKinds.password, 'word'),
  ...ends('passwords secrets credential credentials', nameKinds.token),
  ...ends('token', nameKinds.token, 'count'),
  ...ends('key', nameKinds.token, 'key'),
  ...ends('access_key_id access-key-id accesskeyid', nameKinds.token),
  ...ends('auth pass jwt bearer creds jsessionid phpsessid', nameKinds.token, 'word'),
  ...ends('authorization', nameKinds.authorization),
  ...ends('cookie', nameKinds.cookie, 'word'),
  ...ends('sig signature', nameKinds.signature, 'word'),
  ...ends('prod production dev staging test live backup old new current previous primary', addition, 'word'),
  ...ends('secondary value hash raw plain confirm confirmation', addition, 'word'),
];

export const nameTrigrams: readonly number[] = nameEnds.map(({ literal }) => {
  const [first, second, third] = literal.slice(-3);
  return trigram(first!, second!, third!);
});

const table = new TrigramTable(nameTrigrams);

/** A key is a secret by what it opens: the key of a cache, a row or an object is none. */
const keyQualifiers = (
  'api access secret private account auth application client service master signing encryption subscription shared ' +
  'storage functions consumer ssh license deploy admin ingest ingestion webhook security sas integration bot session'
)
  .split(' ')
  .map(literalBytes);
const appQualifier = literalBytes('app');

/** Tokens of language models and parsers: how many, where, and which. */
const countQualifiers = (
  'per first last max min num total count stop start begin end eos bos pad unk sep cls special unexpected ' +
  'input output prompt completion reasoning cached'
)
  .split(' ')
  .map(literalBytes);

/** Kind of the name that ends before `end`. Hot path: once an assignment in a text. */
export function nameKindBefore(text: SearchedText, end: number): number {
  const kind = kindBefore(text, end);
  if (kind !== addition) return kind;
  const added = kindBefore(text, isSeparator(text.byteAt(text.nameStart - 1)) ? text.nameStart - 1 : text.nameStart);
  return added === addition ? nameKinds.none : added;
}

/** `password2`, `api_key_1`. */
const numberDigitsMax = 3;

/** Whether the value of a key of a map, the whole text, is a secret. Lone `pass` is rather the outcome of a check. */
export function isSecretKey(text: SearchedText): boolean {
  const kind = nameKindBefore(text, text.end);
  if (kind === nameKinds.none || kind === nameKinds.signature) return false;
  return text.end - text.from !== passName.length || !text.holdsFolded(text.from, passName);
}

const passName = literalBytes('pass');

function kindBefore(text: SearchedText, endWithNumber: number): number {
  const { bytes } = text;
  let end = text.runStart(endWithNumber, classes.digit, numberDigitsMax);
  if (end < endWithNumber && isSeparator(text.byteAt(end - 1))) end--;
  if (end < text.from + 3) return nameKinds.none;
  const word = trigram(foldByte(bytes[end - 3]!), foldByte(bytes[end - 2]!), foldByte(bytes[end - 1]!));
  for (let entry = table.first(word); entry >= 0; entry = table.next(entry)) {
    const { literal, kind, condition } = nameEnds[entry]!;
    const start = end - literal.length;
    if (!text.holdsFolded(start, literal) || !allows(condition, text, start)) continue;
    text.nameStart = start;
    return kind;
  }
  return nameKinds.none;
}

function allows(condition: Condition, text: SearchedText, start: number): boolean {
  switch (condition) {
    case 'word':
      return beginsName(text, start);
    case 'key':
      return qualifierBefore(text, start, keyQualifiers) || isAppKey(text, start);
    case 'count':
      return !qualifierBefore(text, start, countQualifiers);
    default:
      return true;
  }
}

/** Whether no letter stands before `at`, or it begins a word in camel case. */
function beginsName(text: SearchedText, at: number): boolean {
  return text.startsWord(at, classes.letter) || (text.is(at, classes.upper) && !text.is(at - 1, classes.upper));
}

function qualifierBefore(text: SearchedText, at: number, qualifiers: readonly (readonly number[])[]): boolean {
  const end = isSeparator(text.byteAt(at - 1)) ? at - 1 : at;
  return qualifiers.some((qualifier) => text.holdsFolded(end - qualifier.length, qualifier));
}

function isAppKey(text: SearchedText, at: number): boolean {
  const start = (isSeparator(text.byteAt(at - 1)) ? at - 1 : at) - appQualifier.length;
  return text.holdsFolded(start, appQualifier) && beginsName(text, start);
}

function isSeparator(byte: number): boolean {
  return byte === bytesOf.underscore || byte === bytesOf.dash || byte === bytesOf.dot || byte === bytesOf.space;
}
