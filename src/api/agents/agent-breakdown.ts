import { z } from 'zod';
import {
  type AgentBreakdownRow,
  type BreakdownGrouping,
  breakdownGroupings,
  readAgentBreakdown,
} from '../../clickhouse/queries/agents/agent-breakdown.js';
import { readAgentKnown } from '../../clickhouse/queries/agents/agent-known.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { dayMs, type TimeSpan } from '../../core/time-span.js';
import { instant } from '../../core/time-text.js';
import {
  countSchema,
  executionTimesSchema,
  instantSchema,
  optionalInstantSchema,
  optionalTextSchema,
  percentSchema,
  textSchema,
} from '../answers/answer-schema.js';
import { percentDigits } from '../answers/answer-units.js';
import { noUsage, usageAnswer, usageShape } from '../answers/usage.js';
import { agentUnknown, pathAgentId } from '../request/agent-path.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { integerParameter, parseParameters, wordParameter } from '../request/parameters.js';
import { errorRate, successRate } from '../statistics/execution-rate.js';
import { sourceSchema } from './error-answer.js';
import { executionTimes } from './execution-times.js';
import { checkRange, minuteSpanOf, rangeName, spanShape, timeRangeSchema } from './range-parameters.js';

const countsShape = {
  total: countSchema.meta({ description: 'Executions: tasks that ended.' }),
  successful: countSchema,
  failed: countSchema,
  cancelled: countSchema,
  success_rate: percentSchema,
  error_rate: percentSchema,
  timed: countSchema.meta({ description: 'Executions whose duration is told or known from their start.' }),
  execution_times: executionTimesSchema,
  ...usageShape,
  first_seen: optionalInstantSchema,
  last_seen: optionalInstantSchema,
};

const groupSchema = z
  .strictObject({
    key: optionalTextSchema.meta({ description: 'What the group has in common; null where it was not told.' }),
    ...countsShape,
  })
  .meta({ id: 'AgentBreakdownGroup' });

const answer = z
  .strictObject({
    agent_id: textSchema,
    group_by: z.enum(breakdownGroupings),
    time_range: timeRangeSchema,
    from: instantSchema,
    to: instantSchema,
    limit: countSchema,
    total_groups: countSchema,
    totals: z.strictObject(countsShape),
    groups: z.array(groupSchema),
    other: z
      .strictObject({ groups: countSchema, ...countsShape })
      .nullable()
      .meta({ description: 'What is in no listed group; null when nothing is.' }),
    coverage: z.strictObject({
      from: optionalInstantSchema.meta({
        description: 'What ended from then on is counted; null: nothing of the range is kept.',
      }),
      source: sourceSchema,
    }),
  })
  .meta({ id: 'AgentBreakdown' });

/** `GET /api/v1/agents/{agent_id}/breakdown`: what its metrics count, by version, model, provider or environment. */
export function createAgentBreakdownRoute(context: ApiContext): HttpRoute {
  const { rangeDaysMax, retention } = context.options;
  const parameters = z
    .strictObject({
      group_by: wordParameter(breakdownGroupings).default('version'),
      ...spanShape(rangeDaysMax),
      limit: integerParameter({ min: 1, max: 100, fallback: 20 }),
    })
    .superRefine(checkRange(rangeDaysMax, () => context.clock.nowMs()));
  return {
    method: 'GET',
    path: '/api/v1/agents/{agent_id}/breakdown',
    scope: 'read',
    operation: {
      id: 'getAgentBreakdown',
      tag: 'agents',
      summary: 'Executions and usage of an agent by version, model, provider or environment',
      query: parameters,
      answer: { kind: 'json', schema: answer },
      errors: ['not_found'],
    },
    handle: (request, { tenant }) => {
      const given = parseParameters(parameters, request.query);
      const { group_by: groupBy, limit } = given;
      const key = { tenant, agentId: pathAgentId(request) };
      const nowMs = context.clock.nowMs();
      const span = minuteSpanOf(given, nowMs);
      const kept = { fromMs: Math.max(span.fromMs, nowMs - retention.raw * dayMs), toMs: span.toMs };
      return readWithin(context, request, async (store) => {
        const found = await readAgentBreakdown(store, key, { span: kept, groupBy, limit });
        if (found.total === null && !(await readAgentKnown(store, key))) throw agentUnknown(key.agentId);
        return jsonReply({
          agent_id: key.agentId,
          ...askedAnswer({ groupBy, span, limit }, rangeName(given)),
          total_groups: found.total?.groups ?? 0,
          totals: counts(found.total),
          groups: found.top.map((row) => ({ key: row.key === '' ? null : row.key, ...counts(row) })),
          other: found.other === null ? null : { groups: found.other.groups, ...counts(found.other) },
          coverage: { from: kept.fromMs < kept.toMs ? instant(kept.fromMs) : null, source: ['agent_events'] },
        });
      });
    },
  };
}

interface Asked {
  readonly groupBy: BreakdownGrouping;
  readonly span: TimeSpan;
  readonly limit: number;
}

function askedAnswer({ groupBy, span, limit }: Asked, timeRange: string | null) {
  return {
    group_by: groupBy,
    time_range: timeRange,
    from: instant(span.fromMs),
    to: instant(span.toMs),
    limit,
  };
}

function counts(row: AgentBreakdownRow | null) {
  return {
    total: row?.total ?? 0,
    successful: row?.successful ?? 0,
    failed: row?.failed ?? 0,
    cancelled: row?.cancelled ?? 0,
    success_rate: row === null ? null : percentDigits(successRate(row)),
    error_rate: row === null ? null : percentDigits(errorRate(row)),
    timed: row?.duration_count ?? 0,
    execution_times: row === null ? noTimes : executionTimes(row),
    ...usageAnswer(row ?? noUsage),
    first_seen: row === null ? null : instant(row.first_seen_ms),
    last_seen: row === null ? null : instant(row.last_seen_ms),
  };
}

const noTimes = { avg_ms: null, min_ms: null, max_ms: null, p50_ms: null, p95_ms: null, p99_ms: null };
