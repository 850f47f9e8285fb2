import type { Answers } from '../../api/client.js';

export type AgentRow = Answers['Agent'];

export const agentSorts = ['id', 'executions', 'failed', 'success', 'seen'] as const;
export type AgentSort = (typeof agentSorts)[number];

/** Those whose id or name has the text, whatever its case. */
export function matchingAgents(agents: readonly AgentRow[], text: string): readonly AgentRow[] {
  const wanted = text.toLowerCase();
  if (wanted === '') return agents;
  return agents.filter(
    ({ agent_id, agent_name }) =>
      agent_id.toLowerCase().includes(wanted) || (agent_name ?? '').toLowerCase().includes(wanted),
  );
}

/** What one looks for comes first: the most executions and failures, the worst rate, the last seen. */
export function sortedAgents(agents: readonly AgentRow[], sort: AgentSort): readonly AgentRow[] {
  const compare = comparisons[sort];
  return compare === undefined ? agents : agents.toSorted(compare);
}

const comparisons: Partial<Record<AgentSort, (a: AgentRow, b: AgentRow) => number>> = {
  executions: (a, b) => b.executions_24h - a.executions_24h,
  failed: (a, b) => b.failed_24h - a.failed_24h,
  // What is not known is no bad rate.
  success: (a, b) => (a.success_rate_24h ?? 101) - (b.success_rate_24h ?? 101),
  seen: (a, b) => b.last_seen.localeCompare(a.last_seen),
};
