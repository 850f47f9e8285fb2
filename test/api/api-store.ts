import { Readable } from 'node:stream';
import { clickhouseLimits, createClickhouseClient } from '../../src/clickhouse/client.js';
import { RollupMemory } from '../../src/clickhouse/memory/rollup-memory.js';
import { migrate } from '../../src/clickhouse/migrate.js';
import type { StoreWriter } from '../../src/clickhouse/store-writer.js';
import { type Clock, systemClock } from '../../src/core/clock.js';
import { rawColumns, rawTable } from '../../src/core/event-schema.js';
import { silentLogger } from '../../src/core/logger.js';
import type { StoreExporter } from '../../src/core/ports/store-exporter.js';
import type { StoreQuery, StoreReader } from '../../src/core/ports/store-reader.js';
import { defaultConfig } from '../support/default-config.js';
import { createTestEngine } from '../support/embedded-engine.js';
import { layStore } from '../support/store-template.js';

/** Columns of a raw row; the rest take their defaults. Times in ms since the epoch. */
export type RawRow = Readonly<Record<string, unknown>> & {
  readonly tenant: string;
  readonly agent_id: string;
  readonly type: string;
  readonly ts: number;
  readonly received: number;
};

export interface QueryStore {
  /** The reader account of the embedded engine, over HTTP, as the collector uses it. */
  readonly reader: StoreReader;
  readonly exporter: StoreExporter;
  /** Of what the reader reads. */
  readonly memory: RollupMemory;
  /** Reads with the writer's rights. */
  readonly metadata: StoreReader;
  /** The writer's account, as the maintenance uses it. */
  readonly writer: StoreWriter;
  /** Every query that ran, for asserting what was asked. */
  readonly asked: StoreQuery[];
  insert(rows: readonly RawRow[]): Promise<void>;
  /** A statement of the test itself, as the writer. */
  run(sql: string): Promise<void>;
  close(): Promise<void>;
}

/** The real engine with the real schema, on a free port; `compiles`: it makes machine code as a collector's does. */
export async function openQueryStore({ compiles = false } = {}): Promise<QueryStore> {
  const rig = createTestEngine();
  await layStore(rig.dataDir);
  await rig.engine.start();
  const client = createClickhouseClient(
    { clock: systemClock },
    {
      ...rig.clientOptions(),
      ...(compiles ? { url: rig.engine.url } : {}),
      limits: clickhouseLimits({ ...defaultConfig.query, timeoutMs: 30_000 }),
    },
  );
  await migrate({ store: client, logger: silentLogger }, { database: 'tidemark' });
  const asked: StoreQuery[] = [];
  const reader: StoreReader = {
    rows: (query) => {
      asked.push(query);
      return client.rows(query);
    },
  };
  const memory = openMemory(reader, defaultConfig.query.rememberedBytesMax);
  return {
    asked,
    writer: client,
    reader,
    memory,
    metadata: { rows: (query) => client.writerRows(query) },
    exporter: {
      export: (query) => {
        asked.push(query);
        return client.export(query);
      },
    },
    insert: (rows) =>
      client.insertStream({ name: 'insert of test rows', sql: insertSql }, () => Readable.from(jsonLines(rows))),
    run: (sql) => client.command({ name: 'test', sql }),
    close: async () => {
      await memory.stop();
      await client.close();
      await rig.end();
    },
  };
}

export function openMemory(
  store: StoreReader,
  bytesMax: number,
  onRead: (labels: { readonly outcome: string }) => void = () => undefined,
  clock: Clock = systemClock,
): RollupMemory {
  const ignore = () => undefined;
  const instruments = { reads: { inc: onRead }, evictions: { inc: ignore }, bytes: { set: ignore } };
  const deps = { store, ownSteps: () => 0, clock, instruments };
  return new RollupMemory(deps, { bytesMax, unseenMsMax: 0 });
}

const insertSql = `INSERT INTO ${rawTable} (${rawColumns.map(({ name }) => name).join(', ')}) FORMAT JSONEachRow`;

function* jsonLines(rows: readonly RawRow[]): Iterable<Buffer> {
  for (const row of rows) {
    const times = ['ts', 'received', 'started_at', 'ended_at']
      .filter((name) => typeof row[name] === 'number')
      .map((name) => [name, new Date(Number(row[name])).toISOString().replace('Z', '')]);
    yield Buffer.from(`${JSON.stringify({ attempt: 1, ...row, ...Object.fromEntries(times) })}\n`);
  }
}
