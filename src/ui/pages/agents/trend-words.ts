import type { Answers } from '../../api/client.js';
import { formatDuration } from '../../format/durations.js';
import { formatChange, formatCount, formatPercent, formatProbability } from '../../format/numbers.js';

type Metrics = Answers['GetAgentMetricsAnswer'];
export type Trend = Metrics['trend'];

const verdicts: Readonly<Record<Trend, string>> = {
  improving: 'Improving',
  declining: 'Declining',
  stable: 'Stable',
  insufficient_data: 'Too little data',
  no_data: 'No data',
};

export function verdict(trend: Trend): string {
  return verdicts[trend] ?? trend;
}

/** The later half of the executions against the earlier. */
export function trendSentence({ trend, trend_halves: { first, second } }: Metrics): string {
  if (trend === 'no_data') return 'Nothing was executed.';
  const earlier = `${shareOf(first)} of the earlier ${formatCount(first.executions)} executions succeeded`;
  const halves = `${earlier}, ${shareOf(second)} of the later ${formatCount(second.executions)}.`;
  return trend === 'insufficient_data' ? `Too few executions to tell: ${halves}` : halves;
}

/** The later half of the time against the earlier, and whether it may be chance; a sentence a comparison. */
export function significantSentences({ significant_trend, trend_basis: basis }: Metrics): readonly string[] {
  if (basis === null) return ['Nothing tells the halves of a single day apart that is older than 90 days.'];
  if (significant_trend === 'no_data') return ['Nothing was executed.'];
  const { first_half: first, second_half: second } = basis;
  const sentences: string[] = [];
  if (basis.success_rate_change !== null) {
    const change = `Success rate ${formatChange(basis.success_rate_change)} points`;
    const halves = `from ${formatPercent(first.success_rate)} to ${formatPercent(second.success_rate)}`;
    sentences.push(`${change}, ${halves}${chance(basis.success_rate_test, basis.thresholds.p_value)}.`);
  }
  if (basis.p95_change_percent !== null) {
    const change = `p95 of successes ${formatChange(basis.p95_change_percent)} %`;
    const halves = `from ${formatDuration(first.p95_ms)} to ${formatDuration(second.p95_ms)}`;
    sentences.push(`${change}, ${halves}${chance(basis.p95_test, basis.thresholds.p_value)}.`);
  }
  if (sentences.length === 0) return ['The halves of the time have nothing to compare.'];
  return sentences;
}

function chance(test: Answers['SignificanceTest'] | null, limit: number): string {
  if (test === null) return '';
  const p = `p ${formatProbability(test.p_value)}`;
  if (test.significant) return `, which is more than chance (${p})`;
  return test.p_value >= limit ? `, which may be chance (${p})` : `, which is too small a change to count (${p})`;
}

function shareOf({ executions, successful_min, successful_max }: Answers['ExecutionHalf']): string {
  if (executions === 0) return formatPercent(null);
  const low = formatPercent((100 * successful_min) / executions);
  const high = formatPercent((100 * successful_max) / executions);
  return low === high ? low : `${low} to ${high}`;
}
