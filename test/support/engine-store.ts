import { execFileSync } from 'node:child_process';
import { type ClickhouseClient, clickhouseLimits, createClickhouseClient } from '../../src/clickhouse/client.js';
import type { EngineProcessOptions } from '../../src/clickhouse/embedded/process/engine-process.js';
import { migrate } from '../../src/clickhouse/migrate.js';
import type { StoreStatement, StoreWriter } from '../../src/clickhouse/store-writer.js';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';
import type { StoreQuery } from '../../src/core/ports/store-reader.js';
import { type Asked, askPort } from './ask-engine.js';
import { defaultConfig } from './default-config.js';
import { createTestEngine, type TestEngine } from './embedded-engine.js';
import { layStore } from './store-template.js';

/** The embedded engine with the client the collector uses, and what tests ask of it besides. */
export class EngineStore implements StoreWriter {
  readonly test: TestEngine;
  readonly client: ClickhouseClient;
  /** Statements run so far, by name. */
  readonly statements: string[] = [];

  private constructor(test: TestEngine) {
    this.test = test;
    this.client = createClickhouseClient(
      { clock: systemClock },
      { ...test.clientOptions(), limits: clickhouseLimits({ ...defaultConfig.query, timeoutMs: 30_000 }) },
    );
  }

  static async start(options: Partial<EngineProcessOptions> = {}): Promise<EngineStore> {
    const test = createTestEngine(options);
    await test.engine.start();
    return new EngineStore(test);
  }

  /** With the tables and views of the schema. */
  static async withSchema(options: Partial<EngineProcessOptions> = {}): Promise<EngineStore> {
    const test = createTestEngine(options);
    await layStore(test.dataDir);
    await test.engine.start();
    const store = new EngineStore(test);
    await migrate({ store: store.client, logger: silentLogger }, { database: options.database ?? 'tidemark' });
    return store;
  }

  /** Where segments may lie. */
  get directory(): string {
    return this.test.spoolDir;
  }

  async command(statement: StoreStatement): Promise<void> {
    this.statements.push(statement.name);
    await this.client.command(statement);
  }

  async insertStream(...insert: Parameters<StoreWriter['insertStream']>): Promise<void> {
    this.statements.push(insert[0].name);
    await this.client.insertStream(...insert);
  }

  async writerRows<Row>(query: StoreQuery): Promise<Row[]> {
    this.statements.push(query.name);
    return await this.client.writerRows(query);
  }

  /** Rows of a query of the test itself, as the reader sees them. */
  select<Row = Record<string, unknown>>(sql: string): Promise<Row[]> {
    return this.client.rows({ name: 'test', sql, params: {} });
  }

  /** Rows of a query as Grafana and other clients get them: through the open port, as one of its readers. */
  async selectAsGuest<Row = Record<string, unknown>>(sql: string, asked: Asked = {}): Promise<Row[]> {
    const query = 'default_format=JSONEachRow&output_format_json_quote_64bit_integers=0';
    const { code, text } = await askPort(this.test, sql, { ...asked, query });
    if (code !== 0) throw new Error(text);
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Row);
  }

  /** A statement of the test itself. */
  run(sql: string): Promise<void> {
    return this.client.command({ name: 'test', sql });
  }

  /** The result of a query as blocks in the Native format. */
  async native(sql: string): Promise<Uint8Array> {
    const authorization = `Basic ${Buffer.from(`tidemark:${this.test.writerPassword}`).toString('base64')}`;
    const url = `${this.test.engine.url}/?database=tidemark&default_format=Native`;
    const response = await fetch(url, { method: 'POST', body: sql, headers: { authorization } });
    if (!response.ok) throw new Error(await response.text());
    return new Uint8Array(await response.arrayBuffer());
  }

  /** Kills the engine as a crash does, and waits until it answers again. */
  async crash(): Promise<void> {
    const pid = this.test.engine.pid();
    if (pid === undefined) throw new Error('no engine runs');
    process.kill(pid, 'SIGKILL');
    while (this.test.engine.pid() === pid) await new Promise((resolve) => setTimeout(resolve, 20));
    await this.test.engine.ready();
  }

  /** Writes of the engine to files beyond so many bytes fail, as on a disk that is full or broken. Of Linux. */
  limitFiles(bytes: number | 'unlimited'): void {
    execFileSync('prlimit', [`--fsize=${bytes}:unlimited`, '--pid', String(this.test.engine.pid())]);
  }

  async end(): Promise<void> {
    await this.client.close();
    await this.test.end();
  }
}
