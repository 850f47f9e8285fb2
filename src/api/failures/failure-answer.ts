import { z } from 'zod';
import { failureKinds } from '../../clickhouse/queries/failures/failure-filter.js';
import type { FailureGroupRow } from '../../clickhouse/queries/failures/failure-group-row.js';
import type { FailureListRow } from '../../clickhouse/queries/failures/failure-list.js';
import { failureOutcomes } from '../../clickhouse/queries/failures/failure-outcomes.js';
import { instant } from '../../core/time-text.js';
import {
  attemptSchema,
  countSchema,
  instantSchema,
  optionalInstantSchema,
  optionalNumberSchema,
  optionalTextSchema,
  textSchema,
} from '../answers/answer-schema.js';
import { reportedAttempt } from '../answers/answer-units.js';
import { noUsage, usageAnswer, usageShape } from '../answers/usage.js';

export const failureSchema = z
  .strictObject({
    kind: z.enum(failureKinds),
    status: z.enum(failureOutcomes).meta({
      description: 'recovered: a later try completed; retried: one began, none completed so far; failed: none began.',
    }),
    agent_id: textSchema,
    run_id: optionalTextSchema,
    task_id: optionalTextSchema,
    step_id: optionalTextSchema,
    parent_id: optionalTextSchema,
    environment: optionalTextSchema,
    attempt: attemptSchema,
    name: optionalTextSchema,
    model: optionalTextSchema,
    provider: optionalTextSchema,
    step_kind: optionalTextSchema,
    error_category: optionalTextSchema,
    error_code: optionalTextSchema,
    error_message: optionalTextSchema,
    failed_at: instantSchema,
    duration_ms: optionalNumberSchema,
    ...usageShape,
    links: z.strictObject({ run: optionalTextSchema, task: optionalTextSchema }),
  })
  .meta({ id: 'Failure' });

/** A failed attempt as answers carry it. */
export function failureItem(failure: FailureListRow): z.input<typeof failureSchema> {
  return {
    kind: failure.kind,
    status: failureOutcomes[failure.outcome] ?? 'failed',
    agent_id: failure.agent_id,
    run_id: failure.run_id,
    task_id: failure.task_id,
    step_id: failure.step_id,
    parent_id: failure.parent_id,
    environment: failure.environment,
    attempt: reportedAttempt(failure.attempt),
    name: failure.name,
    model: failure.model,
    provider: failure.provider,
    step_kind: failure.step_kind,
    error_category: failure.error_category,
    error_code: failure.error_code,
    error_message: failure.error_message,
    failed_at: instant(failure.failed_ms),
    duration_ms: failure.duration_ms,
    ...usageAnswer(failure),
    links: {
      run: failure.run_id === null ? null : runLink(failure.run_id),
      task: failure.task_id === null ? null : `/api/v1/monitoring/tasks/${encodeURIComponent(failure.task_id)}`,
    },
  };
}

export function runLink(runId: string): string {
  return `/api/v1/runs/${encodeURIComponent(runId)}`;
}

export const failureCountsShape = {
  count: countSchema.meta({ description: 'Failed attempts.' }),
  retried: countSchema.meta({ description: 'Those of them with a later try, recovered ones among them.' }),
  recovered: countSchema.meta({ description: 'Those of them with a later try that completed.' }),
  failed_for_good: countSchema.meta({ description: 'The others: count less recovered.' }),
  wasted: z.strictObject(usageShape).meta({ description: 'Usage of the failed attempts themselves.' }),
  affected_agents: countSchema,
  affected_runs: countSchema,
  first_seen: optionalInstantSchema,
  last_seen: optionalInstantSchema,
};

/** What a group, or what several add up to, says of its failed attempts; of nothing when there is none. */
export function failureCounts(group: FailureGroupRow | null) {
  return {
    count: group?.count ?? 0,
    retried: group?.retried ?? 0,
    recovered: group?.recovered ?? 0,
    failed_for_good: (group?.count ?? 0) - (group?.recovered ?? 0),
    wasted: usageAnswer(group ?? noUsage),
    affected_agents: group?.affected_agents ?? 0,
    affected_runs: group?.affected_runs ?? 0,
    first_seen: group === null ? null : instant(group.first_seen_ms),
    last_seen: group === null ? null : instant(group.last_seen_ms),
  };
}
