import { expect, test } from 'vitest';
import { z } from 'zod';
import { checkedRows } from '../../src/clickhouse/queries/sql/checked-rows.js';
import { integer64, optionalInteger64 } from '../../src/clickhouse/queries/sql/column-types.js';
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

test('a 64-bit integer is a number or digits, and nothing else', () => {
  const told = [7, -7, '7', '-12', '12345678901234567890'].map((value) => integer64.parse(value));
  expect(told).toEqual([7, -7, 7, -12, 12_345_678_901_234_567_000]);
  expect(optionalInteger64.parse(null)).toBeNull();
  for (const value of [7.5, '7.5', '', ' 7', '0x7', Number.NaN, Number.POSITIVE_INFINITY, null, undefined, [7], true]) {
    expect(integer64.safeParse(value).success).toBe(false);
  }
  expect(z.object({ n: integer64 }).safeParse({}).success).toBe(false);
});
