import { z } from 'zod';
import { readAgentErrors } from '../../clickhouse/queries/agents/agent-errors.js';
import type { AgentKey } from '../../clickhouse/queries/agents/agent-known.js';
import { readAgentPerformance } from '../../clickhouse/queries/agents/agent-performance.js';
import type { AgentErrorRow } from '../../clickhouse/queries/agents/error-row.js';
import { readFailedTimes } from '../../clickhouse/queries/agents/failed-times.js';
import type { AgentPerformanceRow } from '../../clickhouse/queries/agents/performance-row.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { instant } from '../../core/time-text.js';
import {
  countSchema,
  executionTimesSchema,
  meanSchema,
  optionalInstantSchema,
  optionalNumberSchema,
  rateSchema,
} from '../answers/answer-schema.js';
import { meanDigits, percentDigits } from '../answers/answer-units.js';
import { usageAnswer, usageShape } from '../answers/usage.js';
import { pathAgentId } from '../request/agent-path.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import type { MetricRange, MetricType } from '../request/metric-range.js';
import { parseParameters } from '../request/parameters.js';
import { errorRate, successRate } from '../statistics/execution-rate.js';
import {
  errorCoverage,
  errorCoverageSchema,
  errorSources,
  sourceSchema,
  topErrorItem,
  topErrorSchema,
} from './error-answer.js';
import { type ExecutionHalves, readExecutionHalves } from './execution-halves.js';
import { executionTimes } from './execution-times.js';
import { askedShape, checkRange, rangeName, rangeOf, rangeShape, type TimeRange } from './range-parameters.js';
import { trendItem, trendShape } from './trend-answer.js';

const topErrorsMax = 5;

const answer = z.strictObject({
  ...askedShape,
  total_executions: countSchema,
  successful_executions: countSchema,
  failed_executions: countSchema,
  cancelled_executions: countSchema,
  total_errors: countSchema.meta({ description: 'Executions that failed.' }),
  success_rate: rateSchema,
  error_rate: rateSchema,
  timed_executions: countSchema.meta({ description: 'Executions whose duration is told or known from their start.' }),
  execution_times: executionTimesSchema,
  top_errors: z.array(topErrorSchema).max(topErrorsMax),
  ...trendShape,
  ...usageShape,
  avg_confidence: meanSchema,
  max_memory_mb: optionalNumberSchema,
  coverage: z.strictObject({
    from: optionalInstantSchema,
    to: optionalInstantSchema,
    freshest_event: optionalInstantSchema,
    errors: errorCoverageSchema.nullable(),
    source: sourceSchema,
  }),
});

/** `GET /api/v1/agents/{agent_id}/metrics`, and the same under the path of the studio it replaces. */
export function createAgentMetricsRoutes(context: ApiContext): HttpRoute[] {
  const { clock, options } = context;
  const parameters = z
    .strictObject(rangeShape(options.rangeDaysMax))
    .superRefine(checkRange(options.rangeDaysMax, () => clock.nowMs()));
  const handle: HttpRoute['handle'] = (request, { tenant }) => {
    const given = parseParameters(parameters, request.query);
    const key = { tenant, agentId: pathAgentId(request) };
    const range = rangeOf(given, clock.nowMs(), options.retention);
    const asked = { agentId: key.agentId, timeRange: rangeName(given), metricType: given.metric_type, range };
    return readWithin(context, request, async (store) =>
      jsonReply(metricsAnswer(asked, await readMetrics(store, key, range))),
    );
  };
  const operation = {
    tag: 'metrics',
    summary: 'Executions, success rate, durations, errors, trend and usage of an agent over a range',
    query: parameters,
    answer: { kind: 'json', schema: answer },
    errors: ['not_found'],
  } as const;
  const route = { method: 'GET', scope: 'read', handle } as const;
  return [
    { ...route, path: '/api/v1/agents/{agent_id}/metrics', operation: { id: 'getAgentMetrics', ...operation } },
    {
      ...route,
      path: '/api/v1/agent-studio/agents/{agent_id}/metrics',
      operation: { id: 'getStudioAgentMetrics', ...operation },
    },
  ];
}

interface MetricRows {
  readonly whole: AgentPerformanceRow;
  /** Its `first_*` columns tell the halves apart. */
  readonly halves: AgentPerformanceRow;
  readonly ordered: ExecutionHalves;
  readonly errors: readonly AgentErrorRow[];
}

async function readMetrics(store: StoreReader, key: AgentKey, range: MetricRange): Promise<MetricRows> {
  const performance = readAgentPerformance(store, key, range.performance);
  const [whole, halves, ordered, errors] = await Promise.all([
    performance,
    range.halves === null ? null : readAgentPerformance(store, key, range.halves),
    readExecutionHalves(store, key, range.performance),
    readTopErrors(store, key, range, performance),
  ]);
  return { whole, halves: halves ?? whole, ordered, errors };
}

/** Where and when nothing failed there are none: half of what a first answer costs is looking for them. */
async function readTopErrors(
  store: StoreReader,
  key: AgentKey,
  range: MetricRange,
  performance: Promise<AgentPerformanceRow>,
): Promise<readonly AgentErrorRow[]> {
  const { failed } = await performance;
  if (failed === 0) return [];
  const { errors } = range;
  const failedTimes = errors.raw.length === 0 ? null : await readFailedTimes(store, key, range.performance);
  return await readAgentErrors(store, key, { range: errors, limit: topErrorsMax, failedTimes });
}

interface MetricsRequest {
  readonly agentId: string;
  /** Null: `from` and `to` were given. */
  readonly timeRange: TimeRange | null;
  readonly metricType: MetricType;
  readonly range: MetricRange;
}

function metricsAnswer(request: MetricsRequest, { whole, halves, ordered, errors }: MetricRows) {
  const { range } = request;
  return {
    agent_id: request.agentId,
    time_range: request.timeRange,
    metric_type: request.metricType,
    from: instant(range.span.fromMs),
    to: instant(range.span.toMs),
    total_executions: whole.total,
    successful_executions: whole.successful,
    failed_executions: whole.failed,
    cancelled_executions: whole.cancelled,
    total_errors: whole.failed,
    success_rate: percentDigits(successRate(whole)) ?? 0,
    error_rate: percentDigits(errorRate(whole)) ?? 0,
    timed_executions: whole.duration_count,
    execution_times: executionTimes(whole),
    top_errors: errors.map(topErrorItem),
    ...trendItem(halves, range, ordered),
    ...usageAnswer(whole),
    avg_confidence: meanDigits(whole.confidence_count === 0 ? null : whole.confidence_sum / whole.confidence_count),
    max_memory_mb: whole.memory_mb_count === 0 ? null : whole.memory_mb_max,
    coverage: coverage(whole, request),
  };
}

/** Where the data of the range begins and ends, to the bucket, and where it was read; null when there is none. */
function coverage(row: AgentPerformanceRow, { range }: MetricsRequest) {
  const empty = row.buckets === 0;
  return {
    from: empty ? null : instant(row.first_bucket_s * 1000),
    to: empty ? null : instant(row.end_bucket_s * 1000),
    freshest_event: empty ? null : instant(row.last_received_ms),
    errors: errorCoverage(range),
    source: [...performanceSources(range), ...errorSources(range)],
  };
}

function performanceSources({ performance: { days, minutes }, halves }: MetricRange): string[] {
  const readsMinutes = minutes.length > 0 || halves !== null;
  return [
    ...(readsMinutes ? ['agent_performance_minutely'] : []),
    ...(days.toMs > days.fromMs ? ['agent_performance_daily'] : []),
  ];
}
