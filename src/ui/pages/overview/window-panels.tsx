import type { Answers } from '../../api/client.js';
import type { Answer } from '../../api/use-answer.js';
import { formatCost, formatCount, formatExact, formatPercent, unpricedNote } from '../../format/numbers.js';
import { AsOf } from '../../parts/answer-view.js';
import { Panel } from '../../parts/panel.js';
import { Stat } from '../../parts/stat.js';

const windows = [
  { window: '24h', title: 'Last 24 hours' },
  { window: '7d', title: 'Last 7 days' },
  { window: '30d', title: 'Last 30 days' },
] as const;

export function WindowPanels({ dashboard }: { readonly dashboard: Answer<Answers['GetDashboardAnswer']> }) {
  const { data } = dashboard;
  return (
    <div className="grid gap-4 lg:grid-cols-3">
      {windows.map(({ window, title }) => (
        <Panel key={window} title={title} aside={<AsOf answer={dashboard} />}>
          {data !== undefined && <Window of={data.executions[window]} />}
        </Panel>
      ))}
    </div>
  );
}

function Window({ of }: { readonly of: Answers['DashboardWindow'] }) {
  return (
    <dl className="grid grid-cols-3 gap-x-4 gap-y-3">
      <Stat name="Executions" value={formatCount(of.total_executions)} exact={formatExact(of.total_executions)} />
      <Stat name="Success rate" value={formatPercent(of.average_success_rate)} />
      <Stat
        name="Failed"
        value={formatCount(of.failed_executions)}
        exact={formatExact(of.failed_executions)}
        tone={of.failed_executions > 0 ? 'text-bad' : 'text-ink'}
        note={of.cancelled_executions > 0 && `${formatCount(of.cancelled_executions)} cancelled`}
      />
      <Stat
        name="Tokens"
        value={formatCount(of.tokens.total)}
        exact={formatExact(of.tokens.total)}
        note={`${formatCount(of.tokens.out)} of them out`}
      />
      <Stat name="Cost" value={formatCost(of.cost_cents)} note={unpricedNote(of.tokens_unpriced)} />
      <Stat name="Model calls" value={formatCount(of.llm_calls)} exact={formatExact(of.llm_calls)} />
    </dl>
  );
}
