import { z } from 'zod';
import type { RunListRow } from '../../clickhouse/queries/runs/run-list.js';
import { instant } from '../../core/time-text.js';
import {
  countSchema,
  instantSchema,
  millisecondsSchema,
  optionalInstantSchema,
  optionalTextSchema,
  textSchema,
} from '../answers/answer-schema.js';
import { identityAnswer, identityShape } from '../answers/identity.js';
import { detailedUsageAnswer, noUsage, usageSchema } from '../answers/usage.js';
import { inputSummary } from '../work/task-answer.js';
import { runStatuses } from './run-stats.js';
import type { RunTotals } from './run-totals.js';

export const runItemSchema = z
  .strictObject({
    run_id: textSchema,
    name: optionalTextSchema,
    status: z.enum(runStatuses),
    agent_id: textSchema,
    agent_name: optionalTextSchema,
    parent_id: optionalTextSchema,
    ...identityShape,
    started_at: instantSchema,
    ended_at: optionalInstantSchema,
    updated_at: instantSchema,
    duration_ms: millisecondsSchema,
    tasks_ended: countSchema,
    tasks_failed: countSchema,
    steps_started: countSchema,
    steps_ended: countSchema,
    steps_failed: countSchema,
    total: usageSchema,
    error_category: optionalTextSchema,
    error_code: optionalTextSchema,
    error_preview: optionalTextSchema,
    input_summary: optionalTextSchema,
  })
  .meta({ id: 'RunItem' });

/** What else is known of the runs of a page. */
export interface RunPageFacts {
  readonly totals: RunTotals;
  readonly orphaned: ReadonlySet<string>;
}

/** A run in a list. Names as in the answer of one run; `total` is what all that ended in it used. */
export function runItem(row: RunListRow, facts: RunPageFacts): z.output<typeof runItemSchema> {
  const totals = facts.totals.get(row.run_id);
  return {
    run_id: row.run_id,
    name: row.name,
    status: runStatus(row, facts),
    agent_id: row.agent_id,
    agent_name: row.agent_name,
    parent_id: row.parent_id,
    ...identityAnswer(row),
    started_at: instant(row.started_ms ?? row.place_ms),
    ended_at: runEnd(row),
    updated_at: instant(row.updated_ms),
    duration_ms: row.duration_ms,
    tasks_ended: totals?.tasks_ended ?? 0,
    tasks_failed: totals?.tasks_failed ?? 0,
    // An end may tell the start as well, in place of an event of its own.
    steps_started: Math.max(totals?.steps_started ?? 0, totals?.steps_ended ?? 0),
    steps_ended: totals?.steps_ended ?? 0,
    steps_failed: totals?.steps_failed ?? 0,
    total: detailedUsageAnswer(totals ?? noUsage),
    error_category: row.error_category,
    error_code: row.error_code,
    error_preview: row.error_preview,
    input_summary: inputSummary(row.inputs),
  };
}

export function runStatus(row: RunListRow, { orphaned }: RunPageFacts) {
  return orphaned.has(row.run_id) ? 'orphaned' : row.status;
}

/** As reported, else when the event that ended the run happened; null for a run that has not ended. */
function runEnd(row: RunListRow): string | null {
  return row.has_ended === 0 ? null : instant(row.ended_ms ?? row.updated_ms);
}
