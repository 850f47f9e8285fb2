import type { z } from 'zod';
import type { StoreReader } from '../../core/ports.js';
import { checkedRows } from './checked-rows.js';
import { optionalText, stringMap } from './column-types.js';
import { taskColumns, taskRow } from './task-row.js';

const row = taskRow.extend({
  agent_version: optionalText,
  parent_id: optionalText,
  message: optionalText,
  outputs: stringMap,
  labels: stringMap,
});

export type TaskDetailRow = z.output<typeof row>;

export interface TaskKey {
  readonly tenant: string;
  readonly taskId: string;
}

/**
 * The state of one task, undefined when this tenant has no event of a task of that id. The rows of one task are few, so
 * the latest is taken by its version; `FINAL` costs more.
 */
export async function readTaskDetail(store: StoreReader, key: TaskKey): Promise<TaskDetailRow | undefined> {
  const rows = await checkedRows(store, row, {
    name: 'task_detail',
    sql: `
      SELECT ${taskColumns}, agent_version, parent_id, error_message AS message, outputs, labels
      FROM agent_task_history_v2
      WHERE tenant = {tenant:String} AND task_id = {task_id:String}
      ORDER BY version DESC
      LIMIT 1`,
    params: { tenant: key.tenant, task_id: key.taskId },
  });
  return rows[0];
}
