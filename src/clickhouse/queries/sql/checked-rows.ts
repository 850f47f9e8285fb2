import { z } from 'zod';
import type { StoreQuery, StoreReader } from '../../../core/ports/store-reader.js';

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
  const checked = z.array(row).safeParse(rows);
  if (!checked.success) {
    throw new Error(`cannot read rows of ${query.name}: ${z.prettifyError(checked.error)}`);
  }
  return checked.data;
}
