import type { AgentFigures } from './fleet-ledger.js';

/** What was sent by an agent, exactly, and what the collector answers about it. */
export interface AgentComparison {
  readonly agentId: string;
  readonly sent: AgentFigures;
  readonly live: AgentFigures;
  readonly stored: AgentFigures;
}

/** Success rates are percents of two counts: more than this apart, they were counted from other events. */
const rateDifferenceMax = 0.01;

/** Counts and the rates made from them must be equal; percentiles are estimates and are only shown. */
export function countsAgree({ sent, live, stored }: AgentComparison): boolean {
  return [live, stored].every(
    ({ executions, successRate }) =>
      executions === sent.executions && Math.abs((successRate ?? -1) - (sent.successRate ?? -1)) <= rateDifferenceMax,
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
    ...(['p50', 'p95', 'p99'] as const).map(
      (level, index) => `${parts[index + 2]} ${signed(differencePercent(sent[level], answered[level]))}`,
    ),
  ];
}

function differencePercent(sent: number | null, answered: number | null): number | null {
  return sent === null || answered === null || sent === 0 ? null : (100 * (answered - sent)) / sent;
}

/** The largest difference of each percentile over all agents, and how many agents count alike. */
function renderWorst(comparisons: readonly AgentComparison[]): string {
  const agreeing = comparisons.filter(countsAgree).length;
  const worst = (source: 'live' | 'stored'): string =>
    (['p50', 'p95', 'p99'] as const)
      .map((level) => {
        const differences = comparisons.map((comparison) =>
          Math.abs(differencePercent(comparison.sent[level], comparison[source][level]) ?? 0),
        );
        return `${level} ${Math.max(0, ...differences).toFixed(2)} %`;
      })
      .join(', ');
  return [
    `counts and success rates are equal for ${agreeing} of ${comparisons.length} agents`,
    `largest difference, live windows:   ${worst('live')}`,
    `largest difference, stored metrics: ${worst('stored')}`,
  ].join('\n');
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
