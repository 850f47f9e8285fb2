import { z } from 'zod';
import { type AgentKey, readAgentKnown } from '../../clickhouse/queries/agents/agent-known.js';
import { type FleetWindowRow, readFleetWindows } from '../../clickhouse/queries/agents/fleet-windows.js';
import type { HttpReply, HttpRequest, HttpRoute } from '../../core/ports/http-route.js';
import { type WindowSnapshot, windowMs, windowNames } from '../../core/ports/live-windows.js';
import { instant, optionalInstant } from '../../core/time-text.js';
import {
  countSchema,
  executionTimesSchema,
  instantSchema,
  meanSchema,
  optionalInstantSchema,
  optionalNumberSchema,
  percentSchema,
  textSchema,
} from '../answers/answer-schema.js';
import { meanDigits, percentDigits, rounded } from '../answers/answer-units.js';
import { usageAnswer, usageShape } from '../answers/usage.js';
import { agentUnknown, pathAgentId } from '../request/agent-path.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { parseParameters } from '../request/parameters.js';
import { errorRate, successRate } from '../statistics/execution-rate.js';
import { executionTimes } from './execution-times.js';

const scopes = ['collector', 'fleet'] as const;

const parameters = z.strictObject({
  scope: z
    .enum(scopes)
    .default('collector')
    .meta({
      description:
        'collector: what this collector received, from memory, as soon as it is acknowledged; fleet: what every ' +
        "collector received, from the store's minutes, as soon as it is inserted.",
    }),
});

const windowSchema = z
  .strictObject({
    total_executions: countSchema,
    successful_executions: countSchema,
    failed_executions: countSchema,
    cancelled_executions: countSchema,
    success_rate: percentSchema,
    error_rate: percentSchema,
    execution_times: executionTimesSchema,
    errors: z.record(z.string(), countSchema).meta({ description: 'Failed executions by error category.' }),
    ...usageShape,
    avg_confidence: meanSchema,
    max_memory_mb: optionalNumberSchema,
  })
  .meta({ id: 'LiveWindow' });

const answer = z.strictObject({
  agent_id: textSchema,
  scope: z.enum(scopes).meta({ description: 'Of this collector alone, or of all that fill the store.' }),
  as_of: instantSchema,
  last_seen: optionalInstantSchema,
  evicted_at: optionalInstantSchema.meta({
    description: 'When the agent was last left out of the live windows for want of room; null when they are whole.',
  }),
  window_ms: z.record(z.enum(windowNames), countSchema),
  windows: z.record(z.enum(windowNames), windowSchema.nullable()).meta({
    description: 'Null for a window that reaches back before `evicted_at`: what it held is in the store only.',
  }),
});

/**
 * `GET /api/v1/agents/{agent_id}/live`: the rolling windows, from memory, which are this collector's share where there
 * are several; with `scope=fleet` from the store. Of the share the store is asked only about an agent without a live
 * window: whether it is quiet or unknown.
 */
export function createAgentLiveRoute(context: ApiContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/agents/{agent_id}/live',
    scope: 'read',
    operation: {
      id: 'getAgentLive',
      tag: 'agents',
      summary: 'Rolling windows of an agent, of this collector or of the fleet: 1 m, 5 m, 15 m, 1 h and 24 h',
      query: parameters,
      answer: { kind: 'json', schema: answer },
      errors: ['not_found'],
    },
    handle: (request, { tenant }) => {
      const { scope } = parseParameters(parameters, request.query);
      const agentId = pathAgentId(request);
      if (scope === 'fleet') return fleetReply(context, request, { tenant, agentId });
      const live = windowNames.some((name) => context.windows.snapshot(tenant, agentId, name) !== undefined);
      if (live) return liveReply(context, tenant, agentId);
      return readWithin(context, request, async (store) => {
        if (!(await readAgentKnown(store, { tenant, agentId }))) throw agentUnknown(agentId);
        return liveReply(context, tenant, agentId);
      });
    },
  };
}

