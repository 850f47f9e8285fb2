import { z } from 'zod';
import type { StoreReader } from '../../core/ports.js';
import { checkedRows } from './checked-rows.js';
import { integer64 } from './column-types.js';
import { type TaskFilter, taskCondition } from './task-filter.js';

const row = z.object({ tasks: integer64 });

/** How many tasks of the tenant the filter holds for. */
export async function readTaskCount(store: StoreReader, filter: TaskFilter): Promise<number> {
  const { where, params } = taskCondition(filter);
  const rows = await checkedRows(store, row, {
    name: 'task_count',
    sql: `SELECT count() AS tasks FROM agent_task_history WHERE ${where}`,
    params,
  });
  return rows[0]?.tasks ?? 0;
}
