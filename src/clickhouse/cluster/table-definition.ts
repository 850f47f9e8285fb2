import { rawTable } from '../../core/event-schema.js';
import { invariant } from '../../core/invariant.js';
import type { MigrationFile } from '../migration-file.js';
import { type NestedToken, nestedTokens } from './statement-tokens.js';

/** A table as its migration makes it. */
export interface TableDefinition {
  readonly name: string;
  readonly statement: string;
  readonly columns: readonly string[];
  /** `ReplacingMergeTree`, `outcome`. */
  readonly engine: { readonly family: string; readonly argument: string | null };
  readonly sortingKey: readonly string[];
  /** Inserts reach it, itself or by a view: each shard has rows of its own. Else it is a ledger, equal everywhere. */
  readonly isSharded: boolean;
}

/** What the migrations make, as far as statements must be rendered for several servers. */
export interface SchemaCatalog {
  readonly tables: ReadonlyMap<string, TableDefinition>;
  readonly materializedViews: ReadonlySet<string>;
  readonly views: ReadonlySet<string>;
}

const creation = /^CREATE (TABLE|VIEW|MATERIALIZED VIEW) IF NOT EXISTS (\w+)(?:\s+TO\s+(\w+))?/;

export function schemaCatalog(files: readonly MigrationFile[]): SchemaCatalog {
  const statements = files.flatMap(({ up }) => up);
  const made = statements.flatMap((statement) => {
    const [, kind, name = '', target] = creation.exec(statement) ?? [];
    return kind === undefined ? [] : [{ kind, name, target, statement }];
  });
  const sharded = new Set([rawTable, ...made.flatMap(({ target }) => (target === undefined ? [] : [target]))]);
  const named = (wanted: string) => new Set(made.filter(({ kind }) => kind === wanted).map(({ name }) => name));
  const tables = made.filter(({ kind }) => kind === 'TABLE');
  return {
    tables: new Map(tables.map(({ name, statement }) => [name, parseTable(statement, sharded.has(name))])),
    materializedViews: named('MATERIALIZED VIEW'),
    views: named('VIEW'),
  };
}

/** Of a CREATE TABLE in the form of the migrations. */
export function parseTable(statement: string, isSharded: boolean): TableDefinition {
  const name = creation.exec(statement)?.[2];
  invariant(name !== undefined, `cannot read a table from: ${statement.slice(0, 60)}`);
  const tokens = nestedTokens(statement);
  const engineAt = tokens.findIndex(({ depth, text }) => depth === 0 && text === 'ENGINE');
  const family = tokens[engineAt + 2]?.text;
  invariant(engineAt >= 0 && family !== undefined, `table ${name} has no engine`);
  return {
    name,
    statement,
    columns: columnsOf(tokens.slice(0, engineAt)),
    engine: { family, argument: tokens[engineAt + 3]?.text === '(' ? (tokens[engineAt + 4]?.text ?? null) : null },
    sortingKey: sortingKeyOf(statement, tokens.slice(engineAt)),
    isSharded,
  };
}

/** The first word of each entry of the list, but for indexes and constraints. */
function columnsOf(tokens: readonly NestedToken[]): string[] {
  return tokens
    .filter(({ kind, depth }, at) => kind === 'word' && depth === 1 && startsEntry(tokens[at - 1]))
    .map(({ text }) => text)
    .filter((text) => !/^(INDEX|CONSTRAINT|PROJECTION)$/.test(text));
}

function startsEntry(before: NestedToken | undefined): boolean {
  return (
    before !== undefined && ((before.text === '(' && before.depth === 0) || (before.text === ',' && before.depth === 1))
  );
}

/** `ORDER BY (a, f(b), c)` or `ORDER BY a`, behind the engine. */
function sortingKeyOf(statement: string, tokens: readonly NestedToken[]): string[] {
  const at = tokens.findIndex(
    ({ depth, text }, index) => depth === 0 && text === 'ORDER' && tokens[index + 1]?.text === 'BY',
  );
  const first = tokens[at + 2];
  if (at === -1 || first === undefined) return [];
  if (first.text !== '(') return [first.text];
  const close = tokens.findIndex(({ depth, text }, index) => index > at + 2 && depth === 0 && text === ')');
  const inside = tokens.slice(at + 3, close);
  const commas = inside.filter(({ depth, text }) => depth === 1 && text === ',');
  const ends = [...commas.map(({ start }) => start), tokens[close]?.start ?? 0];
  const starts = [first.end, ...commas.map(({ end }) => end)];
  return starts.map((start, index) => statement.slice(start, ends[index]).trim());
}
