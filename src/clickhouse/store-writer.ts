import type { Readable } from 'node:stream';
import type { StoreQuery } from '../core/ports/store-reader.js';

/** A setting of one statement, as ClickHouse spells it; 64-bit values as text. */
export type StoreSettings = Readonly<Record<string, string | number>>;

export interface StoreStatement {
  /** Names the statement in logs and errors. */
  readonly name: string;
  /** One statement; may hold `{name:Type}` parameters. */
  readonly sql: string;
  readonly params?: StoreQuery['params'];
  readonly settings?: StoreSettings;
  /** The statement must not assume that the database exists: it is the one that creates it. */
  readonly databaseMissing?: true;
}

/**
 * The writing side of the store, used by migrations and segment inserts. Every method rejects with
 * CollectorError `store_rejected` (permanent), `store_overloaded` or `store_unreachable`; its cause keeps the
 * number ClickHouse gave (`storeErrorNumber`).
 */
export interface StoreWriter {
  command(statement: StoreStatement): Promise<void>;
  /**
   * An INSERT whose rows are the bytes of a body; the statement ends with its FORMAT clause. A body is opened for each
   * server that is tried.
   */
  insertStream(statement: StoreStatement, openBody: () => Readable): Promise<void>;
  /** Reads with the writer's rights. */
  writerRows<Row>(query: StoreQuery): Promise<Row[]>;
}
