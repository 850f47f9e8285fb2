import { z } from 'zod';
import type { StoreQuery, StoreReader } from '../../../core/ports/store-reader.js';
import { turnOfOthers } from '../../../core/turn-of-others.js';

/**
 * Runs one query and checks every row against its schema: a column that was renamed or changed its type
 * fails here, with its name, instead of reaching an answer as `undefined`. Rejects as `StoreReader.rows` does.
 */
export async function checkedRows<Row extends z.ZodType>(
  store: StoreReader,
  row: Row,
  query: StoreQuery,
): Promise<z.output<Row>[]> {
  const rows = await store.rows<unknown>(query);
  if (rows.length <= rowsAtOnceMax) return checkedSlice(row, query, rows);
  const checked: z.output<Row>[] = [];
  for (let at = 0; at < rows.length; at += rowsAtOnceMax) {
    for (const one of checkedSlice(row, query, rows.slice(at, at + rowsAtOnceMax))) checked.push(one);
    await turnOfOthers();
  }
  return checked;
}

/** Some 3 ms; all 100,000 rows that a restart may read at once are 130. */
const rowsAtOnceMax = 2_048;

function checkedSlice<Row extends z.ZodType>(
  row: Row,
  { name }: StoreQuery,
  rows: readonly unknown[],
): z.output<Row>[] {
  const checked = z.array(row).safeParse(rows);
  if (!checked.success) throw new Error(`cannot read rows of ${name}: ${z.prettifyError(checked.error)}`);
  return checked.data;
}
