import type { Answer } from './frame/api-client.js';
import type { Output } from './frame/output.js';
import { printPairs, printTable } from './frame/table.js';
import {
  cost,
  count,
  duration,
  localTime,
  percent,
  pricedCost,
  unknownValue,
  word,
  zonedTime,
} from './frame/told-values.js';

type Metrics = Answer<'/api/v1/agents/{agent_id}/metrics'>;
type Series = Answer<'/api/v1/agents/{agent_id}/series'>;

/** The metrics of an agent, for a person. */
export function printMetrics(out: Output, metrics: Metrics, series: Pick<Series, 'points' | 'step'>): void {
  const { execution_times: times, tokens } = metrics;
  printPairs(out, [
    ['agent', metrics.agent_id],
    ['range', `${zonedTime(metrics.from)} to ${zonedTime(metrics.to)}`],
    ['executions', executionsOf(metrics)],
    [
      'success',
      `${hasEnded(metrics) ? percent(metrics.success_rate) : unknownValue}, ${metrics.trend.replaceAll('_', ' ')}`,
    ],
    ['durations', `p50 ${duration(times.p50_ms)}, p95 ${duration(times.p95_ms)}, p99 ${duration(times.p99_ms)}`],
    ['', `avg ${duration(times.avg_ms)}, min ${duration(times.min_ms)}, max ${duration(times.max_ms)}`],
    ['tokens', `${count(tokens.in)} in, ${count(tokens.out)} out, ${count(metrics.llm_calls)} LLM calls`],
    ['cost', pricedCost(metrics)],
  ]);
  out.line();
  printChart(out, series);
  if (metrics.top_errors.length === 0) return;
  out.line(`\n${out.paint('bold', 'most frequent errors')}`);
  printTable(
    out,
    [
      { title: 'count', align: 'right', text: (row) => count(row.count) },
      { title: 'for good', align: 'right', rank: 1, text: (row) => count(row.failed_for_good) },
      { title: 'category', text: (row) => word(row.category) },
      { title: 'code', rank: 2, columnsMin: 8, text: (row) => word(row.code) },
      { title: 'last seen', rank: 3, text: (row) => localTime(row.last_seen) },
      { title: 'error', columnsMin: 12, text: (row) => word(row.message) },
    ],
    metrics.top_errors,
  );
}

function hasEnded(metrics: Metrics): boolean {
  return metrics.successful_executions + metrics.failed_executions > 0;
}

function executionsOf(metrics: Metrics): string {
  const { total_executions: total, failed_executions: failed, cancelled_executions: cancelled } = metrics;
  return `${count(total)}, ${count(failed)} failed, ${count(cancelled)} cancelled`;
}

type Point = Series['points'][number];

interface Curve {
  readonly title: string;
  readonly told: (value: number) => string;
  readonly of: (point: Point) => number | null | undefined;
  /** How the points of one column are joined. */
  readonly join: 'sum' | 'max' | 'min';
}

const curves: readonly Curve[] = [
  { title: 'executions', told: count, of: ({ executions }) => executions, join: 'sum' },
  { title: 'failed', told: count, of: ({ failed }) => failed, join: 'sum' },
  { title: 'success', told: percent, of: ({ success_rate: rate }) => rate, join: 'min' },
  { title: 'p95', told: duration, of: ({ p95_ms: ms }) => ms, join: 'max' },
  { title: 'cost', told: cost, of: ({ cost_cents: cents }) => cents, join: 'sum' },
];

const levels = '▁▂▃▄▅▆▇█';
const titleColumns = 'executions'.length;
/** Room for the lowest and the highest value beside a curve. */
const boundsColumns = 26;
const pipedColumns = 120;

/** A line a metric, on one scale of time: from nought to its highest, between the bounds that stand beside it. */
function printChart(out: Output, { points, step }: Pick<Series, 'points' | 'step'>): void {
  if (points.length === 0) return;
  const columns = Number.isFinite(out.columns) ? out.columns : pipedColumns;
  const room = Math.max(10, columns - titleColumns - 2 - boundsColumns);
  const perColumn = Math.ceil(points.length / room);
  const repeat = Math.max(1, Math.min(columnWidthMax, Math.floor(room / points.length)));
  for (const curve of curves) {
    const values = columnValues(points, perColumn, curve);
    const known = values.filter((value) => value !== null);
    if (known.length === 0) continue;
    const highest = Math.max(...known);
    const drawn = values.map((value) => levelOf(value, highest).repeat(repeat)).join('');
    const bounds = `${curve.told(Math.min(...known))} … ${curve.told(highest)}`;
    out.line(`${out.paint('dim', curve.title.padEnd(titleColumns))}  ${out.paint('cyan', drawn)}  ${bounds}`);
  }
  const unit = perColumn === 1 ? '' : `${perColumn} x `;
  out.line(
    out.paint('dim', `${' '.repeat(titleColumns)}  a column is ${unit}${step}, in UTC, the latest to the right`),
  );
}

const columnWidthMax = 4;

function columnValues(points: readonly Point[], perColumn: number, { of, join }: Curve): readonly (number | null)[] {
  const columns = Math.ceil(points.length / perColumn);
  return Array.from({ length: columns }, (_, column) => {
    const values = points.slice(column * perColumn, (column + 1) * perColumn).flatMap((point) => of(point) ?? []);
    if (values.length === 0) return null;
    if (join === 'sum') return values.reduce((sum, value) => sum + value, 0);
    return join === 'max' ? Math.max(...values) : Math.min(...values);
  });
}

/** Nothing for what is not known, the lowest line for nought. */
function levelOf(value: number | null, highest: number): string {
  if (value === null) return ' ';
  const level = highest === 0 ? 0 : Math.round((value / highest) * (levels.length - 1));
  return levels[level] ?? ' ';
}
