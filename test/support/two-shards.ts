import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { schemaCatalog } from '../../src/clickhouse/cluster/table-definition.js';
import { readMigrationFiles } from '../../src/clickhouse/migration-file.js';
import { packageFile } from '../../src/core/package-root.js';
import { createTestEngine, type TestEngine } from './embedded-engine.js';

/**
 * One engine that stands for a cluster of two shards, behind an HTTP port as a server's. The engine's own Distributed
 * tables merge what two local shards answer, each by its plan of the query, as they would with two servers. Both shards
 * are this engine, so each must find its own rows: they lie in the databases `shard_1` and `shard_2`, with the schema
 * of a shard in each; a table of `tidemark_local` is a Merge table over both, and a filter lets a shard see its own
 * part alone, by `shardNum()`.
 *
 * What it cannot do is put in other words on the way: ON CLUSTER is done in each shard, a replicated engine is its
 * plain one, without copies to wait for, and an insert into one shard goes to the table of that shard.
 */
export class TwoShards {
  readonly cluster = 'two';
  readonly test: TestEngine;
  /** Statements as they came. */
  readonly asked: string[] = [];
  /** Answers every request with 503 while set. */
  isAway = false;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #sharded: readonly string[];

  private constructor(test: TestEngine) {
    this.test = test;
    const { tables } = schemaCatalog(readMigrationFiles(packageFile('clickhouse/migrations/')));
    this.#sharded = [...tables.values()].filter(({ isSharded }) => isSharded).map(({ name }) => name);
  }

  static async start(): Promise<TwoShards> {
    const test = createTestEngine();
    mkdirSync(join(test.dataDir, 'engine.d'), { recursive: true });
    writeFileSync(join(test.dataDir, 'engine.d', 'shards.xml'), shardsConfig);
    await test.engine.start();
    const shards = new TwoShards(test);
    for (const database of ['shard_1', 'shard_2', 'tidemark_local']) {
      await shards.run(`CREATE DATABASE IF NOT EXISTS ${database} ENGINE = Atomic`);
    }
    await new Promise<void>((resolve) => shards.#server.listen(0, '127.0.0.1', resolve));
    return shards;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get password(): string {
    return this.test.writerPassword;
  }

  /** A statement of the test itself, to the engine as it is. */
  async run(sql: string): Promise<string> {
    return (await this.bytes(sql)).toString().trim();
  }

  /** The result in the format the statement names. */
  async bytes(sql: string): Promise<Buffer> {
    const { status, body } = await this.#ask(new URLSearchParams({ database: 'default' }), { body: Buffer.from(sql) });
    if (status !== 200) throw new Error(body.toString());
    return body;
  }

  async end(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.test.end();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (this.isAway) return void response.writeHead(503).end('away');
    const url = new URL(request.url ?? '/', 'http://x');
    if (url.pathname === '/ping') return void response.end('Ok.\n');
    const inUrl = url.searchParams.get('query');
    const body = Buffer.concat(chunks);
    const sql = inUrl ?? body.toString();
    this.asked.push(sql);
    const shard = url.searchParams.get('insert_shard_id');
    for (const name of [...clusterOnly, 'insert_shard_id', 'wait_end_of_query']) url.searchParams.delete(name);
    url.searchParams.set('additional_table_filters', this.#filters);
    let answer: Answer = { status: 200, headers: {}, body: Buffer.alloc(0) };
    for (const statement of this.#rendered(sql, shard)) {
      if (inUrl !== null) url.searchParams.set('query', statement);
      const data = inUrl === null ? Buffer.from(statement) : body;
      const encoding = request.headers['content-encoding'];
      answer = await this.#ask(url.searchParams, { body: data, ...(encoding === undefined ? {} : { encoding }) });
      if (answer.status !== 200) break;
    }
    response.writeHead(answer.status, answer.headers).end(answer.body);
  }

  /** In the words of this engine, one after another. */
  #rendered(sql: string, shard: string | null): string[] {
    const plain = plainWords(sql);
    if (plain.startsWith('SYSTEM SYNC REPLICA ')) return [];
    if (/^\s*INSERT INTO /.test(plain)) return [this.#intoShard(plain, shard)];
    if (!/ ON CLUSTER '\w+'/.test(sql)) return [ofShards(plain)];
    const isOfShards = /^\s*\w[\w ]*? (?:IF (?:NOT )?EXISTS )?tidemark_local\./.test(plain);
    if (!isOfShards) return [plain];
    const each = ['shard_1', 'shard_2'].map((database) => plain.replaceAll('tidemark_local.', `${database}.`));
    const made = /^\s*CREATE (TABLE|MATERIALIZED VIEW) IF NOT EXISTS tidemark_local\.(\w+)/.exec(plain);
    if (made === null) return /^\s*DROP /.test(plain) ? [...each, plain] : each;
    const name = made[2];
    const over = `ENGINE = Merge(REGEXP('^shard_[12]$'), '^${name}$')`;
    const whole = `CREATE TABLE IF NOT EXISTS tidemark_local.${name} AS shard_1.${name} ${over}`;
    return [...each, made[1] === 'TABLE' ? whole : `CREATE VIEW IF NOT EXISTS tidemark_local.${name} AS SELECT 1`];
  }

  #intoShard(sql: string, fromUrl: string | null): string {
    const shard = / insert_shard_id = (\d+),?/.exec(sql)?.[1] ?? fromUrl;
    const cleared = sql.replace(/ (insert_shard_id|distributed_foreground_insert) = \d+,/g, '');
    return cleared.replace(/^(\s*INSERT INTO )(?:tidemark\.)?(\w+)/, (head, verb: string, table: string) => {
      if (!this.#sharded.includes(table)) return head;
      if (shard === null) throw new Error(`an insert into ${table} without a shard`);
      return `${verb}shard_${shard}.${table}`;
    });
  }

  get #filters(): string {
    const own = String.raw`_database = concat(\'shard_\', toString(shardNum()))`;
    return `{${this.#sharded.map((table) => `'tidemark_local.${table}': '${own}'`).join(', ')}}`;
  }

  #ask(parameters: URLSearchParams, sent: { readonly body: Buffer; readonly encoding?: string }): Promise<Answer> {
    const headers = {
      authorization: `Basic ${Buffer.from(`tidemark:${this.test.writerPassword}`).toString('base64')}`,
      'content-length': sent.body.length,
      ...(sent.encoding === undefined ? {} : { 'content-encoding': sent.encoding }),
    };
    const socketPath = this.test.engine.channelPath;
    return new Promise((resolve, reject) => {
      const outgoing = httpRequest({ socketPath, path: `/?${parameters}`, method: 'POST', headers }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          const { 'transfer-encoding': _, ...kept } = incoming.headers;
          resolve({ status: incoming.statusCode ?? 500, headers: kept, body: Buffer.concat(chunks) });
        });
      });
      outgoing.on('error', reject);
      outgoing.end(sent.body);
    });
  }
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

