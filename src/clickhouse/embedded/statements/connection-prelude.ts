import { quoteIdentifier, quoteString } from '../../sql-text.js';

export interface ConnectionSetup {
  readonly database: string;
  readonly settings: ReadonlyMap<string, string>;
  /** `param_x` as `x`. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Whether the connection is locked with `readonly = 1` in the end. */
  readonly isLocked: boolean;
}

/** What sets a connection up: database, settings, parameters, and last the lock. A statement costs 0.1 ms. */
export function preludeOf({ database, settings, parameters, isLocked }: ConnectionSetup): string {
  const pairs = [...settings].map(([name, value]) => `${name} = ${quoteString(value)}`);
  for (const [name, value] of parameters) pairs.push(`param_${name} = ${quoteString(value)}`);
  // The settings of one SET are checked together, under what was allowed before it.
  if (isLocked) pairs.push('readonly = 1');
  const prelude = `USE ${quoteIdentifier(database)}${pairs.length === 0 ? '' : `; SET ${pairs.join(', ')}`}`;
  return prelude.length < shortPreludeMax ? prelude : `SET max_query_size = ${preludeBytesMax}; ${prelude}`;
}

/** The engine takes statements of 256 KiB unless told otherwise; a URL of a mebibyte may have twice that, escaped. */
const shortPreludeMax = 65_536;
const preludeBytesMax = 4_194_304;
