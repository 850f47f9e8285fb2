import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readExport } from '../../bench/export-file.js';
import { openChdbEngine } from '../../src/clickhouse/embedded/chdb-engine.js';

const directory = mkdtempSync(join(tmpdir(), 'tidemark-export-file-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const rows = 200_000;

/** Rows of a hundred days an agent in 200 row groups; `day` is SQL over `number`. */
async function writeParquet(path: string, day: string): Promise<void> {
  const engineDirectory = mkdtempSync(join(directory, 'engine-'));
  const engine = await openChdbEngine({ directory: engineDirectory, database: 'files', memoryBytesMax: 1_000_000_000 });
  try {
    await engine.run(
      'SET max_threads = 1',
      `SELECT
        concat('agent-', leftPad(toString(intDiv(number, 100)), 6, '0')) AS agent_id,
        toDate32('2026-01-01') + ${day} AS day,
        1 AS total, 2 AS tokens_in, 3 AS cost_micros, toDateTime64(number, 3, 'UTC') AS updated_at
      FROM numbers(${rows})
      INTO OUTFILE '${path}' FORMAT Parquet
      SETTINGS output_format_parquet_row_group_size = 1000`,
      'Null',
    );
  } finally {
    await engine.close();
  }
}

test('a Parquet file of many row groups is read in its own order, however often', async () => {
  const path = join(directory, 'in-order.parquet');
  await writeParquet(path, 'number % 100');
  for (let read = 0; read < 20; read++) {
    const sums = { rows, executions: rows, tokensIn: 2 * rows, costMicros: 3 * rows };
    expect(await readExport(path, 'parquet')).toEqual(sums);
  }
});

test('a Parquet file with one row out of order is refused', async () => {
  const path = join(directory, 'out-of-order.parquet');
  await writeParquet(path, 'if(number = 123456, 2, number % 100)');
  await expect(readExport(path, 'parquet')).rejects.toThrow('1 rows are not in order');
});
