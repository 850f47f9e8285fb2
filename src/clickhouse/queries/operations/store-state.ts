import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { integer64 } from '../sql/column-types.js';

const stateRow = z.object({
  version: z.string(),
  timezone: z.string(),
  uptime_s: integer64,
  memory_bytes_max: integer64,
  parts_delayed_at: integer64,
  mutations_failing: integer64,
  mutation_failure: z.string(),
  detached: integer64,
});

export type StoreState = z.output<typeof stateRow>;

/**
 * What an operator asks of the engine as a whole: its version, its memory limit, at how many parts of a partition it
 * slows inserts down, mutations that fail, and parts that it has set aside. Needs the writer's rights.
 */
export async function readStoreState(store: StoreReader): Promise<StoreState> {
  const [row] = await checkedRows(store, stateRow, {
    name: 'store_state',
    sql: `
      SELECT version() AS version, timezone() AS timezone, uptime() AS uptime_s,
        (SELECT toUInt64OrZero(any(value)) FROM system.server_settings
          WHERE name = 'max_server_memory_usage') AS memory_bytes_max,
        (SELECT toUInt64OrZero(any(value)) FROM system.merge_tree_settings
          WHERE name = 'parts_to_delay_insert') AS parts_delayed_at,
        (SELECT count() FROM system.mutations
          WHERE database = currentDatabase() AND NOT is_done AND latest_fail_reason != '') AS mutations_failing,
        (SELECT substring(any(latest_fail_reason), 1, 300) FROM system.mutations
          WHERE database = currentDatabase() AND NOT is_done AND latest_fail_reason != '') AS mutation_failure,
        (SELECT count() FROM system.detached_parts
          WHERE database = currentDatabase() AND ifNull(reason, '') != '' AND position(table, '_beside_') = 0
        ) AS detached`,
    params: {},
  });
  if (row === undefined) throw new Error('cannot read the state of the store: it answers no row');
  return row;
}

const partitionRow = z.object({ table: z.string(), partition: z.string(), parts: integer64 });

/** The partition with the most active parts; null when there is none. Needs the writer's rights. */
export async function readFullestPartition(store: StoreReader): Promise<z.output<typeof partitionRow> | null> {
  const [row] = await checkedRows(store, partitionRow, {
    name: 'fullest_partition',
    sql: `
      SELECT table, partition, count() AS parts FROM system.parts
      WHERE active AND database = currentDatabase() AND NOT startsWith(name, 'patch-')
      GROUP BY table, partition ORDER BY parts DESC, table, partition LIMIT 1`,
    params: {},
  });
  return row ?? null;
}
