import { z } from 'zod';
import { readAgentErrorDays } from '../../clickhouse/queries/agents/agent-errors.js';
import { readAgentKnown } from '../../clickhouse/queries/agents/agent-known.js';
import type { AgentErrorDaysRow } from '../../clickhouse/queries/agents/error-row.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { instant } from '../../core/time-text.js';
import { countSchema } from '../answers/answer-schema.js';
import { agentUnknown, pathAgentId } from '../request/agent-path.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import type { MetricRange, MetricType } from '../request/metric-range.js';
import { integerParameter, parseParameters } from '../request/parameters.js';
import {
  errorCoverage,
  errorCoverageSchema,
  errorDaysItem,
  errorDaysSchema,
  errorSources,
  sourceSchema,
} from './error-answer.js';
import { askedShape, checkRange, rangeName, rangeOf, rangeShape, type TimeRange } from './range-parameters.js';

interface ErrorsRequest {
  readonly agentId: string;
  readonly timeRange: TimeRange | null;
  readonly metricType: MetricType;
  readonly limit: number;
  readonly range: MetricRange;
}

const answer = z.strictObject({
  ...askedShape,
  failed_executions: countSchema,
  total_groups: countSchema,
  limit: countSchema,
  errors: z.array(errorDaysSchema),
  coverage: z.strictObject({ errors: errorCoverageSchema.nullable(), source: sourceSchema }),
});

/** `GET /api/v1/agents/{agent_id}/errors`: the failed executions of an agent in groups, the most frequent first. */
export function createAgentErrorsRoute(context: ApiContext): HttpRoute {
  const { rangeDaysMax } = context.options;
  const parameters = z
    .strictObject({ ...rangeShape(rangeDaysMax), limit: integerParameter({ min: 1, max: 100, fallback: 20 }) })
    .superRefine(checkRange(rangeDaysMax, () => context.clock.nowMs()));
  return {
    method: 'GET',
    path: '/api/v1/agents/{agent_id}/errors',
    scope: 'read',
    operation: {
      id: 'listAgentErrors',
      tag: 'agents',
      summary: 'Failed executions of an agent in groups, the most frequent first',
      query: parameters,
      answer: { kind: 'json', schema: answer },
      errors: ['not_found'],
    },
    handle: (request, { tenant }) => {
      const given = parseParameters(parameters, request.query);
      const key = { tenant, agentId: pathAgentId(request) };
      const range = rangeOf(given, context.clock.nowMs(), context.options.retention);
      return readWithin(context, request, async (store) => {
        const rows = await readAgentErrorDays(store, key, { range: range.errors, limit: given.limit });
        if (rows.length === 0 && !(await readAgentKnown(store, key))) throw agentUnknown(key.agentId);
        const { agentId } = key;
        const { metric_type: metricType, limit } = given;
        return jsonReply(errorsAnswer({ agentId, timeRange: rangeName(given), metricType, limit, range }, rows));
      });
    },
  };
}

function errorsAnswer(asked: ErrorsRequest, rows: readonly AgentErrorDaysRow[]) {
  const { range } = asked;
  return {
    agent_id: asked.agentId,
    time_range: asked.timeRange,
    metric_type: asked.metricType,
    from: instant(range.span.fromMs),
    to: instant(range.span.toMs),
    failed_executions: rows[0]?.failed ?? 0,
    total_groups: rows[0]?.total_groups ?? 0,
    limit: asked.limit,
    errors: rows.map(errorDaysItem),
    coverage: { errors: errorCoverage(range), source: errorSources(range) },
  };
}
