import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { stringMap } from '../sql/column-types.js';
import type { WorkScope } from '../work/work-scope.js';

const row = z.object({ outputs: stringMap });

/** The outputs of the task that completed last, of a step if no task has outputs; empty when none has. */
export async function readFinalOutput(store: StoreReader, scope: WorkScope): Promise<Readonly<Record<string, string>>> {
  const rows = await checkedRows(store, row, {
    name: 'final_output',
    sql: `
      SELECT argMax(event.outputs, (type = 'task.completed', ts, received, task_id, step_id)) AS outputs
      FROM agent_events_raw_v1 AS event
      WHERE ${scope.where} AND type IN ('task.completed', 'step.completed') AND notEmpty(event.outputs)`,
    params: scope.params,
  });
  return rows[0]?.outputs ?? {};
}
