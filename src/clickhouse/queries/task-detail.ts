import type { z } from 'zod';
import type { StoreReader } from '../../core/ports.js';
import { checkedRows } from './checked-rows.js';
import { optionalText, stringMap } from './column-types.js';
import { taskColumns, taskRow } from './task-row.js';

const row = taskRow.extend({ message: optionalText, outputs: stringMap, labels: stringMap });

export type TaskDetailRow = z.output<typeof row>;

export interface TaskKey {
  readonly tenant: string;
  readonly taskId: string;
}

/** One task in full, undefined when this tenant has none of that id. */
export async function readTaskDetail(store: StoreReader, key: TaskKey): Promise<TaskDetailRow | undefined> {
  const rows = await checkedRows(store, row, {
    name: 'task_detail',
    sql: `
      SELECT ${taskColumns}, error_message AS message, outputs, labels
      FROM agent_task_history
      WHERE tenant = {tenant:String} AND task_id = {task_id:String}
      LIMIT 1`,
    params: { tenant: key.tenant, task_id: key.taskId },
  });
  return rows[0];
}
