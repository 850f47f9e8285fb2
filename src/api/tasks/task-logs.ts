import { z } from 'zod';
import { logLinesMax, type TaskLogLevel } from '../../clickhouse/queries/tasks/task-logs.js';
import { instant, optionalInstant } from '../../core/time-text.js';
import {
  countSchema,
  instantSchema,
  optionalInstantSchema,
  optionalTextSchema,
  textSchema,
} from '../answers/answer-schema.js';

const logLineSchema = z
  .strictObject({ ts: instantSchema, level: optionalTextSchema, step_id: optionalTextSchema, message: textSchema })
  .meta({ id: 'LogLine' });

export const logsShape = {
  logs: z.array(logLineSchema).meta({ description: 'The newest, in the order of their time.' }),
  logs_truncated: z.boolean(),
  logs_summary: z.strictObject({
    total: countSchema,
    by_level: z.record(z.string(), countSchema).meta({ description: 'Lines without a level count as `none`.' }),
    first_at: optionalInstantSchema,
    last_at: optionalInstantSchema,
    newest_error: logLineSchema.nullable().meta({ description: 'The newest line of level error or fatal.' }),
  }),
};

/** The log events of a task: the newest of all levels, and what all of them add up to. */
export function logsPart(levels: readonly TaskLogLevel[]) {
  const lines = levels
    .flatMap(({ level, newest }) => newest.map((line) => ({ ...line, level })))
    .sort((a, b) => b.tsMs - a.tsMs || b.receivedMs - a.receivedMs);
  const total = levels.reduce((sum, level) => sum + level.lines, 0);
  const error = lines.find(({ level }) => level === 'error' || level === 'fatal');
  return {
    logs: lines.slice(0, logLinesMax).reverse().map(logLine),
    logs_truncated: total > logLinesMax,
    logs_summary: {
      total,
      by_level: Object.fromEntries(levels.map(({ level, lines: count }) => [level ?? 'none', count])),
      first_at: optionalInstant(levels.length === 0 ? null : Math.min(...levels.map(({ firstMs }) => firstMs))),
      last_at: optionalInstant(levels.length === 0 ? null : Math.max(...levels.map(({ lastMs }) => lastMs))),
      newest_error: error === undefined ? null : logLine(error),
    },
  };
}

interface LogLine {
  readonly tsMs: number;
  readonly level: string | null;
  readonly stepId: string | null;
  readonly message: string;
}

function logLine({ tsMs, level, stepId, message }: LogLine) {
  return { ts: instant(tsMs), level, step_id: stepId, message };
}
