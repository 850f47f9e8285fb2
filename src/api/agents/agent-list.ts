import { z } from 'zod';
import { readAgentActivity } from '../../clickhouse/queries/agents/agent-activity.js';
import { type AgentPage, type AgentPageRow, readAgentPage } from '../../clickhouse/queries/agents/agent-page.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import type { TimeSpan } from '../../core/time-span.js';
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

/** An agent with its executions of the last 24 hours. */
interface ListedAgent extends AgentPageRow {
  readonly total: number;
  readonly successful: number;
  readonly failed: number;
}

/** A page where it is remembered, over the same minutes; else null. */
export type RememberedPage = (
  store: StoreReader,
  page: AgentPage,
  nowMs: number,
) => Promise<readonly ListedAgent[] | null>;

/** `GET /api/v1/agents`: the agents this tenant has sent events of, by id, with their last 24 hours. */
export function createAgentListRoute(context: ApiContext, readRemembered: RememberedPage): HttpRoute {
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
      const nowMs = context.clock.nowMs();
      return readWithin(context, request, async (store) => {
        const page = { tenant, afterAgentId, limit: limit + 1 };
        const found =
          (await readRemembered(store, page, nowMs)) ??
          (await readListed(store, page, latestSpan(1, 'realtime', nowMs)));
        const agents = found.slice(0, limit);
        const last = found.length > limit ? agents.at(-1)?.agent_id : undefined;
        return jsonReply({
          agents: agents.map(agentItem),
          limit,
          next_cursor: last === undefined ? null : encodePageCursor([last]),
        });
      });
    },
  };
}

async function readListed(store: StoreReader, page: AgentPage, span: TimeSpan): Promise<readonly ListedAgent[]> {
  const agents = await readAgentPage(store, page);
  if (agents.length === 0) return [];
  const agentIds = agents.map((agent) => agent.agent_id);
  const activity = await readAgentActivity(store, { tenant: page.tenant, agentIds, ...span });
  const byAgent = new Map(activity.map((row) => [row.agent_id, row]));
  return agents.map((agent) => ({ ...noActivity, ...agent, ...byAgent.get(agent.agent_id) }));
}

const noActivity = { total: 0, successful: 0, failed: 0 };

function agentItem(agent: ListedAgent) {
  return {
    agent_id: agent.agent_id,
    agent_name: agent.agent_name,
    last_seen: instant(agent.last_received_ms),
    executions_24h: agent.total,
    successful_24h: agent.successful,
    failed_24h: agent.failed,
    success_rate_24h: percentDigits(successRate(agent)),
  };
}
