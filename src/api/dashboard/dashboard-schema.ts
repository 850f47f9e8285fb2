import { z } from 'zod';
import {
  countSchema,
  instantSchema,
  millisecondsSchema,
  optionalInstantSchema,
  optionalNumberSchema,
  optionalTextSchema,
  percentSchema,
  rateSchema,
  textSchema,
} from '../answers/answer-schema.js';
import { usageShape } from '../answers/usage.js';

const spanShape = { from: instantSchema, to: instantSchema };

const sumsShape = {
  total_executions: countSchema,
  successful_executions: countSchema,
  failed_executions: countSchema,
  cancelled_executions: countSchema,
  error_rate: percentSchema,
  ...usageShape,
};

const windowSchema = z
  .strictObject({ ...spanShape, average_success_rate: percentSchema, ...sumsShape })
  .meta({ id: 'DashboardWindow' });

const pointSchema = z
  .strictObject({ at: instantSchema, success_rate: percentSchema, ...sumsShape })
  .meta({ id: 'DashboardPoint' });

const topAgentSchema = z
  .strictObject({
    agent_id: textSchema,
    agent_name: optionalTextSchema,
    total_executions: countSchema,
    successful_executions: countSchema,
    failed_executions: countSchema,
    success_rate: percentSchema,
    success_rate_lower_bound: percentSchema,
  })
  .meta({ id: 'TopAgent' });

const outcomesSchema = z
  .strictObject({
    ...spanShape,
    successful_executions: countSchema,
    failed_executions: countSchema,
    error_rate: percentSchema,
  })
  .meta({ id: 'IssueOutcomes' });

/** Counts of durations are weights of centroids: not always whole. */
const p95Schema = z
  .strictObject({
    ...spanShape,
    durations: z.number().nonnegative(),
    above: z.number().nonnegative(),
    p95_ms: millisecondsSchema,
  })
  .meta({ id: 'IssueP95' });

/** Why an agent is on the list, by reason. */
const issueSchema = z
  .discriminatedUnion('reason', [
    z.strictObject({
      reason: z.literal('error_rate_high'),
      message: textSchema,
      recent: outcomesSchema,
      error_rate_max: z.number(),
    }),
    z.strictObject({
      reason: z.literal('error_rate_regression'),
      message: textSchema,
      recent: outcomesSchema,
      baseline: outcomesSchema,
      change_points: z.number(),
      p_value: optionalNumberSchema,
    }),
    z.strictObject({
      reason: z.literal('p95_regression'),
      message: textSchema,
      recent: p95Schema,
      baseline: p95Schema,
      ratio: optionalNumberSchema,
      compared_at_ms: millisecondsSchema,
      p_value: optionalNumberSchema,
    }),
  ])
  .meta({ id: 'AgentIssue' });

const troubledAgentSchema = z
  .strictObject({
    agent_id: textSchema,
    agent_name: optionalTextSchema,
    error_rate: percentSchema.meta({ description: 'Of the last 24 hours; null where it is no reason to be listed.' }),
    issues: z.array(issueSchema),
  })
  .meta({ id: 'TroubledAgent' });

/** What `dashboardAnswer` makes. */
export const dashboardSchema = z.strictObject({
  as_of: instantSchema,
  total_agents: countSchema,
  total_executions: z.strictObject({ '24h': countSchema, '7d': countSchema, '30d': countSchema }),
  average_success_rate: rateSchema.meta({ description: 'Percent, over 30 days; 0 where nothing is counted in.' }),
  top_performing_agents: z.array(topAgentSchema),
  agents_with_issues: z.array(troubledAgentSchema),
  execution_trends: z.array(pointSchema).meta({ description: 'Every UTC day of the last 30, in order.' }),
  agents: z.strictObject({
    total: countSchema,
    active_24h: countSchema,
    active_7d: countSchema,
    active_30d: countSchema,
  }),
  executions: z.strictObject({ '24h': windowSchema, '7d': windowSchema, '30d': windowSchema }),
  top_performing: z
    .strictObject({ ...spanShape, finished_executions_min: countSchema })
    .meta({ description: 'How the top performing agents were chosen.' }),
  with_issues: z
    .strictObject({ total: countSchema, complete: z.boolean() })
    .meta({ description: 'How many agents have issues, of whom at most 50 are listed.' }),
  hourly: z.array(pointSchema),
  freshness: z.strictObject({ newest_received: optionalInstantSchema, age_ms: millisecondsSchema }),
});
