import type { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { optionalText, stringMap } from '../sql/column-types.js';
import { compareTexts } from '../sql/text-order.js';
import { taskKind } from '../work/history-kind.js';
import { readMerged } from '../work/merged-rows.js';
import { mergedTasks, mergedWork } from '../work/merged-work.js';
import { taskColumns, taskRow } from '../work/task-row.js';
import { wholeColumns } from '../work/work-event.js';
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
export async function readTaskDetails(store: StoreReader, key: TaskKey): Promise<TaskDetailRow[]> {
  const { tenant, taskId, runId, agentId } = key;
  const columns = `${workColumns}, ${taskColumns}, agent_version, parent_id, error_message, outputs, labels`;
  const where = 'tenant = {tenant:String} AND task_id = {task_id:String}';
  const params = { tenant, task_id: taskId };
  const merged = await readMerged(store, taskKind, { name: 'task_detail', where, params, columns: wholeColumns });
  if (merged !== null) return namesakesIn(merged, key);
  return await checkedRows(store, row, {
    name: 'task_detail',
    sql: `
      SELECT ${columns}
      FROM (${mergedWork(mergedTasks, { where, namedIn: columns })})
      WHERE ${runId === undefined ? 'true' : 'run_id = {run_id:String}'}
        AND ${agentId === undefined ? 'true' : 'agent_id = {agent_id:String}'}
      ORDER BY ts DESC, received DESC, run_id DESC, agent_id DESC
      LIMIT ${namesakesMax}`,
    params: {
      ...params,
      ...(runId === undefined ? {} : { run_id: runId }),
      ...(agentId === undefined ? {} : { agent_id: agentId }),
    },
  });
}

function namesakesIn(tasks: readonly TaskDetailRow[], { runId, agentId }: TaskKey): TaskDetailRow[] {
  return tasks
    .filter((task) => (runId ?? task.run_id) === task.run_id && (agentId ?? task.agent_id) === task.agent_id)
    .sort(byHeardOf)
    .slice(0, namesakesMax);
}

function byHeardOf(left: TaskDetailRow, right: TaskDetailRow): number {
  return (
    right.updated_ms - left.updated_ms ||
    right.received_ms - left.received_ms ||
    compareTexts(right.run_id ?? '', left.run_id ?? '') ||
    compareTexts(right.agent_id, left.agent_id)
  );
}
