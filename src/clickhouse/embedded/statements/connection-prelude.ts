import { quoteIdentifier, quoteString } from '../../sql-text.js';
import { maySetNiceness } from '../process/thread-niceness.js';

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
  /** Whose statements of the same setup may have it again, if it is locked; null: nobody's. */
  readonly keptFor: string | null;
}

/** What sets a connection up: database, settings, parameters, and last the lock. A statement costs 0.1 ms. */
export function preludeOf({
  database,
  settings,
  parameters,
  tables = [],
  resets = [],
  isLocked,
}: Omit<ConnectionSetup, 'keptFor'>): string {
  // Before those that are asked for, which may say otherwise.
  const pairs: string[] = [withoutStackTrace];
  for (const [name, value] of settings) {
    if (!name.startsWith(nicenessPrefix) || maySetNiceness()) pairs.push(`${name} = ${quoteString(value)}`);
  }
  pairs.push(...parameterPairs(parameters));
  // The settings of one SET are checked together, under what was allowed before it.
  const locks = isLocked ? ['readonly = 1'] : [];
  const first = tables.length === 0 ? [...pairs, ...locks] : pairs;
  const prelude = [
    `USE ${quoteIdentifier(database)}`,
    ...(resets.length === 0 ? [] : [`SET ${resets.map((name) => `${name} = DEFAULT`).join(', ')}`]),
    `SET ${first.join(', ')}`,
    ...tables,
    ...(tables.length === 0 || locks.length === 0 ? [] : [`SET ${locks.join(', ')}`]),
  ].join('; ');
  return prelude.length < shortPreludeMax ? prelude : `SET max_query_size = ${preludeBytesMax}; ${prelude}`;
}

/**
 * The engine sets a niceness when it has CAP_SYS_NICE, as root has. Where a seccomp profile refuses the call all the
 * same, it ends itself at the first statement.
 */
const nicenessPrefix = 'os_threads_nice_value_';

/**
 * For the first statement that fails the engine maps and sorts the symbols of all its programs, and keeps them: 16 MB
 * to name the places of a stack trace that it tells nobody.
 */
export const withoutStackTrace = 'calculate_text_stack_trace = 0';

/** The statement that sets parameters, which a locked connection takes too; empty for none. */
export function parametersOf(parameters: Iterable<readonly [string, string]>): string {
  const pairs = parameterPairs(parameters);
  return pairs.length === 0 ? '' : `SET ${pairs.join(', ')}`;
}

function parameterPairs(parameters: Iterable<readonly [string, string]>): string[] {
  return [...parameters].map(([name, value]) => `param_${name} = ${quoteString(value)}`);
}

/** The engine takes statements of 256 KiB unless told otherwise; a URL of a mebibyte may have twice that, escaped. */
const shortPreludeMax = 65_536;
const preludeBytesMax = 4_194_304;
