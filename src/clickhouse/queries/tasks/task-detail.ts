import type { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { optionalText, stringMap } from '../sql/column-types.js';
import { mergedTasks, mergedWork } from '../work/merged-work.js';
import { taskColumns, taskRow } from '../work/task-row.js';
import { workColumns } from '../work/work-row.js';

const row = taskRow.extend({
  agent_version: optionalText,
  parent_id: optionalText,
  error_message: optionalText,
  outputs: stringMap,
  labels: stringMap,
});

export type TaskDetailRow = z.output<typeof row>;

/** A task id, and what tells its task from others of the same id. */
export interface TaskKey {
  readonly tenant: string;
  readonly taskId: string;
  /** Only a task of this run. */
  readonly runId?: string | undefined;
  /** Only a task of this agent. */
  readonly agentId?: string | undefined;
}

/** Tasks of one id that are looked at. */
export const namesakesMax = 100;

/**
 * The tasks of an id, the one heard of last first; empty when this tenant has no event of a task of that id. More than
 * one where it was used in several runs, or by several agents without a run.
 */
export function readTaskDetails(store: StoreReader, key: TaskKey): Promise<TaskDetailRow[]> {
  const { tenant, taskId, runId, agentId } = key;
  const columns = `${workColumns}, ${taskColumns}, agent_version, parent_id, error_message, outputs, labels`;
  const where = 'tenant = {tenant:String} AND task_id = {task_id:String}';
  return checkedRows(store, row, {
    name: 'task_detail',
    sql: `
      SELECT ${columns}
      FROM (${mergedWork(mergedTasks, { where, namedIn: columns })})
      WHERE ${runId === undefined ? 'true' : 'run_id = {run_id:String}'}
        AND ${agentId === undefined ? 'true' : 'agent_id = {agent_id:String}'}
      ORDER BY ts DESC, received DESC, run_id DESC, agent_id DESC
      LIMIT ${namesakesMax}`,
    params: {
      tenant,
      task_id: taskId,
      ...(runId === undefined ? {} : { run_id: runId }),
      ...(agentId === undefined ? {} : { agent_id: agentId }),
    },
  });
}
