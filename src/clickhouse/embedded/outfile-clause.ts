import { isSymbol, isWord } from './sql-head.js';
import { quoteString, SqlLexer, type Token } from './sql-lexer.js';

/**
 * A guarded statement with its result going to `path`. The clause stands before FORMAT (and the SETTINGS that may
 * follow it), or at the end. Where a name is taken for the clause, the engine finds a syntax error and runs nothing.
 */
export function withOutfile(sql: Buffer, { path, format }: { readonly path: string; readonly format: string }): Buffer {
  const { at, namesFormat } = findOutput(sql.toString('latin1'));
  const outfile = `\nINTO OUTFILE ${quoteString(path)} TRUNCATE ${namesFormat ? '' : `FORMAT ${format}`}`;
  // A semicolon at the end of the statement stays behind the clause; a comment there has its line.
  return Buffer.concat([sql.subarray(0, at), Buffer.from(outfile, 'utf8'), sql.subarray(at)]);
}

interface OutputPlace {
  /** Byte offset, in latin1 the index of the character. */
  readonly at: number;
  readonly namesFormat: boolean;
}

/** FORMAT is the clause outside of parentheses, when a name follows and then the end, a semicolon or SETTINGS. */
function findOutput(text: string): OutputPlace {
  const lexer = new SqlLexer(text);
  let depth = 0;
  let end = 0;
  let before: Token | null = null;
  let clause: { readonly at: number; readonly end: number } | null = null;
  for (let token = lexer.next(); token !== null; token = lexer.next()) {
    if (isSymbol(token, '(')) depth++;
    if (isSymbol(token, ')')) depth--;
    const ends = isSymbol(token, ';');
    if (clause !== null && before?.end === clause.end && !ends && !isWord(token, 'SETTINGS')) clause = null;
    if (depth === 0 && before !== null && isWord(before, 'FORMAT') && token.kind === 'word') {
      clause = { at: before.start, end: token.end };
    }
    if (!ends) end = token.end;
    before = token;
  }
  return clause === null ? { at: end, namesFormat: false } : { at: clause.at, namesFormat: true };
}
