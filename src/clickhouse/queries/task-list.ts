import type { z } from 'zod';
import type { StoreReader } from '../../core/ports.js';
import { checkedRows } from './checked-rows.js';
import { optionalText } from './column-types.js';
import { type TaskFilter, taskCondition } from './task-filter.js';
import { taskColumns, taskRow, taskStart } from './task-row.js';

const row = taskRow.extend({ error_preview: optionalText });

export type TaskListRow = z.output<typeof row>;

export interface TaskPage {
  readonly limit: number;
  readonly offset: number;
  /** Only tasks after this one in the order of the list. */
  readonly after?: TaskPosition | undefined;
}

export interface TaskPosition {
  readonly startMs: number;
  readonly taskId: string;
}

/**
 * A page of tasks, newest start first, equal starts by task id downwards. The page is chosen on the few
 * columns of order and filter; whole rows are then read by key for that page alone.
 */
export function readTaskList(store: StoreReader, filter: TaskFilter, page: TaskPage): Promise<TaskListRow[]> {
  const { where, params } = taskCondition(filter);
  const after =
    page.after === undefined
      ? ''
      : `AND (toUnixTimestamp64Milli(${taskStart}), task_id) < ({after_ms:Int64}, {after_task_id:String})`;
  return checkedRows(store, row, {
    name: 'task_list',
    sql: `
      SELECT ${taskColumns}, substringUTF8(error_message, 1, 200) AS error_preview
      FROM agent_task_history
      WHERE tenant = {tenant:String} AND task_id IN (
        SELECT task_id FROM agent_task_history
        WHERE ${where} ${after}
        ORDER BY ${taskStart} DESC, task_id DESC
        LIMIT {limit:UInt32} OFFSET {offset:UInt32}
      )
      ORDER BY start_ms DESC, task_id DESC`,
    params: {
      ...params,
      limit: page.limit,
      offset: page.offset,
      ...(page.after === undefined ? {} : { after_ms: page.after.startMs, after_task_id: page.after.taskId }),
    },
  });
}
