import { SqlLexer, type Token } from '../../sql-lexer.js';
import { ClickHouseException } from '../clickhouse-exception.js';

/**
 * Tells the SQL of a request from the data that may follow it in the same bytes.
 *
 * ClickHouse's rule: the data of an INSERT begins behind the format's name (or behind VALUES), after spaces,
 * tabs and form feeds and then at most one line break; it may hold any bytes. Nothing else carries data.
 * chDB must never be given such data inline: it ends it at the first blank line and runs the rest as SQL.
 */
export type SqlHead =
  /** The bytes end before it is clear where the SQL does. */
  | { readonly kind: 'more' }
  /** All of it is SQL. */
  | { readonly kind: 'sql' }
  /** `INSERT … FROM INFILE 'path'`: all SQL; `path` is the literal as written, between its quotes. */
  | { readonly kind: 'infile'; readonly path: string; readonly pathStart: number; readonly pathEnd: number }
  | InsertHead;

export interface InsertHead {
  readonly kind: 'data';
  /** `INSERT INTO t (columns)`, as written. */
  readonly target: string;
  /** What follows SETTINGS, as written; empty when there is none. */
  readonly settings: string;
  readonly format: string;
  /** Offset of the first byte of the data. */
  readonly dataStart: number;
}

const more: SqlHead = { kind: 'more' };
const sql: SqlHead = { kind: 'sql' };

/** `text` is the request so far as latin1, `complete` when nothing follows. Throws SYNTAX_ERROR. */
export function parseSqlHead(text: string, complete: boolean): SqlHead {
  const parser = new HeadParser(text, complete);
  try {
    return parser.parse();
  } catch (error) {
    if (error === needMore) return more;
    throw error;
  }
}

const needMore = Symbol('more bytes are needed');

class HeadParser {
  readonly #text: string;
  readonly #complete: boolean;
  readonly #lexer: SqlLexer;

  constructor(text: string, complete: boolean) {
    this.#text = text;
    this.#complete = complete;
    this.#lexer = new SqlLexer(text, complete);
  }

  parse(): SqlHead {
    const first = this.#take();
    if (first !== null && isWord(first, 'INSERT')) return this.#insert(first, this.#must());
    const into = first !== null && isWord(first, 'WITH') ? this.#intoBehindWith() : null;
    if (first === null || into === null) return this.#complete ? sql : more;
    return this.#insert(first, into);
  }

  /** `WITH … INSERT INTO`, outside of brackets; null when something else comes first, such as what is no token here. */
  #intoBehindWith(): Token | null {
    let depth = 0;
    let last: Token | null = null;
    for (let token = this.#next(); token !== null; token = this.#next()) {
      if (token.kind === 'foreign' || token.kind === 'unterminated') return null;
      if (token.kind === 'symbol' && '([{'.includes(token.text)) depth++;
      if (token.kind === 'symbol' && ')]}'.includes(token.text)) depth--;
      if (depth === 0 && isWord(token, 'SELECT')) return null;
      if (depth === 0 && isWord(token, 'INTO') && last !== null && isWord(last, 'INSERT')) return token;
      last = token;
    }
    return null;
  }

  #insert(first: Token, second: Token): SqlHead {
    let token = second;
    if (isWord(token, 'INTO')) token = this.#must();
    if (isWord(token, 'TABLE')) token = this.#must();
    if (isWord(token, 'FUNCTION')) {
      throw new ClickHouseException('ACCESS_DENIED', 'Inserting into a table function is not allowed here.');
    }
    let targetEnd = token.end;
    token = this.#must();
    while (isSymbol(token, '.')) {
      targetEnd = this.#must().end;
      token = this.#must();
    }
    if (isSymbol(token, '(')) {
      const inner = this.#must();
      if (isWord(inner, 'SELECT') || isWord(inner, 'WITH') || isSymbol(inner, '(')) return this.#whole(sql);
      targetEnd = this.#closing(inner).end;
      token = this.#must();
    }
    const target = this.#text.slice(first.start, targetEnd);
    const settingsStart = isWord(token, 'SETTINGS') ? token.end : null;
    if (settingsStart !== null) token = this.#pastSettings();
    const settings = settingsStart === null ? '' : this.#text.slice(settingsStart, token.start).trim();
    return this.#body(token, { target, settings });
  }

  #body(token: Token, insert: { readonly target: string; readonly settings: string }): SqlHead {
    if (isWord(token, 'VALUES')) return { kind: 'data', ...insert, format: 'Values', dataStart: token.end };
    if (isWord(token, 'FORMAT')) {
      const format = this.#must();
      if (format.kind !== 'word') throw syntaxError(format.start, 'expected the name of a format');
      return { kind: 'data', ...insert, format: format.text, dataStart: this.#dataStart(format.end) };
    }
    if (isWord(token, 'SELECT') || isWord(token, 'WITH') || isSymbol(token, '(')) return this.#whole(sql);
    if (isWord(token, 'FROM')) {
      const infile = this.#must();
      const path = this.#must();
      if (!isWord(infile, 'INFILE') || path.kind !== 'string') throw syntaxError(infile.start, 'expected INFILE');
      return this.#whole({ kind: 'infile', path: path.text, pathStart: path.start, pathEnd: path.end });
    }
    throw syntaxError(token.start, 'expected VALUES, FORMAT, SETTINGS, SELECT, WITH or FROM INFILE');
  }

  /** Behind the format's name: blanks, then one line break. */
  #dataStart(formatEnd: number): number {
    const text = this.#text;
    let at = formatEnd;
    while (text[at] === ' ' || text[at] === '\t' || text[at] === '\f') at++;
    if (text[at] === ';') throw syntaxError(at, 'a semicolon between FORMAT and the data');
    if (text[at] === '\r') at++;
    if (at >= text.length && !this.#complete) throw needMore;
    return text[at] === '\n' ? at + 1 : at;
  }

  #pastSettings(): Token {
    for (let token = this.#must(); ; token = this.#must()) {
      if (token.kind === 'word' && settingsEnd.has(token.text.toUpperCase())) return token;
    }
  }

  #closing(from: Token): Token {
    let depth = 1;
    for (let token = from; ; token = this.#must()) {
      if (isSymbol(token, '(')) depth++;
      else if (isSymbol(token, ')') && --depth === 0) return token;
    }
  }

  #whole(head: SqlHead): SqlHead {
    return this.#complete ? head : more;
  }

  #must(): Token {
    const token = this.#take();
    if (token === null) throw syntaxError(this.#text.length, 'the INSERT ends here');
    return token;
  }

  #take(): Token | null {
    const token = this.#next();
    if (token?.kind === 'foreign') throw syntaxError(token.start, 'a character that is not ASCII outside of quotes');
    if (token?.kind === 'unterminated') throw syntaxError(token.start, 'a quote or comment without end');
    return token;
  }

  /** A token that touches the end may go on in the next bytes. */
  #next(): Token | null {
    const token = this.#lexer.next();
    if (!this.#complete && (token === null || token.end === this.#text.length)) throw needMore;
    return token;
  }
}

const settingsEnd: ReadonlySet<string> = new Set(['FORMAT', 'VALUES', 'SELECT', 'WITH', 'FROM']);

function isWord(token: Token, word: string): boolean {
  return token.kind === 'word' && token.text.toUpperCase() === word;
}

function isSymbol(token: Token, symbol: string): boolean {
  return token.kind === 'symbol' && token.text === symbol;
}

function syntaxError(offset: number, problem: string): ClickHouseException {
  return new ClickHouseException('SYNTAX_ERROR', `Syntax error: failed at position ${offset + 1}: ${problem}.`);
}
