import type { ReadMemory } from './read-memory.js';

/** One read of the store, bound to a tenant by a typed parameter. Each query of `clickhouse/queries` takes one. */
export interface StoreReader {
  /**
   * Runs `sql` (with `{name:Type}` parameters) and returns its rows as JSON objects.
   * Rejects with CollectorError: `query_timeout`, `store_unavailable`, `internal`.
   */
  rows<Row>(query: StoreQuery): Promise<Row[]>;
  /** What is remembered of it, for one request; absent or null: nothing is. */
  readonly memory?: ReadMemory | null;
}

export interface StoreQuery {
  /** Names the query in logs and metrics. */
  readonly name: string;
  readonly sql: string;
  readonly params: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  /** How the engine goes about it, beside what every read has. */
  readonly settings?: Readonly<Record<string, string | number>>;
  readonly signal?: AbortSignal;
  /**
   * Reads little, such as rows of one agent by the key of their table: where the version of the store is known, it is
   * planned and run as cheaply as can be, on one thread. The answer is the same.
   */
  readonly isSmall?: boolean;
}
