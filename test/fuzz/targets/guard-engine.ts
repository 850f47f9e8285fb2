import { ok } from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openChdbEngine } from '../../../src/clickhouse/embedded/chdb-engine.js';
import { ClickHouseException } from '../../../src/clickhouse/embedded/clickhouse-exception.js';
import { parseRequestParameters } from '../../../src/clickhouse/embedded/front/request-parameters.js';
import { StatementGuard } from '../../../src/clickhouse/embedded/guard/statement-guard.js';
import { StatementRunner } from '../../../src/clickhouse/embedded/statements/statement-runner.js';
import { systemClock } from '../../../src/core/clock.js';
import { readerEscapes } from '../../corpus/sql-escapes.js';
import { writerEscapes } from '../../corpus/writer-escapes.js';
import { engineOptions } from '../../support/engine-options.js';
import { harmlessSql, hostileSql } from '../../support/hostile-sql.js';
import { seededRandom } from '../../support/seeded-random.js';
import type { FuzzTarget } from '../fuzz-target.js';

const secret = 'stolen-by-a-stranger';
const common = { tenant: null, isCollector: false } as const;
const reader = { ...common, name: 'default', role: 'reader' } as const;
const writer = { ...common, name: 'tidemark', role: 'writer' } as const;

/**
 * A statement of a reader, with the real engine in this process, so that the guard's way through its tree counts as
 * coverage. `{file}` stands for a file that must not be read, `{out}` for one that must not be written. The first line
 * holds what comes beside the statement, in the URL.
 */
export async function openTarget(): Promise<FuzzTarget> {
  const root = mkdtempSync(join(tmpdir(), 'tidemark-fuzz-'));
  const [dataDir, spoolDir] = [join(root, 'engine'), join(root, 'spool')];
  for (const dir of [join(dataDir, 'results'), join(dataDir, 'inserts'), spoolDir]) mkdirSync(dir, { recursive: true });
  const paths = { file: join(root, 'secret.tsv'), out: join(root, 'written') };
  writeFileSync(paths.file, `${secret}\n`);
  const engine = await openChdbEngine({
    directory: join(dataDir, 'db'),
    database: 'tidemark',
    memoryBytesMax: 2_000_000_000,
  });
  const make = async (sql: string) => await engine.run('USE tidemark', sql, 'Null');
  await make('CREATE TABLE t (id UInt64) ENGINE = MergeTree ORDER BY id');
  await make('CREATE TABLE hidden (id UInt64, text String) ENGINE = MergeTree ORDER BY id');
  await make(`INSERT INTO hidden SELECT 1, '${secret}'`);
  const limits = { guestQueryMsMax: 1_000, guestResultBytesMax: 1_048_576, guestMemoryBytesMax: 200_000_000 };
  const options = { ...engineOptions({ dataDir, spoolDir }), ...limits, readerTables: ['t'] };
  const before = process.cwd();
  process.chdir(dataDir);
  const runner = new StatementRunner({ engine, clock: systemClock, onSessionForgotten: () => undefined }, options);
  const guard = new StatementGuard(engine, options);

  async function asReader(text: Buffer, query: string): Promise<void> {
    const source = { url: new URLSearchParams(query), header: () => undefined };
    const parameters = parseRequestParameters(source);
    const body = { head: { kind: 'sql' } as const, bytes: text, rest: nothing() };
    const { signal } = new AbortController();
    const result = await runner.run({
      user: reader,
      readOnly: false,
      client: { userAgent: '', referer: '', forwardedFor: '' },
      queryId: 'q',
      parameters,
      body,
      external: [],
      signal,
      progress: null,
      stream: async ({ chunks }) => {
        for await (const chunk of chunks) ok(!chunk.includes(secret), 'the secret was read');
      },
    });
    ok(!Buffer.from(result?.bytes ?? []).includes(secret), 'the secret was read');
  }

  return {
    async run(bytes) {
      const [, query = '', sql = ''] = /^([^\n]*)\n([\s\S]*)$/.exec(Buffer.from(bytes).toString('latin1')) ?? [];
      const { file, out } = paths;
      const placed = sql.replaceAll('{file}', () => file).replaceAll('{out}', () => out);
      const text = Buffer.from(placed, 'latin1');
      await refusable(async () => await asReader(text, query));
      const request = { user: writer, text, database: 'tidemark', parameters: new Map(), infile: null };
      const passed = await refusable(async () => await guard.check(request));
      // What the writer may run is not run here; it names no file and no host.
      ok(passed === null || !/\b(?:file|url|s3|remote|executable)\s*\(/i.test(unquoted(passed.printed.sql)));
      ok(!existsSync(out), 'a file was written');
      return undefined;
    },
    seeds,
    words,
    bytesMax: 1_024,
    isTimed: false,
    async close() {
      await engine.close();
      process.chdir(before);
      rmSync(root, { recursive: true, force: true });
    },
  };
}

async function refusable<Result>(run: () => Promise<Result>): Promise<Result | null> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof ClickHouseException) {
      ok(error.code !== 1002, error.message);
      ok(!error.message.includes(secret), 'the secret is in an error');
      return null;
    }
    const exception = ClickHouseException.from(error);
    ok(exception.code !== 1002, String(error));
    ok(!exception.message.includes(secret), 'the secret is in an error');
    return null;
  }
}

function unquoted(sql: string): string {
  return sql.replaceAll(/'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`/g, "''");
}

async function* nothing(): AsyncGenerator<Buffer> {}

function seeds(): Uint8Array[] {
  const random = seededRandom(20_261_126);
  const file = '{file}';
  const generated = Array.from({ length: 60 }, () => hostileSql({ random, file, hidden: 'hidden' }).sql);
  const harmless = Array.from({ length: 40 }, () => harmlessSql(random).sql);
  const statements = [...readerEscapes, ...writerEscapes, ...generated, ...harmless];
  const queries = ['', 'param_name=hidden&param_a=x', 'default_format=JSON', 'max_threads=1'];
  return statements.map((sql, at) => Buffer.from(`${queries[at % queries.length]}\n${sql}`));
}

const words = [
  'SELECT ',
  ' FROM ',
  ' UNION ALL ',
  'WITH ',
  ' AS ',
  "file('{file}')",
  'hidden',
  'tidemark.hidden',
  'APPLY(',
  'COLUMNS(',
  'EXPLAIN ',
  'DESCRIBE ',
  'SHOW ',
  ' SETTINGS ',
  ' FORMAT ',
  " INTO OUTFILE '{out}'",
  '{name:Identifier}',
  'arrayMap(',
  'IN (',
  'merge(',
  'view(',
  '/*',
  '*/',
  '--',
  '//',
  '$$',
  'url(',
  'numbers(3)',
  'dictGet(',
];
