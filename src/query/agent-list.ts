import { z } from 'zod';
import { type AgentActivityRow, readAgentActivity } from '../clickhouse/queries/agent-activity.js';
import { type AgentListRow, readAgentList } from '../clickhouse/queries/agent-list.js';
import type { HttpRoute } from '../core/ports.js';
import { instant } from './answer-units.js';
import { successRate } from './execution-rate.js';
import { metricRange } from './metric-range.js';
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
      const { span } = metricRange('1d', 'realtime', context.clock.nowMs());
      return readWithin(context, request, async (store) => {
        const found = await readAgentList(store, { tenant, afterAgentId, limit: limit + 1 });
        const agents = found.slice(0, limit);
        const agentIds = agents.map((agent) => agent.agent_id);
        const activity = agents.length === 0 ? [] : await readAgentActivity(store, { tenant, agentIds, ...span });
        const last = found.length > limit ? agents.at(-1) : undefined;
        return jsonReply({
          agents: agents.map((agent) => agentItem(agent, activity)),
          limit,
          next_cursor: last === undefined ? null : encodePageCursor([last.agent_id]),
        });
      });
    },
  };
}

function agentItem(agent: AgentListRow, activity: readonly AgentActivityRow[]) {
  const row = activity.find((candidate) => candidate.agent_id === agent.agent_id);
  const counts = { total: row?.executions ?? 0, successful: row?.successes ?? 0, failed: row?.failures ?? 0 };
  return {
    agent_id: agent.agent_id,
    agent_name: agent.agent_name,
    last_seen: instant(agent.last_received_ms),
    executions_24h: counts.total,
    successful_24h: counts.successful,
    failed_24h: counts.failed,
    success_rate_24h: successRate(counts),
  };
}
