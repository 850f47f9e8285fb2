import { z } from 'zod';
import { readAgentKnown } from '../../clickhouse/queries/agents/agent-known.js';
import type { HttpReply, HttpRoute } from '../../core/ports/http-route.js';
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
import { meanDigits, percentDigits } from '../answers/answer-units.js';
import { usageAnswer, usageShape } from '../answers/usage.js';
import { agentUnknown, pathAgentId } from '../request/agent-path.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { parseParameters } from '../request/parameters.js';
import { errorRate, successRate } from '../statistics/execution-rate.js';

const parameters = z.strictObject({});

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
 * `GET /api/v1/agents/{agent_id}/live`: the rolling windows, from memory. The store is asked only about an agent
 * without a live window: whether it is quiet or unknown.
 */
export function createAgentLiveRoute(context: ApiContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/agents/{agent_id}/live',
    scope: 'read',
    operation: {
      id: 'getAgentLive',
      tag: 'agents',
      summary: 'Rolling windows of an agent from memory: 1 m, 5 m, 15 m, 1 h and 24 h',
      query: parameters,
      answer: { kind: 'json', schema: answer },
      errors: ['not_found'],
    },
    handle: (request, { tenant }) => {
      parseParameters(parameters, request.query);
      const agentId = pathAgentId(request);
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
    as_of: instant(nowMs),
    last_seen: optionalInstant(context.windows.lastSeenMs(tenant, agentId) ?? null),
    evicted_at: optionalInstant(evictedMs),
    window_ms: windowMs,
    windows: Object.fromEntries(windows),
  });
}

function windowItem(snapshot: WindowSnapshot | undefined) {
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
      avg_ms: duration?.avg ?? null,
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
