import { expect, test } from 'vitest';
import { missingRows, type PartRecord } from '../../src/clickhouse/integrity/part-records.js';

const part = (minBlock: number, maxBlock: number, rows: number, partition = '202601'): PartRecord => {
  return { table: 't', name: `${minBlock}_${maxBlock}`, partition, minBlock, maxBlock, rows, newestMs: 0 };
};

test('rows are missing when neither a larger part nor enough smaller ones hold them', () => {
  const before = [part(1, 4, 100), part(5, 5, 10), part(6, 6, 10, '202602'), part(7, 9, 30), part(10, 10, 5)];
  const now = [part(1, 5, 105), part(7, 7, 10), part(9, 9, 10), part(10, 10, 5, '202602'), part(11, 11, 1)];
  const missing = missingRows(before, now, ({ minBlock }) => minBlock === 6);
  expect(missing.map(({ part: { name }, rows }) => [name, rows])).toEqual([
    ['7_9', 10],
    ['10_10', 5],
  ]);
  expect(missingRows([part(7, 9, 30)], [part(7, 7, 15), part(8, 8, 5), part(9, 9, 12)], () => false)).toEqual([]);
});