const clusterOnly = ['distributed_ddl_output_mode', 'distributed_ddl_task_timeout', 'distributed_foreground_insert'];

/** Without ON CLUSTER and replication. */
function plainWords(sql: string): string {
  return sql
    .replace(/ ON CLUSTER '\w+'/g, '')
    .replace(/ENGINE = Replicated(\w+)\('[^']*', '[^']*'(?:, (\w+))?\)/, (_, engine: string, argument?: string) =>
      argument === undefined ? `ENGINE = ${engine}` : `ENGINE = ${engine}(${argument})`,
    )
    .replace(/, replicated_deduplication_window_seconds = \d+/, '')
    .replace('replicated_deduplication_window =', 'non_replicated_deduplication_window =')
    .replaceAll(/\b(?:cluster|clusterAllReplicas)\('two', (system\.(?!tables|one)\w+)\)/g, '$1');
}

/** What the shards have of the schema and of parts. */
function ofShards(sql: string): string {
  if (/FROM system\.(?:parts|mutations|detached_parts)/.test(sql)) {
    return sql.replaceAll("database = 'tidemark_local'", "startsWith(database, 'shard_')");
  }
  return sql.replaceAll("database = 'tidemark_local'", "database = 'shard_1'");
}

const shard = `
      <shard>
        <internal_replication>true</internal_replication>
        <replica><host>127.0.0.1</host><port>9000</port></replica>
      </shard>`;

/** A table looks for work soon again: an erasure changes tables of both shards, and mostly waited for the next look. */
const soon = [
  ['background_processing_pool_task_sleep_seconds_when_no_work_multiplier', '1'],
  ['background_processing_pool_task_sleep_seconds_when_no_work_random_part', '0'],
  ['background_processing_pool_thread_sleep_seconds_random_part', '0'],
].map(([name, value]) => `<${name} replace="1">${value}</${name}>`);

/** Both are the engine itself: by the port that a server would listen on. */
const shardsConfig = `<clickhouse>
  ${soon.join('\n  ')}
  <tcp_port>9000</tcp_port>
  <remote_servers>
    <two>${shard}${shard}
    </two>
  </remote_servers>
</clickhouse>
`;
