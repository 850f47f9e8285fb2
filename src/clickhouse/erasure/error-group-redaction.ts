import { z } from 'zod';
import { CollectorError } from '../../core/errors.js';
import { insertSettings } from '../maintenance/insert-token.js';
import { readingAsWriter } from '../maintenance/rollup-repair.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { integer64 } from '../queries/sql/column-types.js';
import type { StoreWriter } from '../store-writer.js';
import { type ErasureScope, scopeParams, targets } from './erasure-condition.js';
import type { Replication } from './replication.js';
import { maskRows, type SelectedRows } from './row-rewrite.js';
import { groupHash } from './text-redaction.js';

const redactedMessage = '<erased>';
const table = 'agent_errors_per_day_v1';
const keys = 'tenant, agent_id, day, error_category, error_code';
const movedKind = 'error_groups_moved';

/**
 * Names of error groups that only erased failures have become `<erased>`; what was counted stays counted. Answers how
 * many rows it was.
 *
 * The name is of the key, so what a group counts moves to another one: a row with it under the new name and, in the
 * same part, one that takes it from the old. A part is on the disk or it is not: what the old group still counts is
 * what is to be moved, however often that was cut short, and no token of the engine must outlive a power cut. Then it
 * is noted that all is moved, and the old rows are masked, which goes part by part; their sums say nothing from then
 * on, and failures that come to such a group before a mask that was cut short is complete go with it. (REPLACE
 * PARTITION would do it at once, but what it replaced is back after a kill of the engine.)
 */
export async function redactErrorGroups(
  store: StoreWriter,
  scope: ErasureScope,
  replication: Replication,
): Promise<number> {
  const where = `tenant = {tenant:String} AND message != '${redactedMessage}'
    AND ${groupHash({ day: 'day', message: 'message' })} IN ${targets('error_group')}`;
  const rows: SelectedRows = { table, where, params: scopeParams(scope) };
  if (await isMoved(store, scope)) return await maskRows(store, rows);
  const { count } = await readGroups(store, rows);
  if (count === 0) return 0;
  await moveCounts(store, scope, { rows, replication });
  await noteMoved(store, scope);
  await replication.caughtUp(['erasure_targets_v1']);
  await maskRows(store, rows);
  return count;
}

const groupsRow = z.object({ count: integer64, open: integer64, state: z.string() });

/** How many rows there are, how many groups count something, and a hash of what. */
async function readGroups(store: StoreWriter, { where, params }: SelectedRows): Promise<z.output<typeof groupsRow>> {
  const [found] = await checkedRows(readingAsWriter(store), groupsRow, {
    name: 'groups_to_rename',
    sql: `
      SELECT sum(rows_of_group) AS count, countIf(counted != 0) AS open,
        toString(groupBitXorIf(sipHash64(${keys}, message, counted), counted != 0)) AS state
      FROM (
        SELECT ${keys}, message, count() AS rows_of_group, sum(occurrences) AS counted
        FROM ${table} WHERE ${where}
        GROUP BY ${keys}, message
      )`,
    params,
  });
  return found ?? { count: 0, open: 0, state: '' };
}

/** While others insert, a group may count something again. */
const movesMax = 5;

/**
 * Until the groups count nothing. Two collectors that move the same at once, as one may that has lost its lease, have
 * one token. An insert that changed nothing has one that is known although its rows are lost: then it is another.
 */
async function moveCounts(
  store: StoreWriter,
  { erasureId, attempt }: ErasureScope,
  { rows, replication }: { readonly rows: SelectedRows; readonly replication: Replication },
): Promise<void> {
  for (let move = 0, last = ''; move < movesMax; move++) {
    const { open, state } = await readGroups(store, rows);
    if (open === 0) return;
    const token = ['renaming', erasureId, state, ...(state === last ? [attempt, move] : [])].join('-');
    await insertMoves(store, rows, token);
    await replication.caughtUp([table]);
    last = state;
  }
  throw new CollectorError('store_overloaded', `cannot rename groups of ${table}: others fill them meanwhile`);
}

/** One thread, so that both rows of a group are in one block. The sums are of 64 bits and wrap around. */
async function insertMoves(store: StoreWriter, { where, params }: SelectedRows, token: string): Promise<void> {
  await store.command({
    name: `renaming in ${table}`,
    sql: `
      INSERT INTO ${table} (${keys}, message, occurrences, recovered, runs, first_seen, last_seen)
      ${insertSettings(token)}
      SELECT ${keys}, if(is_taken, message, '${redactedMessage}'),
        if(is_taken, reinterpretAsUInt64(-toInt64(counted)), counted), came_back, states, first_ts, last_ts
      FROM (
        SELECT ${keys}, message, sum(occurrences) AS counted, max(recovered) AS came_back,
          uniqMergeState(runs) AS states, min(first_seen) AS first_ts, max(last_seen) AS last_ts
        FROM ${table} WHERE ${where}
        GROUP BY ${keys}, message
        HAVING counted != 0
      )
      ARRAY JOIN [false, true] AS is_taken`,
    params,
  });
}

const noteRow = z.object({ id: z.string() });

async function isMoved(store: StoreWriter, scope: ErasureScope): Promise<boolean> {
  const found = await checkedRows(readingAsWriter(store), noteRow, {
    name: 'error_groups_moved',
    sql: `SELECT id FROM erasure_targets_v1 WHERE erasure_id = {erasure:String} AND kind = '${movedKind}' LIMIT 1`,
    params: scopeParams(scope),
  });
  return found.length > 0;
}

async function noteMoved(store: StoreWriter, scope: ErasureScope): Promise<void> {
  await store.command({
    name: 'what belongs to an erasure',
    sql: `
      INSERT INTO erasure_targets_v1 (erasure_id, kind, id)
      SELECT {erasure:String}, '${movedKind}', {attempt:String}`,
    params: scopeParams(scope),
  });
}
