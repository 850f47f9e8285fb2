import { useMemo } from 'react';
import { useLocation } from 'wouter';
import type { Answers } from '../../api/client.js';
import type { Answer } from '../../api/use-answer.js';
import type { ChartSeries, TimeChartProps } from '../../charts/chart-props.js';
import { TimeChart } from '../../charts/time-chart.js';
import { formatCost, formatCount, formatPercent } from '../../format/numbers.js';
import { AsOf } from '../../parts/answer-view.js';
import { Segmented } from '../../parts/choices.js';
import { Panel } from '../../parts/panel.js';
import { links } from '../../routing/links.js';
import { choiceOf, useUrlState } from '../../routing/use-url-state.js';

type Point = Answers['DashboardPoint'];

const trends = ['hourly', 'daily'] as const;

interface Chart extends Omit<TimeChartProps, 'label' | 'times' | 'series'> {
  readonly title: string;
  readonly series: readonly (Omit<ChartSeries, 'values'> & { readonly of: (point: Point) => number | null })[];
}

const charts: readonly Chart[] = [
  {
    title: 'Executions',
    kind: 'bars',
    stacked: true,
    format: formatCount,
    series: [
      { name: 'Successful', tone: 'good', of: (point) => point.successful_executions },
      { name: 'Failed', tone: 'bad', of: (point) => point.failed_executions },
      { name: 'Cancelled', tone: 'soft', of: (point) => point.cancelled_executions },
    ],
  },
  {
    title: 'Success rate',
    range: [0, 100],
    format: formatPercent,
    series: [{ name: 'Success rate', tone: 'good', of: (point) => point.success_rate }],
  },
  {
    title: 'Tokens',
    kind: 'bars',
    stacked: true,
    format: formatCount,
    series: [
      { name: 'In', tone: 'accent', of: (point) => point.tokens.in },
      { name: 'Out', tone: 'busy', of: (point) => point.tokens.out },
    ],
  },
  {
    title: 'Cost',
    kind: 'bars',
    format: formatCost,
    series: [{ name: 'Cost', tone: 'warn', of: (point) => point.cost_cents }],
  },
];

/** Hourly of the last day, or daily of the last 30; a range that is drawn shows its runs. */
export function TrendCharts({ dashboard }: { readonly dashboard: Answer<Answers['GetDashboardAnswer']> }) {
  const url = useUrlState();
  const trend = choiceOf(url.get('trend'), trends);
  const points = trend === 'hourly' ? dashboard.data?.hourly : dashboard.data?.execution_trends;
  return (
    <Panel
      title={trend === 'hourly' ? 'Trend of the last 24 hours' : 'Trend of the last 30 days'}
      aside={
        <>
          <Segmented
            label="Trend"
            choices={trends}
            value={trend}
            onChange={(choice) => url.set({ trend: choice === 'hourly' ? null : choice })}
          />
          <AsOf answer={dashboard} />
        </>
      }
    >
      {points !== undefined && (
        <>
          <div className="grid grid-cols-1 gap-x-6 gap-y-5 lg:grid-cols-2 min-[120rem]:grid-cols-4">
            {charts.map((chart) => (
              <Trend key={chart.title} chart={chart} points={points} trend={trend} />
            ))}
          </div>
          <p className="mt-3 text-sm text-soft">Draw over a chart to see the runs of that time.</p>
        </>
      )}
    </Panel>
  );
}

function Trend({
  chart: { title, series: wanted, ...look },
  points,
  trend,
}: {
  readonly chart: Chart;
  readonly points: readonly Point[];
  readonly trend: string;
}) {
  const [, navigate] = useLocation();
  const times = useMemo(() => points.map(({ at }) => new Date(at)), [points]);
  const series = useMemo(
    () => wanted.map(({ of, ...one }): ChartSeries => ({ ...one, values: points.map(of) })),
    [wanted, points],
  );
  return (
    <div className="min-w-0">
      <h3 className="mb-1 text-sm text-soft">{title}</h3>
      <TimeChart
        {...look}
        label={`${title}, ${trend}`}
        times={times}
        series={series}
        cursorGroup="overview"
        height={150}
        onRange={(from, to) => navigate(links.runs({ from: from.toISOString(), to: to.toISOString() }))}
      />
    </div>
  );
}
