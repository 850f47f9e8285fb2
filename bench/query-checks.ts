import type { ExecutionCounts, HistoryRecord, TimeSpan } from './history-record.js';

/** What an answer is checked against. */
export interface Asked {
  readonly record: HistoryRecord;
  readonly rank: number;
  /** Just before it was sent and after it was answered, ms since the epoch. */
  readonly sentMs: number;
  readonly answeredMs: number;
  /** Agents beside those of the history send events meanwhile. */
  readonly isIngesting: boolean;
}

/** The range that was asked for: so many days up to now, in whole steps. */
export interface AskedRange {
  readonly days: number;
  readonly stepMs: number;
}

/** Each says what is wrong with an answer, null when nothing is. */
type Problem = string | null;

const minuteMs = 60_000;
const dayMs = 86_400_000;

interface RangeItem {
  readonly from: string;
  readonly to: string;
}

interface CountsItem {
  readonly total_executions: number;
  readonly successful_executions: number;
  readonly failed_executions: number;
}

export function metricsProblem(answer: unknown, asked: Asked, range: AskedRange): Problem {
  const item = answer as RangeItem & CountsItem;
  const span = spanOf(item);
  return spanProblem(span, asked, range) ?? difference(countsOf(item), asked.record.counts(asked.rank, span));
}

interface ErrorsAnswer extends RangeItem {
  readonly failed_executions: number;
  readonly errors: readonly { readonly count: number }[];
}

export function errorsProblem(answer: unknown, asked: Asked, range: AskedRange): Problem {
  const { failed_executions: failed, errors, ...item } = answer as ErrorsAnswer;
  const span = spanOf(item);
  const listed = errors.reduce((sum, { count }) => sum + count, 0);
  if (listed > failed) return `${listed} failures are listed, ${failed} told`;
  return spanProblem(span, asked, range) ?? difference(failed, asked.record.counts(asked.rank, span).failed);
}

interface SeriesAnswer extends RangeItem {
  readonly points: readonly { readonly at: string; readonly executions: number; readonly failed: number }[];
}

export function seriesProblem(answer: unknown, asked: Asked, range: AskedRange): Problem {
  const { points, ...item } = answer as SeriesAnswer;
  const span = spanOf(item);
  if (points.length !== (span.toMs - span.fromMs) / range.stepMs) return `${points.length} points`;
  for (const { at, executions, failed } of points) {
    const fromMs = Date.parse(at);
    const wanted = asked.record.counts(asked.rank, { fromMs, toMs: fromMs + range.stepMs });
    const wrong = difference({ executions, failed }, { executions: wanted.total, failed: wanted.failed });
    if (wrong !== null) return `at ${at}: ${wrong}`;
  }
  return spanProblem(span, asked, range);
}

interface DashboardAnswer {
  readonly agents: { readonly total: number };
  readonly executions: Readonly<Record<'24h' | '7d' | '30d', RangeItem & CountsItem>>;
}

export function dashboardProblem(answer: unknown, asked: Asked): Problem {
  const { agents, executions } = answer as DashboardAnswer;
  const active = asked.record.activeRanks.length;
  if (asked.isIngesting ? agents.total < active : agents.total !== active) return `${agents.total} agents`;
  const ranges = { '24h': { days: 1, stepMs: minuteMs }, '7d': { days: 7, stepMs: dayMs } } as const;
  for (const [name, range] of Object.entries({ ...ranges, '30d': { days: 30, stepMs: dayMs } })) {
    const item = executions[name as '24h'];
    const span = spanOf(item);
    const wrong = spanProblem(span, asked, range) ?? allProblem(countsOf(item), asked, span);
    if (wrong !== null) return `${name}: ${wrong}`;
  }
  return null;
}

/** Counts of all agents are higher when others than those of the history send events. */
function allProblem(found: ExecutionCounts, { record, isIngesting }: Asked, span: TimeSpan): Problem {
  const wanted = record.counts(null, span);
  const isMore = found.total >= wanted.total && found.failed >= wanted.failed;
  return isIngesting && isMore ? null : difference(found, wanted);
}

interface ListAnswer {
  readonly agents: readonly { readonly agent_id: string; readonly executions_24h: number }[];
}

export function listProblem(answer: unknown, asked: Asked): Problem {
  const { agents } = answer as ListAnswer;
  const wantedAgents = Math.min(100, asked.record.activeRanks.length);
  if (agents.length !== wantedAgents) return `${agents.length} agents`;
  for (const { agent_id: agentId, executions_24h: total } of agents) {
    const rank = Number(/^agent-(\d{4})$/.exec(agentId)?.[1] ?? -1);
    // The minute may have changed between the question and the answer.
    const wanted = [asked.sentMs, asked.answeredMs].map((timeMs) => {
      const toMs = Math.floor(timeMs / minuteMs + 1) * minuteMs;
      return asked.record.counts(rank, { fromMs: toMs - dayMs, toMs }).total;
    });
    if (!wanted.includes(total)) return `${agentId} has ${total} executions instead of ${wanted.join(' or ')}`;
  }
  return null;
}

interface LiveAnswer {
  readonly windows: Readonly<Record<'24h', { readonly total_executions: number }>>;
}

/** A window moves on by slices of up to ten minutes, so its count lies between those of two ranges. */
export function liveProblem(answer: unknown, { record, rank, sentMs, answeredMs }: Asked): Problem {
  const { total_executions: total } = (answer as LiveAnswer).windows['24h'];
  const slackMs = 20 * minuteMs;
  const toMs = Math.ceil(answeredMs / minuteMs) * minuteMs;
  const most = record.counts(rank, { fromMs: Math.floor(sentMs / minuteMs) * minuteMs - dayMs - slackMs, toMs }).total;
  const least = record.counts(rank, { fromMs: toMs - dayMs + slackMs, toMs }).total;
  return total >= least && total <= most ? null : `${total} executions instead of ${least} to ${most}`;
}

function spanOf({ from, to }: RangeItem): TimeSpan {
  return { fromMs: Date.parse(from), toMs: Date.parse(to) };
}

function countsOf(item: CountsItem): ExecutionCounts {
  const { total_executions: total, successful_executions: successful, failed_executions: failed } = item;
  return { total, successful, failed };
}

/** A span has the length asked for and ends with the step in which the request was answered. */
function spanProblem({ fromMs, toMs }: TimeSpan, { sentMs, answeredMs }: Asked, { days, stepMs }: AskedRange): Problem {
  const isRight = toMs - fromMs === days * dayMs && toMs > sentMs - stepMs && toMs <= answeredMs + stepMs;
  return isRight ? null : `the range is ${new Date(fromMs).toISOString()} to ${new Date(toMs).toISOString()}`;
}

function difference(found: unknown, wanted: unknown): Problem {
  const [foundText, wantedText] = [JSON.stringify(found), JSON.stringify(wanted)];
  return foundText === wantedText ? null : `${foundText} instead of ${wantedText}`;
}
