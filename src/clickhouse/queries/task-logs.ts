import { z } from 'zod';
import type { StoreReader } from '../../core/ports.js';
import { checkedRows } from './checked-rows.js';
import { epochMs, optionalText } from './column-types.js';
import type { TaskKey } from './task-detail.js';

const row = z.object({ at_ms: epochMs, severity: optionalText, step: optionalText, text: z.string() });

export type TaskLogRow = z.output<typeof row>;

/** The newest log events of a task, newest first. */
export function readTaskLogs(
  store: StoreReader,
  key: TaskKey,
  options: { readonly limit: number },
): Promise<TaskLogRow[]> {
  return checkedRows(store, row, {
    name: 'task_logs',
    sql: `
      SELECT
        toUnixTimestamp64Milli(ts) AS at_ms,
        toString(level) AS severity,
        step_id AS step,
        message AS text
      FROM agent_events_raw_v1
      WHERE tenant = {tenant:String} AND task_id = {task_id:String} AND type = 'log'
      ORDER BY ts DESC, received DESC, event_id DESC, text DESC
      LIMIT {limit:UInt32}`,
    params: { tenant: key.tenant, task_id: key.taskId, limit: options.limit },
  });
}
