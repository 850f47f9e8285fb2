import { Session } from 'chdb';
import { storeError } from '../../src/clickhouse/classify-error.js';
import type { StoreStatement, StoreWriter } from '../../src/clickhouse/store-writer.js';
import type { StoreQuery } from '../../src/core/ports.js';

/**
 * The real engine without its HTTP side, in the process of the test: for tests of SQL, schema and migrations.
 * One store a data directory and process at a time.
 */
export class ChdbStore implements StoreWriter {
  readonly #session: Session;
  /** Statements run so far, by name. */
  readonly statements: string[] = [];

  private constructor(session: Session) {
    this.#session = session;
  }

  static async open(directory: string, database = 'tidemark'): Promise<ChdbStore> {
    const session = new Session(directory, {
      connectionArgs: ['--max_server_memory_usage=2000000000', '--mark_cache_size=67108864'],
    });
    await session.queryAsync(`CREATE DATABASE IF NOT EXISTS ${database} ENGINE = Atomic`);
    await session.queryAsync(`USE ${database}`);
    return new ChdbStore(session);
  }

  async command(statement: StoreStatement): Promise<void> {
    await this.#run(statement.name, () => this.#session.queryBindAsync(statement.sql, { ...statement.params }));
  }

  insertStream(statement: StoreStatement): Promise<void> {
    return Promise.reject(new Error(`chDB takes no body: ${statement.name}`));
  }

  async writerRows<Row>(query: StoreQuery): Promise<Row[]> {
    const format = { format: 'JSONEachRow' };
    const result = await this.#run(query.name, () =>
      this.#session.queryBindAsync(query.sql, { ...query.params }, format),
    );
    return lines(result.text()) as Row[];
  }

  /** Rows of a query of the test itself. */
  async select<Row = Record<string, unknown>>(sql: string): Promise<Row[]> {
    const result = await this.#session.queryAsync(sql, { format: 'JSONEachRow' });
    return lines(result.text()) as Row[];
  }

  async run(sql: string): Promise<void> {
    await this.#session.queryAsync(sql);
  }

  close(): void {
    this.#session.close();
  }

  async #run<T>(name: string, query: () => Promise<T>): Promise<T> {
    this.statements.push(name);
    try {
      return await query();
    } catch (error) {
      throw storeError(`run ${name}`, numbered(error));
    }
  }
}

/** chDB gives the number of an error in its text alone; over HTTP the client reads it from the answer. */
function numbered(error: unknown): unknown {
  const number = error instanceof Error ? /Code: (\d+)\./.exec(error.message)?.[1] : undefined;
  return number === undefined ? error : Object.assign(new Error(String(error)), { code: number });
}

function lines(text: string): unknown[] {
  const rows = text.split('\n').filter((line) => line !== '');
  return rows.map((line) => JSON.parse(line));
}
