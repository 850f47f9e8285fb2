import { z } from 'zod';
import { type AgentActivityRow, readAgentActivity } from '../../clickhouse/queries/agents/agent-activity.js';
import { type AgentPageRow, readAgentPage } from '../../clickhouse/queries/agents/agent-page.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { instant } from '../../core/time-text.js';
import {
  countSchema,
  instantSchema,
  optionalTextSchema,
  pageShape,
  percentSchema,
  textSchema,
} from '../answers/answer-schema.js';
import { percentDigits } from '../answers/answer-units.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { latestSpan } from '../request/metric-range.js';
import { cursorParameter, decodePageCursor, encodePageCursor } from '../request/page-cursor.js';
import { idCharactersMax, integerParameter, parseParameters } from '../request/parameters.js';
import { successRate } from '../statistics/execution-rate.js';

const cursorKey = z.tuple([
  z
    .string()
    .min(1)
    .max(2 * idCharactersMax),
]);

const parameters = z.strictObject({
  limit: integerParameter({ min: 1, max: 100, fallback: 20 }),
  cursor: cursorParameter.optional(),
});

const agentSchema = z
  .strictObject({
    agent_id: textSchema,
    agent_name: optionalTextSchema,
    last_seen: instantSchema,
    executions_24h: countSchema,
    successful_24h: countSchema,
    failed_24h: countSchema,
    success_rate_24h: percentSchema,
  })
  .meta({ id: 'Agent' });

const answer = z.strictObject({ agents: z.array(agentSchema), ...pageShape });

/** `GET /api/v1/agents`: the agents this tenant has sent events of, by id, with their last 24 hours. */
export function createAgentListRoute(context: ApiContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/agents',
    scope: 'read',
    operation: {
      id: 'listAgents',
      tag: 'agents',
      summary: 'Agents that events were received of, by id, with their last 24 hours',
      query: parameters,
      answer: { kind: 'json', schema: answer },
    },
    handle: (request, { tenant }) => {
      const { limit, cursor } = parseParameters(parameters, request.query);
      const [afterAgentId] = decodePageCursor(cursorKey, cursor) ?? [''];
      const span = latestSpan(1, 'realtime', context.clock.nowMs());
      return readWithin(context, request, async (store) => {
        const found = await readAgentPage(store, { tenant, afterAgentId, limit: limit + 1 });
        const agents = found.slice(0, limit);
        const agentIds = agents.map((agent) => agent.agent_id);
        const activity = agentIds.length === 0 ? [] : await readAgentActivity(store, { tenant, agentIds, ...span });
        const byAgent = new Map(activity.map((row) => [row.agent_id, row]));
        const last = found.length > limit ? agentIds.at(-1) : undefined;
        return jsonReply({
          agents: agents.map((agent) => agentItem(agent, byAgent.get(agent.agent_id))),
          limit,
          next_cursor: last === undefined ? null : encodePageCursor([last]),
        });
      });
    },
  };
}

function agentItem(agent: AgentPageRow, row: AgentActivityRow | undefined) {
  const counts = row ?? { total: 0, successful: 0, failed: 0 };
  return {
    agent_id: agent.agent_id,
    agent_name: agent.agent_name,
    last_seen: instant(agent.last_received_ms),
    executions_24h: counts.total,
    successful_24h: counts.successful,
    failed_24h: counts.failed,
    success_rate_24h: percentDigits(successRate(counts)),
  };
}
