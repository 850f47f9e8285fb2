import { z } from 'zod';
import { readAgentKnown } from '../../clickhouse/queries/agents/agent-known.js';
import { type AgentMemoryRow, readAgentMemory } from '../../clickhouse/queries/agents/agent-memory.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { dayMs, type TimeSpan } from '../../core/time-span.js';
import { dayText, instant } from '../../core/time-text.js';
import { countSchema, instantSchema, optionalInstantSchema, textSchema } from '../answers/answer-schema.js';
import { agentUnknown, pathAgentId } from '../request/agent-path.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { parseParameters } from '../request/parameters.js';
import { seriesRange } from '../request/series-range.js';
import { dateParameter } from '../request/time-parameters.js';

const parameters = z.strictObject({ from: dateParameter.optional(), to: dateParameter.optional() });

const answer = z.strictObject({
  app_agent_id: textSchema,
  letta_agent_id: z.null().meta({ description: 'No memory server stands behind the events.' }),
  memories_stored_count: countSchema.meta({ description: 'Memory operations of type memory.stored, of all time.' }),
  memories_recalled_count: countSchema.meta({ description: 'Memory operations of type memory.recalled, of all time.' }),
  last_activity_timestamp: optionalInstantSchema.meta({ description: 'Of all time; null when there was none.' }),
  agent_id: textSchema,
  from: instantSchema,
  to: instantSchema,
  stored: countSchema.meta({ description: 'Memory operations of type memory.stored within the range.' }),
  recalled: countSchema.meta({ description: 'Memory operations of type memory.recalled within the range.' }),
  first_activity: optionalInstantSchema.meta({ description: 'Of all time; null when there was none.' }),
  last_activity: optionalInstantSchema.meta({ description: 'Of all time; null when there was none.' }),
  per_day: z
    .array(
      z.strictObject({ day: z.iso.date(), stored: countSchema, recalled: countSchema }).meta({ id: 'MemoryOfADay' }),
    )
    .meta({ description: 'Every UTC day of the range, in order; days without a memory operation are zeros.' }),
});

/** `GET /api/v1/monitoring/agents/{agent_id}/memory/stats`: what an agent stored and recalled, in all and by day. */
export function createAgentMemoryRoute(context: ApiContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/monitoring/agents/{agent_id}/memory/stats',
    scope: 'read',
    operation: {
      id: 'getAgentMemory',
      tag: 'agents',
      summary: 'What an agent stored in memory and recalled from it, in all and by day',
      query: parameters,
      answer: { kind: 'json', schema: answer },
      errors: ['not_found'],
    },
    handle: (request, { tenant }) => {
      const { from, to } = parseParameters(parameters, request.query);
      const key = { tenant, agentId: pathAgentId(request) };
      const { rangeDaysMax } = context.options;
      const range = seriesRange({ step: '1d', from, to, rangeDaysMax }, context.clock.nowMs());
      return readWithin(context, request, async (store) => {
        const rows = await readAgentMemory(store, key, range);
        if (rows.length === 0 && !(await readAgentKnown(store, key))) throw agentUnknown(key.agentId);
        return jsonReply(memoryAnswer(key.agentId, range, rows));
      });
    },
  };
}

function memoryAnswer(agentId: string, range: TimeSpan, rows: readonly AgentMemoryRow[]) {
  const within = new Map(rows.map((row) => [row.day_s === null ? null : row.day_s * 1_000, row]));
  const perDay = Array.from({ length: (range.toMs - range.fromMs) / dayMs }, (_, index) => {
    const startMs = range.fromMs + index * dayMs;
    const row = within.get(startMs);
    return { day: dayText(startMs), stored: row?.stored ?? 0, recalled: row?.recalled ?? 0 };
  });
  const firstMs = rows.reduce((least, row) => Math.min(least, row.first_activity_ms), Number.POSITIVE_INFINITY);
  const lastMs = rows.reduce((most, row) => Math.max(most, row.last_activity_ms), Number.NEGATIVE_INFINITY);
  const [firstActivity, lastActivity] = rows.length === 0 ? [null, null] : [instant(firstMs), instant(lastMs)];
  return {
    app_agent_id: agentId,
    letta_agent_id: null,
    memories_stored_count: rows.reduce((sum, row) => sum + row.stored, 0),
    memories_recalled_count: rows.reduce((sum, row) => sum + row.recalled, 0),
    last_activity_timestamp: lastActivity,
    agent_id: agentId,
    from: instant(range.fromMs),
    to: instant(range.toMs),
    stored: perDay.reduce((sum, day) => sum + day.stored, 0),
    recalled: perDay.reduce((sum, day) => sum + day.recalled, 0),
    first_activity: firstActivity,
    last_activity: lastActivity,
    per_day: perDay,
  };
}
