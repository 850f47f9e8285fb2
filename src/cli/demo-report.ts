import type { AgentFigures } from './fleet-ledger.js';

/** What was sent by an agent, exactly, and what the collector answers about it. */
export interface AgentComparison {
  readonly agentId: string;
  readonly sent: AgentFigures;
  readonly live: AgentFigures;
  readonly stored: AgentFigures;
  /** Where a duration stands among those that were sent, 0 to 1. */
  readonly rankOf: (durationMs: number) => number | null;
}

const levels = { p50: 0.5, p95: 0.95, p99: 0.99 } as const;
type Level = keyof typeof levels;
const levelNames = Object.keys(levels) as Level[];

/** Percents of two counts, told to two decimals and 0 of nothing: further apart, they are of other events. */
const rateDifferenceMax = 0.01;

/** Counts and the rates made from them must be equal; percentiles are estimates and are only shown. */
export function countsAgree({ sent, live, stored }: AgentComparison): boolean {
  return [live, stored].every(
    ({ executions, successRate }) =>
      executions === sent.executions && Math.abs((successRate ?? 0) - (sent.successRate ?? 0)) <= rateDifferenceMax,
  );
}

const header = ['agent', '', 'executions', 'success %', 'p50 ms', 'p95 ms', 'p99 ms'];

/** Per agent a line of what was sent and, below it, the two answers, each figure with its difference in percent. */
export function renderComparison(comparisons: readonly AgentComparison[]): string {
  const rows = comparisons.flatMap((comparison) => {
    const { agentId, sent, live, stored } = comparison;
    return [
      [agentId, 'sent', ...exact(sent)],
      [countsAgree(comparison) ? '' : '  counts differ', 'live', ...against(sent, live)],
      ['', 'stored', ...against(sent, stored)],
    ];
  });
  return `${renderTable([header, ...rows])}\n\n${renderWorst(comparisons)}`;
}

function exact({ executions, successRate, p50, p95, p99 }: AgentFigures): string[] {
  return [String(executions), decimal(successRate, 2), decimal(p50, 1), decimal(p95, 1), decimal(p99, 1)];
}

function against(sent: AgentFigures, answered: AgentFigures): string[] {
  const parts = exact(answered);
  return [
    ...parts.slice(0, 2),
    ...levelNames.map(
      (level, index) => `${parts[index + 2]} ${signed(differencePercent(sent[level], answered[level]))}`,
    ),
  ];
}

function differencePercent(sent: number | null, answered: number | null): number | null {
  return sent === null || answered === null || sent === 0 ? null : (100 * (answered - sent)) / sent;
}

/**
 * How many agents count alike, and the largest difference of each percentile over all agents: in percent of its value,
 * and in ranks. With few executions the tail is sparse, and a small step in rank is a large one in value.
 */
function renderWorst(comparisons: readonly AgentComparison[]): string {
  const agreeing = comparisons.filter(countsAgree).length;
  const worst = (difference: (comparison: AgentComparison, level: Level) => number | null, unit: string): string =>
    levelNames
      .map((level) => {
        const differences = comparisons.map((comparison) => Math.abs(difference(comparison, level) ?? 0));
        return `${level} ${Math.max(0, ...differences).toFixed(2)} ${unit}`;
      })
      .join(', ');
  const describe = (source: 'live' | 'stored'): string => {
    const inValue = worst(({ sent, ...answers }, level) => differencePercent(sent[level], answers[source][level]), '%');
    return `${inValue}; in rank ${worst((comparison, level) => rankDifference(comparison, source, level), 'points')}`;
  };
  return [
    `counts and success rates are equal for ${agreeing} of ${comparisons.length} agents`,
    `largest difference, live windows:   ${describe('live')}`,
    `largest difference, stored metrics: ${describe('stored')}`,
  ].join('\n');
}

/** In percentile points: 0.5 means that what is called p99 is p98.5 or p99.5 of what was sent. */
function rankDifference(comparison: AgentComparison, source: 'live' | 'stored', level: Level): number | null {
  const answered = comparison[source][level];
  const rank = answered === null ? null : comparison.rankOf(answered);
  return rank === null ? null : 100 * (rank - levels[level]);
}

function decimal(value: number | null, digits: number): string {
  return value === null ? '–' : value.toFixed(digits);
}

function signed(percent: number | null): string {
  const text = percent === null ? '' : `${percent < 0 ? '' : '+'}${percent.toFixed(2)}%`;
  return text.padStart(8);
}

/** Two columns to the left, the others to the right. */
function renderTable(rows: readonly (readonly string[])[]): string {
  const widths = header.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
