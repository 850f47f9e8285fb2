import { z } from 'zod';
import type { WorkAttemptRow } from '../../clickhouse/queries/work/attempt-row.js';
import { optionalInstant } from '../../core/time-text.js';
import {
  attemptSchema,
  countSchema,
  instantSchema,
  millisecondsSchema,
  optionalInstantSchema,
  optionalTextSchema,
  pageShape,
  textSchema,
} from '../answers/answer-schema.js';
import { reportedAttempt } from '../answers/answer-units.js';
import { detailedUsageAnswer, noUsage, usageSchema } from '../answers/usage.js';
import { attemptMs, modelPart, modelShape } from '../work/attempt-answer.js';
import { openStatus, workStatusSchema } from '../work/work-status.js';
import { type RunRecord, runStatuses } from './run-record.js';
import { reportedUsage, type Timeline } from './timeline.js';
import { workKey } from './work-tree.js';

const nodeSchema = z
  .strictObject({
    node: textSchema.meta({ description: 'Unique in the timeline.' }),
    parent: optionalTextSchema.meta({ description: 'The node it hangs under; null for the run.' }),
    depth: countSchema,
    type: z.enum(['run', 'task', 'step']),
    task_id: optionalTextSchema,
    step_id: optionalTextSchema,
    parent_id: optionalTextSchema.meta({ description: 'As reported.' }),
    attempt: attemptSchema,
    attempts: countSchema.meta({ description: 'Known attempts of the same task or step; they are siblings.' }),
    name: optionalTextSchema,
    kind: optionalTextSchema,
    agent_id: optionalTextSchema,
    ...modelShape,
    status: workStatusSchema,
    started_at: optionalInstantSchema,
    ended_at: optionalInstantSchema,
    offset_ms: z.int().meta({ description: 'From the origin; negative when its clock is behind.' }),
    duration_ms: millisecondsSchema,
    own: usageSchema.meta({ description: 'Of this attempt alone.' }),
    total: usageSchema.meta({ description: 'With everything below it.' }),
    rolled_up: usageSchema.nullable().meta({ description: 'Reported as the sum of what is below it; in no total.' }),
    critical: z.boolean().meta({ description: 'On the critical path.' }),
    critical_ms: countSchema.nullable().meta({ description: 'Milliseconds of the critical path that are its own.' }),
    error_category: optionalTextSchema,
    error_code: optionalTextSchema,
    error_preview: optionalTextSchema.meta({ description: 'The first 200 characters.' }),
  })
  .meta({ id: 'TimelineNode' });

export const timelineSchema = z
  .strictObject({
    run_id: textSchema,
    name: optionalTextSchema,
    status: z.enum(runStatuses),
    started_at: optionalInstantSchema,
    ended_at: optionalInstantSchema,
    duration_ms: millisecondsSchema,
    origin: instantSchema.meta({ description: 'Offsets count from here: the start, else the first thing known.' }),
    total: usageSchema.meta({ description: 'Of the whole run.' }),
    total_nodes: countSchema,
    total_attempts: countSchema.meta({ description: 'Of tasks and steps of the run.' }),
    truncated: z.boolean().meta({ description: 'There are more attempts than a timeline holds: the first are in it.' }),
    steps_expired: z.boolean().meta({ description: 'The run is older than steps are kept.' }),
    critical_path: z.strictObject({ duration_ms: countSchema, nodes: countSchema }),
    nodes: z.array(nodeSchema),
    ...pageShape,
  })
  .meta({ id: 'Timeline' });

const previewCharactersMax = 200;
const noModel = { environment: null, model: null, provider: null, args_hash: null, finish_reason: null };

/** The node at a place of the timeline. */
export function timelineNode(place: number, timeline: Timeline, record: RunRecord) {
  const work = timeline.nodes[place]!;
  const parent = timeline.nodes[work.parent];
  const { usage, isRolledUp } = reportedUsage(work, record.state);
  const criticalMs = timeline.criticalMs[place] ?? null;
  return {
    node: workKey(work),
    parent: parent === undefined ? null : workKey(parent),
    depth: work.depth,
    type: work.type,
    task_id: work.taskId === '' ? null : work.taskId,
    step_id: work.stepId === '' ? null : work.stepId,
    attempts: work.attempts,
    ...(work.type === 'run' ? runPart(timeline, record) : attemptPart(work.row, record.isHeard)),
    offset_ms: work.startMs - timeline.originMs,
    own: detailedUsageAnswer(isRolledUp ? noUsage : usage),
    total: detailedUsageAnswer(timeline.totals.of(place)),
    rolled_up: isRolledUp ? detailedUsageAnswer(usage) : null,
    critical: criticalMs !== null,
    critical_ms: criticalMs,
  };
}

function runPart({ startedMs, endedMs, durationMs }: Timeline, { state, status }: RunRecord) {
  return {
    parent_id: state?.parent_id ?? null,
    attempt: reportedAttempt(state?.attempt ?? 0),
    name: state?.name ?? null,
    kind: null,
    agent_id: state?.agent_id ?? null,
    environment: state?.environment ?? null,
    model: state?.model ?? null,
    provider: state?.provider ?? null,
    args_hash: null,
    finish_reason: state?.finish_reason ?? null,
    status,
    started_at: optionalInstant(startedMs),
    ended_at: optionalInstant(endedMs),
    duration_ms: durationMs,
    error_category: state?.error_category ?? null,
    error_code: state?.error_code ?? null,
    error_preview: preview(state?.error_message ?? null),
  };
}

function attemptPart(row: WorkAttemptRow | null, isHeard: boolean) {
  return {
    parent_id: row?.parent_id ?? null,
    attempt: reportedAttempt(row?.attempt ?? 0),
    name: row?.name ?? null,
    kind: row?.step_kind ?? null,
    agent_id: row?.agent_id ?? null,
    ...(row === null ? noModel : modelPart(row)),
    status: openStatus(row?.status ?? 'running', isHeard),
    started_at: optionalInstant(row?.started_ms ?? null),
    ended_at: optionalInstant(row?.ended_ms ?? null),
    duration_ms: row === null ? null : attemptMs(row),
    error_category: row?.error_category ?? null,
    error_code: row?.error_code ?? null,
    error_preview: preview(row?.error_message ?? null),
  };
}

function preview(message: string | null): string | null {
  if (message === null || message.length <= previewCharactersMax) return message;
  return [...message].slice(0, previewCharactersMax).join('');
}
