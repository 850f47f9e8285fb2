import type { DeliveryHold } from '../../core/ports/delivery-hold.js';
import type { StoreQuery } from '../../core/ports/store-reader.js';
import type { StoreWriter } from '../store-writer.js';
import { type InsertToken, insertSettings } from './insert-token.js';

export interface HeldInsertDeps {
  readonly store: StoreWriter;
  readonly delivery: DeliveryHold;
  readonly nextToken: InsertToken;
  /**
   * Whether other collectors fill the table too. Then what arrived is told by tokens alone, and the rows go there at
   * once; a table beside would have to be on the server that answers next.
   */
  readonly isShared?: boolean;
}

/**
 * Inserts the rows of a query into a table that deliveries fill too, while none is under way: what has arrived of an
 * interrupted delivery is told by the blocks of the table (`ExactSegmentWriter`). The query runs before that, into a
 * table beside it, so that deliveries wait for the copying alone. Rejects as `StoreWriter` and `DeliveryHold`.
 */
export async function insertHeld(
  { store, delivery, nextToken, isShared = false }: HeldInsertDeps,
  insert: {
    readonly name: string;
    readonly table: string;
    readonly columns: readonly string[];
    readonly select: string;
    readonly params: StoreQuery['params'];
  },
): Promise<void> {
  const { name, table, params } = insert;
  const columns = insert.columns.join(', ');
  if (isShared) {
    const sql = `INSERT INTO ${table} (${columns}) ${insertSettings(nextToken())} ${insert.select}`;
    return await store.command({ name, sql, params });
  }
  const beside = `${table}${infix}${nextToken().replaceAll('-', '_')}`;
  await store.command({ name, sql: `CREATE TABLE ${beside} AS ${table}` });
  try {
    const sql = `INSERT INTO ${beside} (${columns}) ${insertSettings(nextToken())} ${insert.select}`;
    await store.command({ name, sql, params });
    const [found] = await store.writerRows<{ count: number | string }>({
      name,
      sql: `SELECT count() AS count FROM ${beside}`,
      params: {},
    });
    if (Number(found?.count) === 0) return;
    const taken = `INSERT INTO ${table} (${columns}) ${insertSettings(nextToken())} SELECT ${columns} FROM ${beside}`;
    await delivery.whileHeld(() => store.command({ name, sql: taken }));
  } finally {
    await store.command({ name, sql: `DROP TABLE IF EXISTS ${beside} SYNC` }).catch(() => undefined);
  }
}

const infix = '_beside_held_';

/** What a crash has left. Only where no other collector uses the store. */
export async function dropHeldTables(store: StoreWriter): Promise<void> {
  const found = await store.writerRows<{ name: string }>({
    name: 'held_tables',
    sql: `SELECT name FROM system.tables WHERE database = currentDatabase() AND position(name, '${infix}') > 0`,
    params: {},
  });
  for (const { name } of found)
    await store.command({ name: `drop of ${name}`, sql: `DROP TABLE IF EXISTS ${name} SYNC` });
}
