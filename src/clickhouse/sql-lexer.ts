/**
 * ClickHouse's lexical grammar, as far as it decides where a statement, a string or a comment ends.
 *
 * Works on text decoded as latin1, so that an index is a byte offset. Bytes above 0x7F are only expected
 * inside quotes and comments, and as spaces; other ones come out as `foreign`, because the engine reads some of
 * them as quotes. An unterminated quote or comment is `unterminated` and takes the rest.
 */
export type TokenKind = 'word' | 'identifier' | 'string' | 'number' | 'symbol' | 'foreign' | 'unterminated';

export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
  /** As written for words, numbers and symbols; what is between the quotes, escapes untouched, otherwise. */
  readonly text: string;
}

export class SqlLexer {
  readonly #text: string;
  readonly #complete: boolean;
  #at = 0;
  #lastTags: ReadonlyMap<string, number> | null = null;

  /** `complete`: nothing follows the text. Else what could be a heredoc and has no end yet is `unterminated`. */
  constructor(text: string, complete: boolean) {
    this.#text = text;
    this.#complete = complete;
  }

  /** The next token that is neither space nor comment, null at the end. */
  next(): Token | null {
    const text = this.#text;
    for (;;) {
      const start = this.#at;
      if (start >= text.length) return null;
      const end = endOfSpace(text, start);
      if (end === start) break;
      if (end === -1) return this.#take('unterminated', start, text.length, start);
      this.#at = end;
    }
    const start = this.#at;
    const character = text[start] ?? '';
    if (character === "'") return this.#quoted('string', character);
    if (character === '"' || character === '`') return this.#quoted('identifier', character);
    if (character === '$') return this.#heredoc() ?? this.#run('word', wordPattern);
    if (isDigit(character)) return this.#run('number', numberPattern);
    if (isWord(character)) return this.#run('word', wordPattern);
    return this.#take(character > '\x7f' ? 'foreign' : 'symbol', start, start + 1, start);
  }

  #quoted(kind: 'string' | 'identifier', quote: string): Token {
    const text = this.#text;
    const start = this.#at;
    for (let at = start + 1; at < text.length; at++) {
      if (text[at] === '\\') at++;
      else if (text[at] === quote) {
        if (text[at + 1] !== quote) return this.#take(kind, start, at + 1, start + 1, at);
        at++;
      }
    }
    return this.#take('unterminated', start, text.length, start);
  }

  /** `$tag$ … $tag$`; null when the dollar sign begins something else. */
  #heredoc(): Token | null {
    const start = this.#at;
    heredocPattern.lastIndex = start;
    const tag = heredocPattern.exec(this.#text)?.[0];
    if (tag === undefined) return null;
    const inside = start + tag.length;
    this.#lastTags ??= lastHeredocTags(this.#text);
    // To look for an end that does not come, from each of many beginnings, would be quadratic.
    if ((this.#lastTags.get(tag) ?? 0) < inside) {
      return this.#complete ? null : this.#take('unterminated', start, this.#text.length, start);
    }
    const close = this.#text.indexOf(tag, inside);
    return this.#take('string', start, close + tag.length, inside, close);
  }

  #run(kind: TokenKind, pattern: RegExp): Token {
    pattern.lastIndex = this.#at;
    const length = pattern.exec(this.#text)?.[0].length ?? 1;
    return this.#take(kind, this.#at, this.#at + length, this.#at);
  }

  #take(kind: TokenKind, start: number, end: number, textStart: number, textEnd = end): Token {
    this.#at = end;
    return { kind, start, end, text: this.#text.slice(textStart, textEnd) };
  }
}

const wordPattern = /[A-Za-z0-9_$]+/y;
const numberPattern = /[A-Za-z0-9_.]+/y;
const heredocPattern = /\$[A-Za-z0-9_]*\$/y;

/** Where each `$tag$` of the text begins for the last time. A dollar sign may end one and begin the next. */
export function lastHeredocTags(text: string): ReadonlyMap<string, number> {
  const last = new Map<string, number>();
  for (const { index, 1: name } of text.matchAll(/\$(?=([A-Za-z0-9_]*)\$)/g)) last.set(`$${name}$`, index);
  return last;
}

/** Past one run of spaces or one comment; the same index when there is neither, -1 when a comment has no end. */
function endOfSpace(text: string, start: number): number {
  const character = text[start] ?? '';
  if (isSpace(character)) {
    let end = start + 1;
    while (isSpace(text[end] ?? '')) end++;
    return end;
  }
  if (character > '\x7f') {
    pastedSpace.lastIndex = start;
    return start + (pastedSpace.exec(text)?.[0].length ?? 0);
  }
  const next = text[start + 1] ?? '';
  if (character === '/' && next === '*') {
    const close = text.indexOf('*/', start + 2);
    return close === -1 ? -1 : close + 2;
  }
  if ((character === '-' && next === '-') || (character === '#' && (next === ' ' || next === '!'))) {
    const close = text.indexOf('\n', start);
    return close === -1 ? text.length : close + 1;
  }
  return start;
}

/** Those that come with pasted text, in UTF-8: no-break and other spaces, zero width, the mark that begins a file. */
const pastedSpace = /(?:\xc2\xa0|\xe1\xa0\x8e|\xe2\x80[\x80-\x8b\xaf]|\xe2\x81[\x9f\xa0]|\xe3\x80\x80|\xef\xbb\xbf)+/y;

function isSpace(character: string): boolean {
  return character !== '' && ' \t\n\r\f\v'.includes(character);
}

function isDigit(character: string): boolean {
  return character >= '0' && character <= '9';
}

function isWord(character: string): boolean {
  return /[A-Za-z_]/.test(character);
}
