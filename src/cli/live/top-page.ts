import { Output } from '../frame/output.js';
import { type Column, printTable } from '../frame/table.js';
import { fitted } from '../frame/text-width.js';
import { cost, count, duration, localTime, percent, word } from '../frame/told-values.js';
import type { AgentFigures, FleetFigures, WindowName } from './agent-figures.js';

/** An output that keeps its lines, and is as wide and as coloured as another. */
class LineBuffer extends Output {
  readonly lines: string[] = [];
  readonly #like: Output;

  constructor(like: Output) {
    super(like.stream, {});
    this.#like = like;
  }

  override get columns(): number {
    return this.#like.columns;
  }

  override line(text = ''): void {
    this.lines.push(text);
  }

  override paint(...given: Parameters<Output['paint']>): string {
    return this.#like.paint(...given);
  }
}

const columns: readonly Column<AgentFigures>[] = [
  { title: 'agent', columnsMin: 12, text: ({ agentId }) => agentId },
  { title: 'rate/s', align: 'right', text: ({ rate }) => rateText(rate) },
  { title: 'p50', align: 'right', text: ({ p50Ms }) => duration(p50Ms) },
  { title: 'p95', align: 'right', text: ({ p95Ms }) => duration(p95Ms) },
  { title: 'p99', align: 'right', text: ({ p99Ms }) => duration(p99Ms) },
  {
    title: 'success',
    align: 'right',
    text: ({ successRate }) => percent(successRate),
    style: ({ successRate }) =>
      successRate === null ? null : successRate < 90 ? 'red' : successRate < 99 ? 'yellow' : 'green',
  },
  {
    title: 'errors',
    align: 'right',
    text: ({ failed }) => count(failed),
    style: ({ failed }) => (failed > 0 ? 'red' : null),
  },
  { title: 'cost', align: 'right', text: ({ costCents }) => cost(costCents) },
  { title: 'executions', align: 'right', rank: 4, text: ({ executions }) => count(executions) },
  { title: 'tokens', align: 'right', rank: 3, text: ({ tokens }) => count(tokens) },
  { title: 'most failures', rank: 2, text: ({ topError }) => word(topError) },
  { title: 'last seen', rank: 1, text: ({ lastSeen }) => localTime(lastSeen) },
];

export interface TopPage {
  readonly fleet: FleetFigures;
  readonly window: WindowName;
  readonly at: string;
  /** Why the last look failed; null when it did not. What is shown is then of before. */
  readonly problem: string | null;
}

/** The page of a terminal: sums, a table of as many agents as fit, and what the keys do. */
export function topLines(page: TopPage, out: Output, rowsMax: number): string[] {
  const { fleet, window, at, problem } = page;
  const buffer = new LineBuffer(out);
  const { agents, known, isCut } = fleet;
  const sum = (of: (agent: AgentFigures) => number) => agents.reduce((total, agent) => total + of(agent), 0);
  const executions = sum((agent) => agent.executions);
  const failed = sum((agent) => agent.failed);
  const head = [
    `tidemark top  ${localTime(at).split(' ')[1]}`,
    `last ${window}`,
    `${count(known)}${isCut ? ' or more' : ''} agents`,
    `${rateText(sum((agent) => agent.rate))}/s`,
    `${count(executions)} executions`,
    `${count(failed)} failed`,
  ].join('  ');
  buffer.line(out.paint('bold', cut(head, out)));
  buffer.line(problem === null ? '' : out.paint('red', cut(problem, out)));
  const room = Math.max(1, rowsMax - linesAround);
  printTable(buffer, columns, agents.slice(0, room));
  if (agents.length === 0) buffer.line(out.paint('dim', 'no agent has executed anything yet'));
  const hidden = known - Math.min(room, agents.length);
  if (hidden > 0 && Number.isFinite(rowsMax))
    buffer.line(out.paint('dim', cut(`… and ${count(hidden)} more, less busy`, out)));
  return buffer.lines;
}

/** Two above the table, its titles, what is not shown, and what the keys do. */
const linesAround = 5;

function cut(text: string, out: Output): string {
  return Number.isFinite(out.columns) ? fitted(text, out.columns).trimEnd() : text;
}

function rateText(rate: number): string {
  if (rate === 0) return '0';
  return rate >= 100 ? count(Math.round(rate)) : rate.toFixed(rate >= 10 ? 1 : 2);
}
