import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { invariant } from '../core/invariant.js';
import { SqlLexer } from './sql-lexer.js';

/**
 * A file of `clickhouse/migrations`: `NNNN_<object>.sql`, numbers dense from 0001, one object each.
 *
 *   -- up        the line before the statements that apply it; what precedes is commentary
 *   -- down      the line before the statements that take it back
 *
 * Statements end with a semicolon, are idempotent (IF NOT EXISTS, IF EXISTS) and name their objects without a
 * database: the connection supplies it.
 */
export interface MigrationFile {
  readonly number: number;
  readonly name: string;
  readonly up: readonly string[];
  readonly down: readonly string[];
  /** SHA-256, in hex, of the statements without comments and layout: a comment may be mended later. */
  readonly checksum: string;
}

/** Reads all migrations of a directory in order. A gap, a wrong name or a missing section is a defect. */
export function readMigrationFiles(directory: URL): MigrationFile[] {
  const names = readdirSync(directory).filter((name) => name.endsWith('.sql'));
  return names.sort().map((name, index) => {
    const file = parseMigration(name, readFileSync(new URL(name, directory), 'utf8'));
    invariant(file.number === index + 1, `migration ${name} is not number ${index + 1}`);
    return file;
  });
}

export function parseMigration(name: string, text: string): MigrationFile {
  const number = /^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1];
  invariant(number !== undefined, `migration ${name} is not named NNNN_<object>.sql`);
  const sections = /^-- up$(?<up>.*)^-- down$(?<down>.*)/ms.exec(text)?.groups;
  invariant(sections?.up !== undefined && sections.down !== undefined, `migration ${name} lacks -- up or -- down`);
  const up = splitStatements(sections.up);
  const down = splitStatements(sections.down);
  invariant(up.length > 0 && down.length > 0, `migration ${name} has an empty section`);
  const hash = createHash('sha256');
  for (const statement of [...up, ...down]) hash.update(`${statement.replaceAll(/\s+/g, ' ')}\n`);
  return { number: Number(number), name, up, down, checksum: hash.digest('hex') };
}

/** Statements of `sql` without comments, in order; semicolons inside quotes and comments do not end one. */
export function splitStatements(sql: string): string[] {
  const text = Buffer.from(sql, 'utf8').toString('latin1');
  const lexer = new SqlLexer(text, true);
  const statements: string[] = [];
  let statement = '';
  let end = 0;
  for (let token = lexer.next(); token !== null; token = lexer.next()) {
    invariant(token.kind !== 'unterminated', `a quote or comment has no end: ${token.text.slice(0, 80)}`);
    const between = text.slice(end, token.start);
    end = token.end;
    if (token.kind === 'symbol' && token.text === ';') {
      if (statement !== '') statements.push(statement);
      statement = '';
    } else {
      const space = between === '' || statement === '' ? '' : between.includes('\n') ? '\n' : ' ';
      statement += space + text.slice(token.start, token.end);
    }
  }
  if (statement !== '') statements.push(statement);
  return statements.map((each) => Buffer.from(each, 'latin1').toString('utf8'));
}
