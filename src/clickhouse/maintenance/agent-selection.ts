import type { StoreQuery } from '../../core/ports/store-reader.js';
import type { AgentKey } from '../queries/agents/agent-known.js';

/** Which agents a statement is about: a condition on the columns tenant and agent_id, and its parameters. */
export interface AgentSelection {
  readonly sql: string;
  readonly params: StoreQuery['params'];
}

/** Every agent of every tenant, of one tenant, or one agent. */
export function selectScope(scope: {
  readonly tenant: string | null;
  readonly agentId: string | null;
}): AgentSelection {
  const { tenant, agentId } = scope;
  if (tenant === null) return { sql: 'true', params: {} };
  if (agentId === null) return { sql: 'tenant = {tenant:String}', params: { tenant } };
  return { sql: 'tenant = {tenant:String} AND agent_id = {agent_id:String}', params: { tenant, agent_id: agentId } };
}

/**
 * Agents from `first` to `last`, both included, in the order of the primary keys. Spelled out column by column, because
 * the engine (26.7.2.1) uses no index for a comparison of tuples: 10 of 1,000 agents read 20 granules instead of 120.
 */
export function selectRange(first: AgentKey, last: AgentKey): AgentSelection {
  const params = {
    from_tenant: first.tenant,
    from_agent: first.agentId,
    to_tenant: last.tenant,
    to_agent: last.agentId,
  };
  if (first.tenant === last.tenant) {
    const { from_tenant, from_agent, to_agent } = params;
    const sql = 'tenant = {from_tenant:String} AND agent_id >= {from_agent:String} AND agent_id <= {to_agent:String}';
    return { sql, params: { from_tenant, from_agent, to_agent } };
  }
  const sql = `(tenant > {from_tenant:String} OR tenant = {from_tenant:String} AND agent_id >= {from_agent:String})
      AND (tenant < {to_tenant:String} OR tenant = {to_tenant:String} AND agent_id <= {to_agent:String})`;
  return { sql, params };
}

/**
 * Exactly these agents; the lists travel in the address of the request, so there may be some hundred at most. They
 * are a set: with `has` over the list a repair took more than twice the CPU.
 */
export function selectList(agents: readonly AgentKey[]): AgentSelection {
  return {
    sql: `(tenant, agent_id) IN (
        SELECT pair.1, pair.2
        FROM (SELECT arrayJoin(arrayZip({tenants:Array(String)}, {agent_ids:Array(String)})) AS pair)
      )`,
    params: { tenants: agents.map(({ tenant }) => tenant), agent_ids: agents.map(({ agentId }) => agentId) },
  };
}

/** Characters an agent takes in an address: each of its bytes may be escaped. */
export function addressLength({ tenant, agentId }: AgentKey): number {
  return 3 * (Buffer.byteLength(tenant) + Buffer.byteLength(agentId)) + 16;
}
