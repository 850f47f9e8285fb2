import { useMemo } from 'react';
import type { Answers } from '../../api/client.js';
import { type Answer, useAnswer } from '../../api/use-answer.js';
import type { ChartSeries, TimeChartProps } from '../../charts/chart-props.js';
import { TimeChart } from '../../charts/time-chart.js';
import { formatDuration } from '../../format/durations.js';
import { formatBytes, formatCost, formatCount, formatPercent } from '../../format/numbers.js';
import { AnswerView, AsOf } from '../../parts/answer-view.js';
import { Segmented } from '../../parts/choices.js';
import { Panel } from '../../parts/panel.js';
import type { TimeRange } from '../../parts/range-picker.js';
import { useUrlState } from '../../routing/use-url-state.js';
import {
  type MetricType,
  rangeKey,
  type SeriesStep,
  seriesBounds,
  stepMs,
  stepOfRange,
  stepsOfRange,
} from './agent-range.js';

type Point = Answers['SeriesPoint'];

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
      { name: 'Successful', tone: 'good', of: ({ successful = null }) => successful },
      { name: 'Failed', tone: 'bad', of: ({ failed = null }) => failed },
      { name: 'Cancelled', tone: 'soft', of: ({ cancelled = null }) => cancelled },
    ],
  },
  {
    title: 'Success rate',
    range: [0, 100],
    format: formatPercent,
    series: [{ name: 'Success rate', tone: 'good', of: ({ success_rate = null }) => success_rate }],
  },
  {
    title: 'Execution times',
    format: formatDuration,
    series: [
      { name: 'p50', tone: 'accent', of: ({ p50_ms = null }) => p50_ms },
      { name: 'p95', tone: 'warn', of: ({ p95_ms = null }) => p95_ms },
      { name: 'p99', tone: 'bad', of: ({ p99_ms = null }) => p99_ms },
    ],
  },
  {
    title: 'Tokens',
    kind: 'bars',
    stacked: true,
    format: formatCount,
    series: [
      { name: 'In', tone: 'accent', of: ({ tokens_in = null }) => tokens_in },
      { name: 'Out', tone: 'busy', of: ({ tokens_out = null }) => tokens_out },
    ],
  },
  {
    title: 'Cost',
    kind: 'bars',
    format: formatCost,
    series: [{ name: 'Cost', tone: 'warn', of: ({ cost_cents = null }) => cost_cents }],
  },
  {
    title: 'Most memory',
    format: (mb) => formatBytes(mb === null || mb === undefined ? mb : mb * 1_000_000),
    series: [{ name: 'Memory', tone: 'accent', of: ({ memory_mb = null }) => memory_mb }],
  },
];

const executionMetrics = ['successful', 'failed', 'cancelled', 'success_rate', 'p50_ms', 'p95_ms', 'p99_ms'] as const;
const usageMetrics = ['tokens_in', 'tokens_out', 'cost_cents', 'memory_mb'] as const;
const refreshMs = 30_000;

/** Charts over the range, with one cursor; a range that is drawn becomes the range of the page. */
export function AgentSeries({
  agentId,
  range,
  type,
}: {
  readonly agentId: string;
  readonly range: TimeRange;
  readonly type: MetricType;
}) {
  const url = useUrlState();
  const of = { type, nowMs: Date.now() };
  const steps = stepsOfRange(range, of);
  const step = stepOfRange(range, { ...of, wanted: url.get('step') });
  const series = useSeries({ agentId, range, type, step });
  return (
    <Panel
      title="Over time"
      aside={
        <>
          {steps.length > 1 && (
            <Segmented label="Step" choices={steps} value={step} onChange={(choice) => url.set({ step: choice })} />
          )}
          <AsOf answer={series} />
        </>
      }
    >
      <AnswerView answer={series}>
        {(points) => (
          <>
            <div className="grid grid-cols-1 gap-x-6 gap-y-5 lg:grid-cols-2 min-[120rem]:grid-cols-3">
              {charts.map((chart) => (
                <SeriesChart key={chart.title} chart={chart} points={points} bucketMs={stepMs[step]} />
              ))}
            </div>
            <p className="mt-3 text-sm text-soft">Draw over a chart to choose that range.</p>
          </>
        )}
      </AnswerView>
    </Panel>
  );
}

function SeriesChart({
  chart: { title, series: wanted, ...look },
  points,
  bucketMs,
}: {
  readonly chart: Chart;
  readonly points: readonly Point[];
  readonly bucketMs: number;
}) {
  const url = useUrlState();
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
        label={`${title} over time`}
        times={times}
        bucketMs={bucketMs}
        series={series}
        cursorGroup="agent"
        height={160}
        onRange={(from, to) => url.set({ range: null, from: from.toISOString(), to: to.toISOString(), step: null })}
      />
    </div>
  );
}

function useSeries({
  agentId,
  range,
  type,
  step,
}: {
  readonly agentId: string;
  readonly range: TimeRange;
  readonly type: MetricType;
  readonly step: SeriesStep;
}): Answer<readonly Point[]> {
  return useAnswer(
    ['agent series', agentId, rangeKey(range), type, step],
    async (api, signal) => {
      const bounds = seriesBounds(range, { type, nowMs: Date.now() });
      const [executions, usage] = await Promise.all(
        [executionMetrics, usageMetrics].map((metric) =>
          api.GET('/api/v1/agents/{agent_id}/series', {
            params: { path: { agent_id: agentId }, query: { ...bounds, step, metric } },
            signal,
          }),
        ),
      );
      if (executions?.data === undefined || usage?.data === undefined) {
        const failed = executions?.data === undefined ? executions! : usage!;
        return { error: failed.error, response: failed.response };
      }
      // A bucket may have begun between the two: the later one knows it alone.
      const byTime = new Map(usage.data.points.map((point) => [point.at, point]));
      return {
        data: executions.data.points.map((point) => ({ ...byTime.get(point.at), ...point })),
        response: executions.response,
      };
    },
    { refreshMs },
  );
}
