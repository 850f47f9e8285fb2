import { z } from 'zod';
import { readingAsWriter } from '../maintenance/rollup-repair.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { quoteString } from '../sql-text.js';
import type { StoreWriter } from '../store-writer.js';
import { type ErasureScope, scopeParams, targets } from './erasure-condition.js';
import type { Replication } from './replication.js';
import { maskRows } from './row-rewrite.js';
import { groupHash } from './text-redaction.js';

const redactedMessage = '<erased>';
const table = 'agent_errors_per_day_v1';
const asideKind = 'error_rows ';

/** A row as text, and back; the message is not in it. */
const written = `toJSONString(tuple(tenant, agent_id, toString(day), toInt8(error_category), error_code, occurrences,
  recovered, hex(runs), toUnixTimestamp64Milli(first_seen), toUnixTimestamp64Milli(last_seen)))`;
const writtenType = 'Tuple(String, String, Date, Int8, String, UInt64, UInt64, String, Int64, Int64)';
const read = `row.1, row.2, row.3, row.4, row.5, {message:String}, row.6, row.7,
  CAST(unhex(row.8), 'AggregateFunction(uniq, String)'),
  fromUnixTimestamp64Milli(row.9, 'UTC'), fromUnixTimestamp64Milli(row.10, 'UTC')`;
const columns = `tenant, agent_id, day, error_category, error_code, message, occurrences, recovered, runs, first_seen,
  last_seen`;

const asideRow = z.object({ kind: z.string() });

/**
 * Names of error groups that only erased failures have become `<erased>`; what was counted stays counted. The name is
 * of the key, so the rows are set aside as they are to be, in one block; then the old ones are masked, and the new ones
 * come. What was cut short is taken up where it ended: the rows come by a token of what was set aside. Answers how many
 * rows it was. (REPLACE PARTITION would do it at once, but what it replaced is back after a kill of the engine.)
 */
export async function redactErrorGroups(
  store: StoreWriter,
  scope: ErasureScope,
  replication: Replication,
): Promise<number> {
  const where = `tenant = {tenant:String} AND message != '${redactedMessage}'
    AND ${groupHash({ day: 'day', message: 'message' })} IN ${targets('error_group')}`;
  const aside = (await asideOf(store, scope)) ?? (await setAside(store, scope, where));
  if (aside === null) return 0;
  await replication.caughtUp(['erasure_targets_v1']);
  const rows = await maskRows(store, { table, where, params: scopeParams(scope) });
  await store.command({
    name: `rewriting of ${table}`,
    sql: `
      INSERT INTO ${table} (${columns})
      SETTINGS async_insert = 0, insert_deduplicate = 1, max_threads = 1, max_insert_threads = 1,
        insert_deduplication_token = ${quoteString(`rewriting-${aside.slice(asideKind.length)}`)}
      SELECT ${read} FROM (
        SELECT JSONExtract(id, '${writtenType}') AS row FROM erasure_targets_v1
        WHERE erasure_id = {erasure:String} AND kind = {aside:String})`,
    params: { ...scopeParams(scope), aside, message: redactedMessage },
  });
  return rows;
}

/** Under which kind there are rows; null when there are none. */
async function asideOf(store: StoreWriter, scope: ErasureScope): Promise<string | null> {
  const [found] = await checkedRows(readingAsWriter(store), asideRow, {
    name: 'rows_set_aside',
    sql: `SELECT DISTINCT kind FROM erasure_targets_v1
      WHERE erasure_id = {erasure:String} AND startsWith(kind, '${asideKind}')`,
    params: scopeParams(scope),
  });
  return found?.kind ?? null;
}

async function setAside(store: StoreWriter, scope: ErasureScope, where: string): Promise<string | null> {
  await store.command({
    name: `setting aside of ${table}`,
    sql: `
      INSERT INTO erasure_targets_v1 (erasure_id, kind, id) SETTINGS max_threads = 1, max_insert_threads = 1
      SELECT {erasure:String}, concat('${asideKind}', {attempt:String}), ${written} FROM ${table} WHERE ${where}`,
    params: scopeParams(scope),
  });
  return await asideOf(store, scope);
}
