import { useMemo } from 'react';
import { useAnswer } from '../../api/use-answer.js';
import { TimeChart } from '../../charts/time-chart.js';
import { formatCost, formatCount, formatExact, formatPercent, unpricedNote } from '../../format/numbers.js';
import { AnswerView, AsOf } from '../../parts/answer-view.js';
import { NothingHere } from '../../parts/nothing-here.js';
import { Page } from '../../parts/page.js';
import { Panel } from '../../parts/panel.js';
import { RangePicker } from '../../parts/range-picker.js';
import { Stat, Stats } from '../../parts/stat.js';
import { Time } from '../../parts/time.js';
import { FailureFilters } from './failure-filters.js';
import { FailureList } from './failure-list.js';
import {
  type Breakdown,
  type FailureView,
  failureRangeFallback,
  failureRanges,
  seriesOfGroups,
  useFailureView,
} from './failure-view.js';
import { GroupTable } from './group-table.js';

const refreshMs = 30_000;

/** What fails: in groups, over time, and one by one. */
export function FailuresPage() {
  const view = useFailureView();
  const { groupBy, filter, range, rangeName } = view;
  const breakdown = useAnswer(
    ['failures', groupBy, filter, ...rangeName],
    (api, signal) => {
      const to = range.to === undefined ? {} : { to: range.to };
      const query = { group_by: groupBy, limit: 20, from: range.from, ...to, ...filter };
      return api.GET('/api/v1/failures/breakdown', { params: { query }, signal });
    },
    { refreshMs },
  );
  const isFiltered = Object.keys(filter).length > 0;
  return (
    <Page title="Failures" actions={<RangePicker ranges={failureRanges} fallback={failureRangeFallback} />}>
      <FailureFilters view={view} />
      <div className="shrink-0">
        <AnswerView answer={breakdown}>
          {(data) =>
            data.totals.count === 0 ? (
              <Panel title="Failed attempts" aside={<AsOf answer={breakdown} />}>
                <NothingHere onArrival={breakdown.retry}>
                  {isFiltered
                    ? 'No failure of this range is one the filter holds for.'
                    : 'Nothing failed in this range.'}
                </NothingHere>
              </Panel>
            ) : (
              <div className="flex flex-col gap-4">
                <Panel title="Failed attempts" aside={<AsOf answer={breakdown} />}>
                  <Totals totals={data.totals} outcomesAsOf={data.outcomes_as_of} />
                </Panel>
                <Panel title="Over time">
                  <Chart data={data} view={view} />
                </Panel>
                <Panel title="Groups" aside={<GroupCount data={data} />}>
                  <GroupTable data={data} view={view} />
                </Panel>
              </div>
            )
          }
        </AnswerView>
      </div>
      <FailureList view={view} groups={breakdown.data?.group_by === groupBy ? breakdown.data.groups : []} />
    </Page>
  );
}

function Totals({
  totals,
  outcomesAsOf,
}: {
  readonly totals: Breakdown['totals'];
  readonly outcomesAsOf: string | null;
}) {
  const { count, retried, recovered, failed_for_good: forGood, wasted } = totals;
  const counted = (name: string, of: number, note?: string) => (
    <Stat name={name} value={formatCount(of)} exact={formatExact(of)} note={note} />
  );
  const share = (of: number) => formatPercent((100 * of) / count);
  return (
    <>
      <Stats>
        {counted('Failed attempts', count)}
        {counted('Tried again', retried, share(retried))}
        {counted('Recovered', recovered, share(recovered))}
        {counted('For good', forGood, share(forGood))}
        {counted('Tokens wasted', wasted.tokens.total)}
        <Stat name="Cost wasted" value={formatCost(wasted.cost_cents)} note={unpricedNote(wasted.tokens_unpriced)} />
        {counted('Runs affected', totals.affected_runs, agentsNote(totals.affected_agents))}
      </Stats>
      {outcomesAsOf !== null && (
        <p className="mt-3 text-sm text-warn">
          Very much failed lately: what was tried again and recovered is as of <Time at={outcomesAsOf} />.
        </p>
      )}
    </>
  );
}

function agentsNote(agents: number): string {
  return agents === 1 ? 'of 1 agent' : `of ${formatExact(agents)} agents`;
}

function Chart({ data, view }: { readonly data: Breakdown; readonly view: FailureView }) {
  const { times, series } = useMemo(
    () => ({ times: data.buckets.map((at) => new Date(at)), series: seriesOfGroups(data) }),
    [data],
  );
  return (
    <TimeChart
      label={`Failed attempts in buckets of ${data.step}, by ${data.group_by}`}
      times={times}
      series={series}
      stacked
      kind="bars"
      format={formatCount}
      onRange={(from, to) => view.url.set({ range: null, from: from.toISOString(), to: to.toISOString() })}
    />
  );
}

function GroupCount({ data: { total_groups: total, groups } }: { readonly data: Breakdown }) {
  if (total > groups.length) return <span>{`the largest ${groups.length} of ${formatExact(total)}`}</span>;
  return <span>{total === 1 ? '1 group' : `${total} groups`}</span>;
}
