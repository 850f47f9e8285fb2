import { z } from 'zod';
import { type AgentActivityRow, readAgentActivity } from '../clickhouse/queries/agent-activity.js';
import { readAgentIds } from '../clickhouse/queries/agent-ids.js';
import { type AgentSightingRow, readAgentSightings } from '../clickhouse/queries/agent-sightings.js';
import type { HttpRoute } from '../core/ports.js';
import { optionalInstant } from './answer-units.js';
import { successRate } from './execution-rate.js';
import { latestSpan } from './metric-range.js';
import { decodePageCursor, encodePageCursor } from './page-cursor.js';
import { idCharactersMax, integerParameter, parseParameters } from './parameters.js';
import { jsonReply, type QueryContext, readWithin } from './query-context.js';

const cursorKey = z.tuple([
  z
    .string()
    .min(1)
    .max(2 * idCharactersMax),
]);

const parameters = z.strictObject({
  limit: integerParameter({ min: 1, max: 100, fallback: 20 }),
  cursor: z.string().optional(),
});

/** `GET /api/v1/agents`: the agents this tenant has sent events of, by id, with their last 24 hours. */
export function createAgentListRoute(context: QueryContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/agents',
    scope: 'read',
    handle: (request, { tenant }) => {
      const { limit, cursor } = parseParameters(parameters, request.query);
      const [afterAgentId] = decodePageCursor(cursorKey, cursor) ?? [''];
      const span = latestSpan(1, 'realtime', context.clock.nowMs());
      return readWithin(context, request, async (store) => {
        const found = await readAgentIds(store, { tenant, afterAgentId, limit: limit + 1 });
        const agentIds = found.slice(0, limit);
        const [sightings, activity] =
          agentIds.length === 0
            ? [[], []]
            : await Promise.all([
                readAgentSightings(store, { tenant, agentIds }),
                readAgentActivity(store, { tenant, agentIds, ...span }),
              ]);
        const last = found.length > limit ? agentIds.at(-1) : undefined;
        return jsonReply({
          agents: agentIds.map((agentId) => agentItem(agentId, sightings, activity)),
          limit,
          next_cursor: last === undefined ? null : encodePageCursor([last]),
        });
      });
    },
  };
}

function agentItem(agentId: string, sightings: readonly AgentSightingRow[], activity: readonly AgentActivityRow[]) {
  const sighting = sightings.find((candidate) => candidate.id === agentId);
  const row = activity.find((candidate) => candidate.agent_id === agentId);
  const counts = { total: row?.executions ?? 0, successful: row?.successes ?? 0, failed: row?.failures ?? 0 };
  return {
    agent_id: agentId,
    agent_name: sighting?.latest_name ?? null,
    last_seen: optionalInstant(sighting?.last_received_ms ?? null),
    executions_24h: counts.total,
    successful_24h: counts.successful,
    failed_24h: counts.failed,
    success_rate_24h: successRate(counts),
  };
}
