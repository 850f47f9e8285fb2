import { z } from 'zod';
import { epochMs, optionalFloat, optionalMs, optionalText, stringMap } from '../sql/column-types.js';
import { identityColumns, identityRow } from '../sql/identity-columns.js';
import { runKind } from '../work/history-kind.js';
import { type LatestReader, latestReader, placeShape } from '../work/history-latest.js';
import { listColumns } from '../work/work-event.js';

const row = z.object({
  ...placeShape,
  run_id: z.string(),
  agent_name: optionalText,
  parent_id: optionalText,
  ...identityRow,
  name: optionalText,
  status: z.enum(['running', 'completed', 'failed', 'cancelled']),
  updated_ms: epochMs,
  started_ms: optionalMs,
  ended_ms: optionalMs,
  duration_ms: optionalFloat,
  error_category: optionalText,
  error_code: optionalText,
  error_preview: optionalText,
  inputs: stringMap,
  outputs: stringMap,
});

/** A run as its own events tell it. */
export type RunListRow = z.output<typeof row>;

const columns = `
  agent_name, parent_id, ${identityColumns}, name, status,
  toUnixTimestamp64Milli(ts) AS updated_ms,
  toUnixTimestamp64Milli(started_at) AS started_ms,
  toUnixTimestamp64Milli(ended_at) AS ended_ms,
  duration_ms, error_category, error_code,
  substringUTF8(error_message, 1, 200) AS error_preview,
  inputs, outputs,`;

/** Whole rows of a list of runs. */
export const readRunRows: LatestReader<RunListRow> = latestReader(runKind, {
  columns: [...listColumns, 'outputs'],
  sql: { columns, row },
});
