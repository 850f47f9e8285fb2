import { formatCount, formatExact, formatPercent } from '../../format/numbers.js';
import { AgentLink } from '../../parts/agent-link.js';
import { CopyButton } from '../../parts/id.js';
import { Age } from '../../parts/time.js';
import type { AgentRow, AgentSort } from './agent-list.js';

export const agentRowHeight = 48;

const cells =
  'grid grid-cols-[minmax(0,1fr)_4.5rem_4.5rem_5.5rem] items-center gap-x-2 px-3 text-sm ' +
  'sm:grid-cols-[minmax(0,1fr)_7rem_6rem_7rem_9rem]';

const columns: readonly { readonly sort: AgentSort; readonly name: string; readonly look: string }[] = [
  { sort: 'id', name: 'Agent', look: 'justify-self-start' },
  { sort: 'executions', name: 'Executions', look: 'justify-self-end' },
  { sort: 'failed', name: 'Failed', look: 'justify-self-end max-sm:hidden' },
  { sort: 'success', name: 'Success', look: 'justify-self-end' },
  { sort: 'seen', name: 'Last seen', look: 'justify-self-end' },
];

/** The names of the columns, which sort by them. */
export function AgentListHeader({
  sort,
  onSort,
}: {
  readonly sort: AgentSort;
  readonly onSort: (sort: AgentSort) => void;
}) {
  return (
    <div className={`${cells} sticky top-0 z-10 border-b border-line bg-panel py-2`}>
      {columns.map((column) => (
        <button
          key={column.sort}
          type="button"
          aria-pressed={column.sort === sort}
          onClick={() => onSort(column.sort)}
          className={`-mx-1 rounded px-1 text-xs whitespace-nowrap hover:text-ink ${column.look} ${
            column.sort === sort ? 'font-semibold text-ink' : 'text-soft'
          }`}
        >
          {column.name}
          {column.sort === sort && <span aria-hidden="true"> ↓</span>}
        </button>
      ))}
    </div>
  );
}

export function AgentListRow({ agent, isChosen }: { readonly agent: AgentRow; readonly isChosen: boolean }) {
  const { agent_id, agent_name, executions_24h, failed_24h, success_rate_24h, last_seen } = agent;
  return (
    <div
      data-agent={agent_id}
      className={`${cells} h-full border-b border-line ${isChosen ? 'bg-accent-soft' : 'hover:bg-raised/60'}`}
    >
      <div className="min-w-0 leading-tight">
        <AgentLink agentId={agent_id} name={agent_name} />
        <div className="flex min-w-0 items-center gap-1 text-xs text-soft">
          <bdi className="truncate font-mono">{agent_id}</bdi>
          <CopyButton text={agent_id} label="Copy id" />
        </div>
      </div>
      <span className="tabular text-end" title={formatExact(executions_24h)}>
        {formatCount(executions_24h)}
      </span>
      <span className={`tabular text-end max-sm:hidden ${failed_24h > 0 ? 'text-bad' : 'text-soft'}`}>
        {formatCount(failed_24h)}
      </span>
      <span className="tabular text-end">{formatPercent(success_rate_24h)}</span>
      <span className="truncate text-end text-soft max-sm:text-xs">
        <Age at={last_seen} />
      </span>
    </div>
  );
}
