import { z } from 'zod';
import { rawTable } from '../../core/event-schema.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { dayMs } from '../../core/time-span.js';
import type { RollupDayFinalizer } from '../maintenance/day-finalizer.js';
import { type HeldInsertDeps, insertHeld } from '../maintenance/held-insert.js';
import { finalizedTables } from '../maintenance/rollup-schema.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { readFedTables } from '../segments/fed-tables.js';

export interface LostRowsDeps extends HeldInsertDeps {
  readonly reader: StoreReader;
  readonly finalizer: Pick<RollupDayFinalizer, 'finalizableDays' | 'finalize' | 'isStopping'>;
}

const engineRow = z.object({ engine: z.string() });

/**
 * Writes again what a table has lost, as far as its raw events are still there. Answers whether it could.
 *
 *   rollups that are finalized   each day whose raw events are all there is finalized again; today's follows at its end
 *   latest states (replacing)    the view's rows of all raw events are inserted once more: the same rows replace each
 *                                other, and newer ones stay
 *   events of tasks and runs,    the view's rows of the raw events that the table does not have
 *   and tries
 *   others                       sums without a day, and the raw table itself: nothing to make them from
 *
 * Rejects as `StoreWriter`, `DeliveryHold` and `DayFinalizer`.
 */
export async function writeLostRows(deps: LostRowsDeps, table: string): Promise<boolean> {
  if (finalizedTables.includes(table)) {
    const { fromMs, untilMs } = await deps.finalizer.finalizableDays();
    for (let day = fromMs; day < untilMs && !deps.finalizer.isStopping; day += dayMs) {
      await deps.finalizer.finalize({ dayMs: day, tenant: null, agentId: null });
    }
    return true;
  }
  const fed = (await readFedTables(deps.reader)).find(({ name }) => name === table);
  if (fed === undefined) return false;
  const { columns } = fed;
  const told = toldOnce(columns);
  if (told === null && !(await isReplacing(deps.reader, table))) return false;
  const missing = told === null ? '' : ` WHERE (${told}) NOT IN (SELECT ${told} FROM ${table})`;
  const select = `SELECT ${columns.join(', ')} FROM (${fed.selectFrom(rawTable)})${missing}`;
  await insertHeld(deps, { name: `lost rows of ${table}`, table, columns, select, params: {} });
  return true;
}

/** What tells an event of a task or run, or a try, from the others in a table of them; null for other tables. */
function toldOnce(columns: readonly string[]): string | null {
  // Of two tries that are alike in all of it either says what there is to say.
  if (columns.includes('unit') && columns.includes('completed')) {
    return 'tenant, ts, received, unit, family, attempt, completed';
  }
  if (!columns.includes('version') || columns.includes('feedback_id')) return null;
  return `tenant, ${columns.includes('task_id') ? 'task_id' : 'run_id'}, agent_id, version, received`;
}

async function isReplacing(reader: StoreReader, table: string): Promise<boolean> {
  const [found] = await checkedRows(reader, engineRow, {
    name: 'engine_of_a_table',
    sql: 'SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = {table:String}',
    params: { table },
  });
  return found?.engine.endsWith('ReplacingMergeTree') === true;
}
