import { quoteIdentifier, quoteString } from '../../sql-text.js';

export interface ConnectionSetup {
  readonly database: string;
  readonly settings: ReadonlyMap<string, string>;
  /** `param_x` as `x`. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Statements that make its temporary tables. */
  readonly tables?: readonly string[];
  /** Settings of a kept connection that go back to their defaults first. */
  readonly resets?: readonly string[];
  /** Whether the connection is locked with `readonly = 1` in the end. */
  readonly isLocked: boolean;
}

/** What sets a connection up: database, settings, parameters, and last the lock. A statement costs 0.1 ms. */
export function preludeOf({
  database,
  settings,
  parameters,
  tables = [],
  resets = [],
  isLocked,
}: ConnectionSetup): string {
  const pairs = [...settings].map(([name, value]) => `${name} = ${quoteString(value)}`);
  for (const [name, value] of parameters) pairs.push(`param_${name} = ${quoteString(value)}`);
  // The settings of one SET are checked together, under what was allowed before it.
  const locks = isLocked ? ['readonly = 1'] : [];
  const first = tables.length === 0 ? [...pairs, ...locks] : pairs;
  const prelude = [
    `USE ${quoteIdentifier(database)}`,
    ...(resets.length === 0 ? [] : [`SET ${resets.map((name) => `${name} = DEFAULT`).join(', ')}`]),
    ...(first.length === 0 ? [] : [`SET ${first.join(', ')}`]),
    ...tables,
    ...(tables.length === 0 || locks.length === 0 ? [] : [`SET ${locks.join(', ')}`]),
  ].join('; ');
  return prelude.length < shortPreludeMax ? prelude : `SET max_query_size = ${preludeBytesMax}; ${prelude}`;
}

/** The engine takes statements of 256 KiB unless told otherwise; a URL of a mebibyte may have twice that, escaped. */
const shortPreludeMax = 65_536;
const preludeBytesMax = 4_194_304;
