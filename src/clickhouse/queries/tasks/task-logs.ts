import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64, optionalText } from '../sql/column-types.js';
import type { WorkScope } from '../work/work-scope.js';

/** Newest log events of a level that are read. */
export const logLinesMax = 200;

const line = z.tuple([epochMs, epochMs, z.string(), optionalText, z.string()]);

const row = z.object({
  level: optionalText,
  lines: integer64,
  first_ms: epochMs,
  last_ms: epochMs,
  newest: z.array(line),
});

/** Log events of one level: how many there are, and the newest of them, newest first. */
export interface TaskLogLevel {
  /** Null where no level was reported. */
  readonly level: string | null;
  readonly lines: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly newest: readonly TaskLogLine[];
}

interface TaskLogLine {
  readonly tsMs: number;
  readonly receivedMs: number;
  readonly stepId: string | null;
  readonly message: string;
}

/** The log events of a task by level, counted, with the newest `logLinesMax` of each; one read of the table. */
export async function readTaskLogs(store: StoreReader, scope: WorkScope): Promise<TaskLogLevel[]> {
  const rows = await checkedRows(store, row, {
    name: 'task_logs',
    sql: `
      SELECT
        level,
        count() AS lines,
        toUnixTimestamp64Milli(min(ts)) AS first_ms,
        toUnixTimestamp64Milli(max(ts)) AS last_ms,
        groupArraySorted(${logLinesMax})((
          -toUnixTimestamp64Milli(ts), -toUnixTimestamp64Milli(received), event_id, step_id, message
        )) AS newest
      FROM agent_events_raw_v1
      WHERE ${scope.where} AND type = 'log'
      GROUP BY level
      ORDER BY level`,
    params: scope.params,
  });
  return rows.map(({ level, lines, first_ms: firstMs, last_ms: lastMs, newest }) => ({
    level,
    lines,
    firstMs,
    lastMs,
    newest: newest.map(([ts, received, , stepId, message]) => ({ tsMs: -ts, receivedMs: -received, stepId, message })),
  }));
}
