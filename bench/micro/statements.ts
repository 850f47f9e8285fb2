import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClickhouseClient, clickhouseLimits, createClickhouseClient } from '../../src/clickhouse/client.js';
import { collectorReader } from '../../src/clickhouse/embedded/front/engine-door.js';
import { createEngineProcess, type EngineProcess } from '../../src/clickhouse/embedded/process/engine-process.js';
import type { EngineLimits } from '../../src/clickhouse/embedded/process/engine-protocol.js';
import { tryLoadFileLock } from '../../src/clickhouse/embedded/sandbox/native-calls.js';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';
import type { StoreQuery } from '../../src/core/ports/store-reader.js';
import { createFileLocker } from '../../src/spool/file-locker.js';
import type { MicroResult } from '../budget.js';
import { treeCpuMs } from '../process-usage.js';

interface Asked {
  readonly name: string;
  readonly count: number;
  query(index: number): StoreQuery;
}

const asked: readonly Asked[] = [
  { name: 'SELECT 1', count: 3_000, query: () => ({ name: 'one', sql: 'SELECT 1', params: {} }) },
  {
    name: 'of one agent',
    count: 1_000,
    query: (index) => ({
      name: 'agent',
      sql: `SELECT agent, count() AS c, sum(n) AS total FROM t
        WHERE tenant = {tenant:String} AND agent = {agent:String} AND ts >= {from:DateTime64(3)} GROUP BY agent`,
      params: { tenant: 'default', agent: `agent-${index % 100}`, from: '2026-01-01 00:00:00.000' },
    }),
  },
  {
    name: 'of 1,000 rows',
    count: 500,
    query: (index) => ({
      name: 'rows',
      sql: 'SELECT agent, ts, n, s FROM t WHERE tenant = {tenant:String} AND agent = {agent:String} LIMIT 1000',
      params: { tenant: 'default', agent: `agent-${index % 100}` },
    }),
  },
];

/**
 * CPU of a statement of the collector, in the engine's process and in the collector's, one after another: as reads go,
 * over one socket and connections that are kept, and as they went before, which reads of the writer still do: over
 * HTTP, each on a connection of its own.
 */
export async function measureStatements(): Promise<MicroResult[]> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-bench-statements-'));
  mkdirSync(join(directory, 'spool'));
  const engine = engineIn(directory);
  await engine.start();
  const client = clientOf(engine);
  const results: MicroResult[] = [];
  try {
    for (const sql of history) await client.command({ name: 'history', sql });
    for (const { name, count, query } of asked) {
      const ways = {
        'as reads go': (index: number) => client.rows(query(index)),
        'over HTTP, a connection each': (index: number) => client.writerRows(query(index)),
      };
      for (const [way, run] of Object.entries(ways)) {
        const { engineUs, ownUs } = await measured(engine, count, run);
        const statement = `statement ${name}, ${way}`;
        results.push({ name: `${statement}, engine`, value: engineUs, unit: 'us of CPU' });
        results.push({ name: `${statement}, collector`, value: ownUs, unit: 'us of CPU' });
      }
    }
    return results;
  } finally {
    await client.close();
    await engine.stop(2_000);
    rmSync(directory, { recursive: true, force: true });
  }
}

const history = [
  'CREATE TABLE t (tenant String, agent String, ts DateTime64(3), n UInt64, s String) ENGINE = MergeTree' +
    ' ORDER BY (tenant, agent, ts)',
  `INSERT INTO t SELECT 'default', concat('agent-', toString(number % 100)),
    toDateTime64('2026-01-01 00:00:00', 3) + number, number, repeat('x', 20) FROM numbers(200000)`,
];

async function measured(engine: EngineProcess, count: number, run: (index: number) => Promise<unknown>) {
  for (let index = 0; index < count / 10; index++) await run(index);
  const engineMs = () => treeCpuMs(engine.pid() ?? 0);
  const [before, own] = [engineMs(), process.cpuUsage()];
  for (let index = 0; index < count; index++) await run(index);
  const { user, system } = process.cpuUsage(own);
  return { engineUs: ((engineMs() - before) * 1_000) / count, ownUs: (user + system) / count };
}

const mebibyte = 1_048_576;
const writerPassword = 'bench';

const limits: EngineLimits = {
  memoryBytesMax: 2_048 * mebibyte,
  readConnections: 4,
  streamsMax: 1,
  streamMsMax: 60_000,
  streamIdleMsMax: 60_000,
  guestReadsMax: 1,
  guestStreamsMax: 1,
  guestConnectionsMax: 8,
  guestQueryMsMax: 60_000,
  guestMemoryBytesMax: 512 * mebibyte,
  guestResultBytesMax: 64 * mebibyte,
  guestHeldBytesMax: 64 * mebibyte,
  heldDiskUsedRatioMax: 1,
  guestThreadsMax: 1,
  guestRowsMax: 1_000_000,
};

function engineIn(directory: string): EngineProcess {
  const uncounted = { inc: () => undefined };
  const unseen = { set: () => undefined };
  const instruments = {
    restarts: uncounted,
    definitions: uncounted,
    refusals: uncounted,
    cancelled: uncounted,
    streamed: uncounted,
    resultFiles: uncounted,
    heldBytes: unseen,
    heldBytesMax: unseen,
    keptConnections: uncounted,
    waitingConnections: unseen,
  };
  const locker = createFileLocker({ lock: tryLoadFileLock() });
  return createEngineProcess(
    { logger: silentLogger, clock: systemClock, instruments, locker },
    { ...limits, dataDir: join(directory, 'engine'), spoolDir: join(directory, 'spool'), port: 0, writerPassword },
  );
}

function clientOf({ url, channelPath }: EngineProcess): ClickhouseClient {
  const reads = {
    concurrencyMax: 4,
    tenantConcurrencyMax: 4,
    tenantWaitingMax: 64,
    tenantRequestsMax: 64,
    timeoutMs: 60_000,
    memoryBytesMax: 1_024 * mebibyte,
    rangeDaysMax: 400,
    cacheMs: 0,
    rememberedBytesMax: 0,
    preparedTenantsMax: 0,
    exportsMax: 1,
    exportTimeoutMs: 60_000,
    exportMemoryBytesMax: 1_024 * mebibyte,
  };
  return createClickhouseClient(
    { clock: systemClock },
    {
      url,
      channelPath,
      database: 'tidemark',
      writer: { user: 'tidemark', password: writerPassword },
      reader: { user: collectorReader, password: writerPassword },
      limits: clickhouseLimits(reads),
    },
  );
}
