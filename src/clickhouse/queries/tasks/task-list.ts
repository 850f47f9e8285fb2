import { z } from 'zod';
import { optionalText } from '../sql/column-types.js';
import { taskKind } from '../work/history-kind.js';
import { type LatestReader, latestReader, placeShape } from '../work/history-latest.js';
import { taskColumns, taskRow } from '../work/task-row.js';
import { listColumns } from '../work/work-event.js';

const row = z.object({ ...taskRow.shape, ...placeShape, error_preview: optionalText });

export type TaskListRow = z.output<typeof row>;

const columns = `${taskColumns}, substringUTF8(error_message, 1, 200) AS error_preview,`;

/** Whole rows of a list of tasks. */
export const readTaskRows: LatestReader<TaskListRow> = latestReader(taskKind, {
  columns: listColumns,
  sql: { columns, row },
});
