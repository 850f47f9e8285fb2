import type { Answers } from '../../api/client.js';
import { useAnswer } from '../../api/use-answer.js';
import { formatDuration } from '../../format/durations.js';
import { formatCost, formatCount, formatExact, formatPercent, unpricedNote } from '../../format/numbers.js';
import { AnswerView, AsOf } from '../../parts/answer-view.js';
import { Segmented } from '../../parts/choices.js';
import { EmptyNote } from '../../parts/notes.js';
import { Panel } from '../../parts/panel.js';
import type { TimeRange } from '../../parts/range-picker.js';
import { type Column, Table } from '../../parts/table.js';
import { Time } from '../../parts/time.js';
import { choiceOf, useUrlState } from '../../routing/use-url-state.js';
import { rangeKey, rangeQuery } from './agent-range.js';

type Breakdown = Answers['AgentBreakdown'];
type Group = Answers['AgentBreakdownGroup'];

const groupings = ['version', 'model', 'provider', 'environment'] as const;
const refreshMs = 60_000;

/** One version, model, provider or environment of the agent beside the other. */
export function AgentBreakdown({ agentId, range }: { readonly agentId: string; readonly range: TimeRange }) {
  const url = useUrlState();
  const groupBy = choiceOf(url.get('compare'), groupings);
  const answer = useAnswer(
    ['agent breakdown', agentId, groupBy, rangeKey(range)],
    (api, signal) =>
      api.GET('/api/v1/agents/{agent_id}/breakdown', {
        params: { path: { agent_id: agentId }, query: { group_by: groupBy, ...rangeQuery(range) } },
        signal,
      }),
    { refreshMs },
  );
  return (
    <Panel
      title="Compared"
      aside={
        <>
          <Segmented
            label="Compare"
            choices={groupings}
            value={groupBy}
            onChange={(choice) => url.set({ compare: choice === 'version' ? null : choice })}
          />
          <AsOf answer={answer} />
        </>
      }
    >
      <AnswerView answer={answer}>{(breakdown) => <Groups breakdown={breakdown} />}</AnswerView>
    </Panel>
  );
}

function Groups({ breakdown }: { readonly breakdown: Breakdown }) {
  const { groups, group_by, total_groups, coverage, from } = breakdown;
  if (groups.length === 0) {
    const why = coverage.from === null ? 'Raw events of this range are not kept any more.' : null;
    return <EmptyNote>{why ?? 'Nothing of this agent ended in this range.'}</EmptyNote>;
  }
  const columns: readonly Column<Group>[] = [
    { name: nameOf(group_by), cell: ({ key }) => <Key text={key} /> },
    ...numbers,
  ];
  return (
    <>
      <Table label={`By ${group_by}`} columns={columns} rows={groups} rowKey={({ key }) => JSON.stringify(key)} />
      <p className="mt-2 text-sm text-soft">
        {total_groups > groups.length && `The ${groups.length} largest of ${formatExact(total_groups)} groups. `}
        {coverage.from !== null && coverage.from > from && (
          <>
            Raw events are kept so long: these numbers begin at <Time at={coverage.from} />.
          </>
        )}
      </p>
    </>
  );
}

const numbers: readonly Column<Group>[] = [
  { name: 'Executions', number: true, cell: ({ total }) => formatCount(total) },
  { name: 'Success', number: true, cell: ({ success_rate }) => formatPercent(success_rate) },
  {
    name: 'Failed',
    number: true,
    cell: ({ failed }) => <span className={failed > 0 ? 'text-bad' : ''}>{formatCount(failed)}</span>,
  },
  { name: 'p50', number: true, cell: ({ execution_times }) => <Duration ms={execution_times.p50_ms} /> },
  { name: 'p95', number: true, cell: ({ execution_times }) => <Duration ms={execution_times.p95_ms} /> },
  { name: 'p99', number: true, cell: ({ execution_times }) => <Duration ms={execution_times.p99_ms} /> },
  { name: 'Tokens', number: true, cell: ({ tokens }) => formatCount(tokens.total) },
  { name: 'Cost', number: true, cell: (group) => <Cost group={group} /> },
  { name: 'First seen', number: true, wideOnly: true, cell: ({ first_seen }) => <Time at={first_seen} /> },
  { name: 'Last seen', number: true, wideOnly: true, cell: ({ last_seen }) => <Time at={last_seen} /> },
];

function Duration({ ms }: { readonly ms: number | null }) {
  return <span className="whitespace-nowrap">{formatDuration(ms)}</span>;
}

function Key({ text }: { readonly text: string | null }) {
  if (text === null) return <span className="text-soft">not told</span>;
  return (
    <bdi className="block truncate font-medium" title={text}>
      {text}
    </bdi>
  );
}

function Cost({ group }: { readonly group: Group }) {
  const note = unpricedNote(group.tokens_unpriced);
  return (
    <span className="whitespace-nowrap">
      {formatCost(group.cost_cents)}
      {note !== null && <span className="block text-xs text-soft">{note}</span>}
    </span>
  );
}

function nameOf(grouping: (typeof groupings)[number]): string {
  return grouping.charAt(0).toUpperCase() + grouping.slice(1);
}
