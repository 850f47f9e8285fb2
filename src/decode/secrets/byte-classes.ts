/** What a byte may be part of, as bits: keys are told from words by the characters they are made of. */
const bits = {
  digit: 0x1,
  hexLower: 0x2,
  lower: 0x4,
  hexUpper: 0x8,
  upper: 0x10,
  underscore: 0x20,
  dash: 0x40,
  dot: 0x80,
  plus: 0x100,
  slash: 0x200,
  equals: 0x400,
  tilde: 0x800,
  dollar: 0x1000,
  at: 0x2000,
  /** Part of a code point above 0x7f. */
  wide: 0x4000,
  percent: 0x8000,
} as const;

const hex = bits.digit | bits.hexLower | bits.hexUpper;
const capitals = bits.digit | bits.hexUpper | bits.upper;
const alphanumeric = hex | bits.lower | bits.upper;
const word = alphanumeric | bits.underscore | bits.dash;

/** Alphabets of keys. */
export const classes = {
  digit: bits.digit,
  hex,
  /** Capital letters and digits. */
  capitals,
  upper: bits.hexUpper | bits.upper,
  lower: bits.hexLower | bits.lower,
  /** Of words as people write them, with the joints of names. */
  letters: bits.hexLower | bits.lower | bits.hexUpper | bits.upper | bits.wide | bits.dash | bits.underscore,
  letter: bits.hexLower | bits.lower | bits.hexUpper | bits.upper,
  alphanumeric,
  /** Base64 in its form for URLs. */
  word,
  dotted: word | bits.dot,
  tilded: word | bits.dot | bits.tilde,
  base64: alphanumeric | bits.plus | bits.slash | bits.equals,
  /** Base64 in either form. */
  base64Any: word | bits.plus | bits.slash | bits.equals,
  path: word | bits.slash | bits.at,
  dollared: word | bits.dollar,
  hexDashed: hex | bits.dash,
  /** What a bearer token is made of (RFC 6750). */
  token: word | bits.dot | bits.tilde | bits.plus | bits.slash | bits.equals,
  hostName: alphanumeric | bits.dash | bits.dot | bits.wide,
  /** Local part of an e-mail address. */
  mailbox: word | bits.dot | bits.plus | bits.percent | bits.wide,
} as const;

/** A plain array, as everywhere in the decoder: a typed one is checked for its buffer at every access. */
export const byteClasses: readonly number[] = (() => {
  const table: number[] = Array.from({ length: 256 }, (_, byte) => (byte > 0x7f ? bits.wide : 0));
  const set = (characters: string, bit: number) => {
    for (const character of characters) table[character.charCodeAt(0)] = bit;
  };
  set('0123456789', bits.digit);
  set('abcdef', bits.hexLower);
  set('ghijklmnopqrstuvwxyz', bits.lower);
  set('ABCDEF', bits.hexUpper);
  set('GHIJKLMNOPQRSTUVWXYZ', bits.upper);
  set('_', bits.underscore);
  set('-', bits.dash);
  set('.', bits.dot);
  set('+', bits.plus);
  set('/', bits.slash);
  set('=', bits.equals);
  set('~', bits.tilde);
  set('$', bits.dollar);
  set('@', bits.at);
  set('%', bits.percent);
  return table;
})();

/** Bytes that are looked for by the code of their character. */
export const bytesOf = {
  tab: 0x09,
  newline: 0x0a,
  return: 0x0d,
  space: 0x20,
  quote: 0x22,
  percent: 0x25,
  ampersand: 0x26,
  apostrophe: 0x27,
  comma: 0x2c,
  dash: 0x2d,
  dot: 0x2e,
  slash: 0x2f,
  colon: 0x3a,
  semicolon: 0x3b,
  less: 0x3c,
  equals: 0x3d,
  greater: 0x3e,
  at: 0x40,
  backslash: 0x5c,
  closingBracket: 0x5d,
  underscore: 0x5f,
  backtick: 0x60,
  tilde: 0x7e,
} as const;
