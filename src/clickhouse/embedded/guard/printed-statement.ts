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

  /** The words it begins with, in upper case. */
  get firstWords(): readonly string[] {
    const words: string[] = [];
    for (const token of this.#tokens) {
      if (token[2] !== 'BareWord' || words.length === firstWordsMax) break;
      words.push(this.#text(token).toUpperCase());
    }
    return words;
  }

  get lastWord(): string {
    const last = this.#tokens.at(-1);
    return last === undefined ? '' : this.#text(last).toUpperCase();
  }

  /** `INTO OUTFILE`, in whatever place. */
  get namesOutfile(): boolean {
    return this.#tokens.some((_, at) => this.#isWord(at, 'INTO') && this.#isWord(at + 1, 'OUTFILE'));
  }

  /** Names in quotes that are written with escapes, such as one that hides a line break. */
  get hasEscapedName(): boolean {
    return this.#tokens.some((token) => token[2] === 'QuotedIdentifier' && /[\\\p{Cc}]/u.test(this.#text(token)));
  }

  /** Whether a value of the request may become a name. */
  get takesNames(): boolean {
    return this.#tokens.some((_, at) => this.#isWord(at, 'IDENTIFIER'));
  }

  /** Words before an equals sign: names of settings, where the statement has any, and of columns. */
  get assignedWords(): readonly string[] {
    return this.#tokens
      .filter((token, at) => token[2] === 'BareWord' && this.#tokens[at + 1]?.[2] === 'Equals')
      .map((token) => this.#text(token));
  }

  hasWord(word: string): boolean {
    return this.#tokens.some((_, at) => this.#isWord(at, word));
  }

  /** The clause `FORMAT x`: outside of parentheses, at the end or before the settings. */
  get format(): string | null {
    const clause = this.#formatClause();
    return clause === null ? null : this.#text(clause.name).replaceAll('`', '');
  }

  /** The statement with its result going to `path`, a literal; the clause stands before FORMAT. */
  withOutfile({ path, format }: { readonly path: string; readonly format: string }): string {
    const clause = this.#formatClause();
    const outfile = `INTO OUTFILE ${path} TRUNCATE`;
    if (clause === null) return `${this.sql} ${outfile} FORMAT ${format}`;
    const head = this.#bytes.toString('utf8', 0, clause.at);
    return `${head}${outfile} ${this.#bytes.toString('utf8', clause.at)}`;
  }

  #formatClause(): { readonly at: number; readonly name: PrintedToken } | null {
    const tokens = this.#tokens;
    let depth = 0;
    let found: { readonly at: number; readonly name: PrintedToken } | null = null;
    for (const [at, token] of tokens.entries()) {
      if (token[2] === 'OpeningRoundBracket') depth++;
      if (token[2] === 'ClosingRoundBracket') depth--;
      const name = tokens[at + 1];
      if (depth > 0 || name === undefined || !this.#isWord(at, 'FORMAT')) continue;
      const isName = name[2] === 'BareWord' || name[2] === 'QuotedIdentifier';
      const isLast = at + 2 === tokens.length || this.#isWord(at + 2, 'SETTINGS');
      if (isName && isLast) found = { at: token[0], name };
    }
    return found;
  }

  #isWord(at: number, word: string): boolean {
    const token = this.#tokens[at];
    return token?.[2] === 'BareWord' && this.#text(token).toUpperCase() === word;
  }

  #text([start, end]: PrintedToken): string {
    return this.#bytes.toString('utf8', start, end);
  }
}

/** Where it begins and ends, in bytes, and its kind in the engine's words. Without white space. */
export type PrintedToken = readonly [start: number, end: number, kind: string];

const firstWordsMax = 4;
