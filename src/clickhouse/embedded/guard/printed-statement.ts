/**
 * A statement as the engine prints it back from its syntax tree, with the tokens its own lexer finds in that text:
 * no comments, one way to quote, one statement. Everything that is decided on text is decided on this one, and this
 * one is run.
 */
export class PrintedStatement {
  readonly sql: string;
  readonly #bytes: Buffer;
  readonly #tokens: readonly PrintedToken[];

  constructor(sql: string, tokens: readonly PrintedToken[]) {
    this.sql = sql;
    this.#bytes = Buffer.from(sql, 'utf8');
    this.#tokens = tokens;
  }

  get tokens(): readonly PrintedToken[] {
    return this.#tokens;
  }

  textAt(at: number): string {
    const token = this.#tokens[at];
    return token === undefined ? '' : this.#text(token);
  }

  /** From the beginning of a token to the end of another. */
  between(from: number, to: number): string {
    return this.#bytes.toString('utf8', this.#tokens[from]?.[0], this.#tokens[to]?.[1]);
  }

  /** The words it begins with, in upper case. */
  get firstWords(): readonly string[] {
    const words: string[] = [];
    for (const token of this.#tokens) {
      if (token[2] !== 'BareWord' || words.length === firstWordsMax) break;
      words.push(this.#text(token).toUpperCase());
    }
    return words;
  }

  /** `INTO OUTFILE`, in whatever place. */
  get namesOutfile(): boolean {
    return this.#tokens.some((_, at) => this.isWord(at, 'INTO') && this.isWord(at + 1, 'OUTFILE'));
  }

  /** Names in quotes that are written with escapes of more than quotes and backslashes: one may hide a line break. */
  get hasEscapedName(): boolean {
    const isEscaped = (text: string) => /[\\\p{Cc}]/u.test(text.replaceAll(/\\[\\`'"]/g, ''));
    return this.#tokens.some((token) => token[2] === 'QuotedIdentifier' && isEscaped(this.#text(token)));
  }

  /** Whether a value of the request may become a name. */
  get takesNames(): boolean {
    return this.#tokens.some((_, at) => this.isWord(at, 'IDENTIFIER'));
  }

  /** Words before an equals sign: names of settings, where the statement has any, and of columns. */
  get assignedWords(): readonly string[] {
    return this.#tokens
      .filter((token, at) => token[2] === 'BareWord' && this.#tokens[at + 1]?.[2] === 'Equals')
      .map((token) => this.#text(token));
  }

  /** `KILL QUERY WHERE condition mode [FORMAT x]`; null for another statement, also for one with ON CLUSTER. */
  get kill(): KillClause | null {
    const condition = this.#tokens[3];
    if (condition === undefined || this.firstWords.slice(0, 3).join(' ') !== 'KILL QUERY WHERE') return null;
    const at = this.#tokens.length - (this.format === null ? 1 : 3);
    const mode = this.#tokens[at];
    const word = mode === undefined ? '' : this.#text(mode).toUpperCase();
    if (mode === undefined || at <= 3 || !isKillMode(word)) return null;
    return { condition: this.#bytes.toString('utf8', condition[0], mode[0]).trim(), mode: word };
  }

  hasWord(word: string): boolean {
    return this.#tokens.some((_, at) => this.isWord(at, word));
  }

  /** The clause `FORMAT x`: outside of parentheses, at the end or before the settings. */
  get format(): string | null {
    const clause = this.#formatClause();
    return clause === null ? null : this.#text(clause.name).replaceAll('`', '');
  }

  /**
   * The statement as it runs: with the id that its client knows, a literal, where it asks for its own, in a column of
   * the same name; and with its result going to the path of `outfile`, a literal too, a clause that stands before
   * FORMAT. `tables` has what stands for tables of the database `system`.
   */
  toRun({ queryId, tables, outfile }: RunsWith): string {
    const pieces = [
      ...(queryId === null
        ? []
        : this.#queryIdCalls.map((call) => ({ ...call, text: `(${queryId} AS ${call.name})` }))),
      ...this.#replaced(tables),
    ].sort((a, b) => a.start - b.start);
    let tail = '';
    if (outfile !== null) {
      const clause = this.#formatClause();
      const text = `INTO OUTFILE ${outfile.path} TRUNCATE`;
      if (clause === null) tail = ` ${text} FORMAT ${outfile.format}`;
      else pieces.push({ start: clause.at, end: clause.at, text: `${text} ` });
    }
    let sql = '';
    let at = 0;
    for (const { start, end, text } of pieces) {
      sql += this.#bytes.toString('utf8', at, start) + text;
      at = end;
    }
    return sql + this.#bytes.toString('utf8', at) + tail;
  }

  #replaced(tables: RunsWith['tables']): Replacement[] {
    return this.#tokens.flatMap(([start], at) => {
      const end = this.#tokens[at + 2]?.[1];
      const name = [at, at + 1, at + 2].map((one) => this.textAt(one).replaceAll('`', '')).join('');
      const table = tables.get(name);
      const isTable = ['FROM', 'JOIN', 'TABLE'].some((word) => this.isWord(at - 1, word));
      if (end === undefined || table === undefined || !isTable) return [];
      const isNamed = this.isWord(at + 3, 'AS') || this.isWord(at - 1, 'TABLE');
      return [{ start, end, text: isNamed ? table : `${table} AS ${name.slice('system.'.length)}` }];
    });
  }

  /** `queryID()` and its other names, each with the name of its column. */
  get #queryIdCalls(): { readonly start: number; readonly end: number; readonly name: string }[] {
    return this.#tokens.flatMap((token, at) => {
      const [open, close] = [this.#tokens[at + 1], this.#tokens[at + 2]];
      const isCall = open?.[2] === 'OpeningRoundBracket' && close?.[2] === 'ClosingRoundBracket';
      if (!isCall || token[2] !== 'BareWord' || !queryIdFunctions.has(this.#text(token).toLowerCase())) return [];
      return [{ start: token[0], end: close[1], name: `\`${this.#text(token)}()\`` }];
    });
  }

  #formatClause(): { readonly at: number; readonly name: PrintedToken } | null {
    const tokens = this.#tokens;
    let depth = 0;
    let found: { readonly at: number; readonly name: PrintedToken } | null = null;
    for (const [at, token] of tokens.entries()) {
      if (token[2] === 'OpeningRoundBracket') depth++;
      if (token[2] === 'ClosingRoundBracket') depth--;
      const name = tokens[at + 1];
      if (depth > 0 || name === undefined || !this.isWord(at, 'FORMAT')) continue;
      const isName = name[2] === 'BareWord' || name[2] === 'QuotedIdentifier';
      const isLast = at + 2 === tokens.length || this.isWord(at + 2, 'SETTINGS');
      if (isName && isLast) found = { at: token[0], name };
    }
    return found;
  }

  isWord(at: number, word: string): boolean {
    const token = this.#tokens[at];
    return token?.[2] === 'BareWord' && this.#text(token).toUpperCase() === word;
  }

  #text([start, end]: PrintedToken): string {
    return this.#bytes.toString('utf8', start, end);
  }
}

interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

interface RunsWith {
  readonly queryId: string | null;
  /** By name, `system.settings`. */
  readonly tables: ReadonlyMap<string, string>;
  readonly outfile: { readonly path: string; readonly format: string } | null;
}

const queryIdFunctions: ReadonlySet<string> = new Set([
  'current_query_id',
  'currentqueryid',
  'initial_query_id',
  'initialqueryid',
  'query_id',
  'queryid',
]);

export interface KillClause {
  readonly condition: string;
  readonly mode: KillMode;
}

type KillMode = 'ASYNC' | 'SYNC' | 'TEST';

function isKillMode(word: string): word is KillMode {
  return word === 'ASYNC' || word === 'SYNC' || word === 'TEST';
}

/** Where it begins and ends, in bytes, and its kind in the engine's words. Without white space. */
export type PrintedToken = readonly [start: number, end: number, kind: string];

const firstWordsMax = 4;
