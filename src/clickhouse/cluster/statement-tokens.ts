import { SqlLexer, type Token } from '../sql-lexer.js';

/** A token with how many parentheses are open around it. */
export interface NestedToken extends Token {
  readonly depth: number;
}

/** Tokens of a statement of ours, without comments; `sql` must be ASCII outside of quotes. */
export function nestedTokens(sql: string): NestedToken[] {
  const lexer = new SqlLexer(sql, true);
  const tokens: NestedToken[] = [];
  let depth = 0;
  for (let token = lexer.next(); token !== null; token = lexer.next()) {
    if (token.text === ')' && token.kind === 'symbol') depth -= 1;
    tokens.push({ ...token, depth });
    if (token.text === '(' && token.kind === 'symbol') depth += 1;
  }
  return tokens;
}

/** `sql` with some of its tokens replaced. */
export function replaceTokens(sql: string, replacements: ReadonlyMap<NestedToken, string>): string {
  let replaced = '';
  let end = 0;
  for (const [token, text] of [...replacements].sort(([a], [b]) => a.start - b.start)) {
    replaced += sql.slice(end, token.start) + text;
    end = token.end;
  }
  return replaced + sql.slice(end);
}

/** Puts the database in front of each table that a query reads from or a view fills. */
export function qualifyTables(sql: string, databaseOf: (table: string) => string | null): string {
  const tokens = nestedTokens(sql);
  const replacements = new Map<NestedToken, string>();
  for (const [at, token] of tokens.entries()) {
    const before = tokens[at - 1];
    const next = tokens[at + 1]?.text;
    if (token.kind !== 'word' || before === undefined || next === '(' || next === '.') continue;
    if (!/^(FROM|JOIN|TO|IN|TABLE|INTO)$/i.test(before.text)) continue;
    const database = databaseOf(token.text);
    if (database !== null) replacements.set(token, `${database}.${token.text}`);
  }
  return replaceTokens(sql, replacements);
}
