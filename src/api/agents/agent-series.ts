import { z } from 'zod';
import { readAgentKnown } from '../../clickhouse/queries/agents/agent-known.js';
import { type AgentSeriesRow, emptySeriesRow, readAgentSeries } from '../../clickhouse/queries/agents/agent-series.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { instant } from '../../core/time-text.js';
import { instantSchema, textSchema } from '../answers/answer-schema.js';
import { agentUnknown, pathAgentId } from '../request/agent-path.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { parseParameters, wordParameter } from '../request/parameters.js';
import { type SeriesRange, seriesRange, seriesSteps } from '../request/series-range.js';
import { dateParameter } from '../request/time-parameters.js';
import {
  type SeriesMetric,
  seriesColumnsOf,
  seriesMetricParameter,
  seriesValues,
  seriesValuesShape,
} from './series-metrics.js';

const parameters = z.strictObject({
  metric: seriesMetricParameter.default(['executions', 'success_rate', 'p95_ms']),
  step: wordParameter(seriesSteps).default('1h'),
  from: dateParameter.optional(),
  to: dateParameter.optional(),
});

const answer = z.strictObject({
  agent_id: textSchema,
  step: z.enum(seriesSteps),
  from: instantSchema,
  to: instantSchema,
  points: z.array(z.strictObject({ at: instantSchema, ...seriesValuesShape }).meta({ id: 'SeriesPoint' })),
});

/** `GET /api/v1/agents/{agent_id}/series`: metrics of an agent by time, a point for every bucket of the range. */
export function createAgentSeriesRoute(context: ApiContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/agents/{agent_id}/series',
    scope: 'read',
    operation: {
      id: 'getAgentSeries',
      tag: 'metrics',
      summary: 'Metrics of an agent by time, a point for every bucket of the range',
      query: parameters,
      answer: { kind: 'json', schema: answer },
      errors: ['not_found'],
    },
    handle: (request, { tenant }) => {
      const { metric: metrics, step, from, to } = parseParameters(parameters, request.query);
      const key = { tenant, agentId: pathAgentId(request) };
      const { rangeDaysMax, retention } = context.options;
      const range = seriesRange({ step, from, to, rangeDaysMax, retention }, context.clock.nowMs());
      return readWithin(context, request, async (store) => {
        const rows = await readAgentSeries(store, key, { ...range, columns: seriesColumnsOf(metrics) });
        if (rows.length === 0 && !(await readAgentKnown(store, key))) throw agentUnknown(key.agentId);
        return jsonReply({
          agent_id: key.agentId,
          step,
          from: instant(range.fromMs),
          to: instant(range.toMs),
          points: seriesPoints(rows, range, metrics),
        });
      });
    },
  };
}

/** A point for every bucket; one without a row has zeros as counts and nulls for the rest. */
function seriesPoints(rows: readonly AgentSeriesRow[], range: SeriesRange, metrics: readonly SeriesMetric[]) {
  const byStart = new Map(rows.map((row) => [row.start_s * 1000, row]));
  return Array.from({ length: (range.toMs - range.fromMs) / range.stepMs }, (_, index) => {
    const startMs = range.fromMs + index * range.stepMs;
    return {
      at: instant(startMs),
      ...Object.fromEntries(seriesValues(metrics, byStart.get(startMs) ?? emptySeriesRow)),
    };
  });
}
