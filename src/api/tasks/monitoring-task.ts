import { z } from 'zod';
import type { TaskRow } from '../../clickhouse/queries/work/task-row.js';
import { instant, optionalInstant } from '../../core/time-text.js';
import { instantSchema, optionalInstantSchema, stringMapSchema } from '../answers/answer-schema.js';
import { taskItem, taskItemShape } from '../work/task-answer.js';
import { type WorkStatus, workStatusSchema } from '../work/work-status.js';

/** The words of clients that know no others: what was cancelled did not complete, what is orphaned has not ended. */
const monitoringStatuses = ['PENDING', 'RUNNING', 'COMPLETED', 'FAILED'] as const;
type MonitoringStatus = (typeof monitoringStatuses)[number];

const statusOf: Readonly<Record<TaskRow['status'], MonitoringStatus>> = {
  pending: 'PENDING',
  running: 'RUNNING',
  completed: 'COMPLETED',
  failed: 'FAILED',
  cancelled: 'FAILED',
};

/** Inputs of a summary, and characters of each. */
const summaryInputsMax = 8;
const summaryCharactersMax = 100;

export const monitoringTaskShape = {
  ...taskItemShape,
  status: z.enum(monitoringStatuses).meta({
    description:
      'FAILED also for what was cancelled; PENDING or RUNNING also for what is orphaned: state tells them apart.',
  }),
  state: workStatusSchema,
  start_time: instantSchema.meta({ description: 'When it started; before that, its place in the list.' }),
  end_time: optionalInstantSchema,
  input_summary: stringMapSchema.nullable().meta({
    description: 'The first 8 inputs, the first 100 characters of each; null without inputs.',
  }),
};

/** A task under the names of the monitoring API, with those of the events beside them. */
export function monitoringTask(task: TaskRow, state: WorkStatus) {
  return {
    ...taskItem(task),
    status: statusOf[task.status],
    state,
    start_time: instant(task.start_ms),
    end_time: optionalInstant(task.ended_ms),
    input_summary: keyInputs(task.inputs),
  };
}

function keyInputs(inputs: Readonly<Record<string, string>>): Record<string, string> | null {
  const shown = Object.entries(inputs).slice(0, summaryInputsMax);
  return shown.length === 0 ? null : Object.fromEntries(shown.map(([key, value]) => [key, shortened(value)]));
}

function shortened(value: string): string {
  const characters = [...value];
  if (characters.length <= summaryCharactersMax) return value;
  return `${characters.slice(0, summaryCharactersMax - 1).join('')}…`;
}