function liveReply(context: ApiContext, tenant: string, agentId: string): HttpReply {
  const nowMs = context.clock.nowMs();
  const evictedMs = context.windows.evictedMs(tenant, agentId) ?? null;
  const windows = windowNames.map((name) => {
    const isWhole = evictedMs === null || evictedMs <= nowMs - windowMs[name];
    return [name, isWhole ? windowItem(context.windows.snapshot(tenant, agentId, name)) : null];
  });
  return jsonReply({
    agent_id: agentId,
    scope: 'collector',
    as_of: instant(nowMs),
    last_seen: optionalInstant(context.windows.lastSeenMs(tenant, agentId) ?? null),
    evicted_at: optionalInstant(evictedMs),
    window_ms: windowMs,
    windows: Object.fromEntries(windows),
  });
}

function fleetReply(context: ApiContext, request: HttpRequest, key: AgentKey): Promise<HttpReply> {
  return readWithin(context, request, async (store) => {
    const nowMs = context.clock.nowMs();
    const windowsMs = windowNames.map((name) => windowMs[name]);
    const { windows, lastSeenMs } = await readFleetWindows(store, key, { nowMs, windowsMs });
    if (lastSeenMs === null && !(await readAgentKnown(store, key))) throw agentUnknown(key.agentId);
    return jsonReply({
      agent_id: key.agentId,
      scope: 'fleet',
      as_of: instant(nowMs),
      last_seen: optionalInstant(lastSeenMs),
      evicted_at: null,
      window_ms: windowMs,
      windows: Object.fromEntries(
        windowNames.map((name) => [name, windowItem(snapshotOf(windows.get(windowMs[name])))]),
      ),
    });
  });
}

type LiveWindow = Omit<WindowSnapshot, 'successRate'>;

/** A window of the store as one of memory. */
function snapshotOf(row: FleetWindowRow | undefined): LiveWindow | undefined {
  if (row === undefined) return undefined;
  const { avg_ms: avg, min_ms: min, max_ms: max, p50_ms: p50, p95_ms: p95, p99_ms: p99 } = executionTimes(row);
  return {
    total: row.total,
    completed: row.successful,
    failed: row.failed,
    cancelled: row.cancelled,
    duration: { count: row.duration_count, avg, min, max, p50, p95, p99 },
    errors: row.errors,
    llmCalls: row.llm_calls,
    tokensIn: row.tokens_in,
    tokensOut: row.tokens_out,
    costMicros: row.cost_micros,
    tokensUnpriced: row.tokens_unpriced,
    confidenceAvg: row.confidence_avg,
    memoryMbMax: row.memory_mb_count === 0 ? null : row.memory_mb_max,
  };
}

function windowItem(snapshot: LiveWindow | undefined) {
  const { total = 0, completed: successful = 0, failed = 0, cancelled = 0, duration } = snapshot ?? {};
  const counts = { total, successful, failed };
  return {
    total_executions: total,
    successful_executions: successful,
    failed_executions: failed,
    cancelled_executions: cancelled,
    success_rate: percentDigits(successRate(counts)),
    error_rate: percentDigits(errorRate(counts)),
    execution_times: {
      avg_ms: rounded(duration?.avg ?? null),
      min_ms: duration?.min ?? null,
      max_ms: duration?.max ?? null,
      p50_ms: duration?.p50 ?? null,
      p95_ms: duration?.p95 ?? null,
      p99_ms: duration?.p99 ?? null,
    },
    errors: snapshot?.errors ?? {},
    ...usageAnswer({
      llm_calls: snapshot?.llmCalls ?? 0,
      tokens_in: snapshot?.tokensIn ?? 0,
      tokens_out: snapshot?.tokensOut ?? 0,
      cost_micros: snapshot?.costMicros ?? null,
      tokens_unpriced: snapshot?.tokensUnpriced ?? 0,
    }),
    avg_confidence: meanDigits(snapshot?.confidenceAvg ?? null),
    max_memory_mb: snapshot?.memoryMbMax ?? null,
  };
}
