import { expect, test } from 'vitest';
import { z } from 'zod';
import { checkedRows } from '../../src/clickhouse/queries/sql/checked-rows.js';
import type { StoreReader } from '../../src/core/ports/store-reader.js';

const row = z.object({ n: z.number() });

function storeOf(rows: readonly unknown[]): StoreReader {
  return { rows: async <Row>() => rows as Row[] };
}

test('many rows are checked in their order, and others have turns meanwhile', async () => {
  const rows = Array.from({ length: 20_000 }, (_, n) => ({ n }));
  let turns = 0;
  let isOver = false;
  const look = () => {
    turns++;
    if (!isOver) setImmediate(look);
  };
  setImmediate(look);
  expect(await checkedRows(storeOf(rows), row, { name: 'numbers', sql: '', params: {} })).toEqual(rows);
  isOver = true;
  expect(turns).toBeGreaterThan(5);
});

test('a column that is not there is named, with its query, however many rows are before it', async () => {
  for (const before of [0, 5_000]) {
    const rows = [...Array.from({ length: before }, (_, n) => ({ n })), {}];
    const read = checkedRows(storeOf(rows), row, { name: 'numbers', sql: '', params: {} });
    await expect(read).rejects.toThrow(/cannot read rows of numbers: .*\n.*\.n/);
  }
});
