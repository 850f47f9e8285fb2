import { Link } from 'wouter';
import type { Answers } from '../../api/client.js';
import type { Answer } from '../../api/use-answer.js';
import { formatCount, formatPercent } from '../../format/numbers.js';
import { AgentLink } from '../../parts/agent-link.js';
import { AsOf } from '../../parts/answer-view.js';
import { EmptyNote } from '../../parts/notes.js';
import { Panel } from '../../parts/panel.js';
import { type Column, Table } from '../../parts/table.js';
import { links } from '../../routing/links.js';
import { issueBasis, issueName } from './issue-words.js';

type Dashboard = Answer<Answers['GetDashboardAnswer']>;

/** Agents that are bad or got worse, each with the reasons in words. */
export function IssuesPanel({ dashboard }: { readonly dashboard: Dashboard }) {
  const { data } = dashboard;
  const listed = data?.agents_with_issues ?? [];
  return (
    <Panel
      title={data === undefined ? 'Agents with issues' : `Agents with issues (${formatCount(data.with_issues.total)})`}
      aside={<AsOf answer={dashboard} />}
    >
      {data !== undefined && listed.length === 0 && (
        <EmptyNote>No agent fails often, and none got worse or slower than in the week before.</EmptyNote>
      )}
      <ul className="flex flex-col divide-y divide-line">
        {listed.map((agent) => (
          <TroubledAgent key={agent.agent_id} agent={agent} />
        ))}
      </ul>
      {data !== undefined && data.with_issues.total > listed.length && (
        <p className="mt-2 text-sm text-soft">
          {`The ${listed.length} worst of ${formatCount(data.with_issues.total)}.`}
        </p>
      )}
      {data?.with_issues.complete === false && (
        <p className="mt-2 text-sm text-soft">There may be more: only the agents that changed most were compared.</p>
      )}
    </Panel>
  );
}

function TroubledAgent({ agent }: { readonly agent: Answers['TroubledAgent'] }) {
  return (
    <li className="flex flex-col gap-1 py-2 first:pt-0 last:pb-0">
      <div className="flex flex-wrap items-baseline justify-between gap-x-4">
        <span className="min-w-0">
          <AgentLink agentId={agent.agent_id} name={agent.agent_name} />
        </span>
        <Link
          href={links.failures({ agent_id: agent.agent_id, range: '24h' })}
          className="tabular text-sm text-soft hover:underline"
        >
          {agent.error_rate !== null && `${formatPercent(agent.error_rate)} failed in 24 h`}
        </Link>
      </div>
      {agent.issues.map((issue) => (
        <p key={issue.reason} className="text-sm">
          <span className="me-2 rounded bg-bad-soft px-1.5 py-0.5 text-xs font-medium text-bad">
            {issueName(issue)}
          </span>
          {issue.message} <span className="text-soft">{issueBasis(issue)}.</span>
        </p>
      ))}
    </li>
  );
}

const columns: readonly Column<Answers['TopAgent']>[] = [
  { name: 'Agent', cell: (agent) => <AgentLink agentId={agent.agent_id} name={agent.agent_name} /> },
  { name: 'Executions', number: true, cell: (agent) => formatCount(agent.total_executions) },
  { name: 'Failed', number: true, cell: (agent) => formatCount(agent.failed_executions) },
  { name: 'Success rate', number: true, cell: (agent) => formatPercent(agent.success_rate) },
  { name: 'At least', number: true, wideOnly: true, cell: (agent) => formatPercent(agent.success_rate_lower_bound) },
];

export function TopAgentsPanel({ dashboard }: { readonly dashboard: Dashboard }) {
  const { data } = dashboard;
  return (
    <Panel title="Top agents, 7 days" aside={<AsOf answer={dashboard} />}>
      {data !== undefined && data.top_performing_agents.length > 0 && (
        <Table
          label="Top agents"
          columns={columns}
          rows={data.top_performing_agents}
          rowKey={({ agent_id }) => agent_id}
        />
      )}
      {data !== undefined && (
        <p className="mt-2 text-sm text-soft">
          Ranked by what the success rate is at least, given how many executions there were; from{' '}
          {data.top_performing.finished_executions_min} executions on.
        </p>
      )}
    </Panel>
  );
}
