import type { HistoryRecord } from './history-record.js';
import { historyAgentId } from './query-history.js';

/** One kind of request whose latency is measured. */
export interface QueryKind {
  readonly name: string;
  /** As `GET /` lists it: a kind whose route is not there is skipped. */
  readonly route: string;
  /** The 99th percentile it may have with one client and no ingest; null when none was set. */
  readonly budgetMs: number | null;
  readonly path: (rank: number) => string;
  /** What is wrong with an answer; null when nothing is. */
  readonly problem: (answer: unknown, asked: Asked) => string | null;
}

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

const minuteMs = 60_000;
const dayMs = 86_400_000;

export const queryKinds: readonly QueryKind[] = [
  metrics('aggregated', 30, 25),
  metrics('aggregated', 90, 60),
  metrics('realtime', 1, 150),
  metrics('realtime', 7, null),
  metrics('realtime', 30, 500),
  metrics('realtime', 90, null),
  {
    name: 'agent list, 100 of them',
    route: '/api/v1/agents',
    budgetMs: null,
    path: () => '/api/v1/agents?limit=100',
    problem: listProblem,
  },
  {
    name: 'live windows of an agent',
    route: '/api/v1/agents/{agent_id}/live',
    budgetMs: null,
    path: (rank) => `/api/v1/agents/${historyAgentId(rank)}/live`,
    problem: liveProblem,
  },
];

interface MetricsAnswer {
  readonly from: string;
  readonly to: string;
  readonly total_executions: number;
  readonly successful_executions: number;
  readonly failed_executions: number;
}

function metrics(type: 'aggregated' | 'realtime', days: number, budgetMs: number | null): QueryKind {
  return {
    name: `metrics, ${type} ${days}d`,
    route: '/api/v1/agents/{agent_id}/metrics',
    budgetMs,
    path: (rank) => `/api/v1/agents/${historyAgentId(rank)}/metrics?time_range=${days}d&metric_type=${type}`,
    problem: (answer, asked) => {
      const { from, to, ...rest } = answer as MetricsAnswer;
      const span = { fromMs: Date.parse(from), toMs: Date.parse(to) };
      const stepMs = type === 'realtime' ? minuteMs : dayMs;
      if (!isSpanOf(span, days * dayMs, { asked, stepMs })) return `the range is ${from} to ${to}`;
      const found = {
        total: rest.total_executions,
        successful: rest.successful_executions,
        failed: rest.failed_executions,
      };
      return difference(found, asked.record.counts(asked.rank, span));
    },
  };
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Whether a span has the length asked for and ends with the step in which the request was answered. */
function isSpanOf({ fromMs, toMs }: Span, lengthMs: number, { asked, stepMs }: SpanCheck): boolean {
  return toMs - fromMs === lengthMs && toMs > asked.sentMs - stepMs && toMs <= asked.answeredMs + stepMs;
}

interface SpanCheck {
  readonly asked: Asked;
  readonly stepMs: number;
}

function difference(found: object, wanted: object): string | null {
  const [foundText, wantedText] = [JSON.stringify(found), JSON.stringify(wanted)];
  return foundText === wantedText ? null : `${foundText} instead of ${wantedText}`;
}

interface ListAnswer {
  readonly agents: readonly { readonly agent_id: string; readonly executions_24h: number }[];
}

function listProblem(answer: unknown, asked: Asked): string | null {
  const { agents } = answer as ListAnswer;
  if (agents.length !== 100) return `${agents.length} agents`;
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
function liveProblem(answer: unknown, { record, rank, sentMs, answeredMs }: Asked): string | null {
  const { total_executions: total } = (answer as LiveAnswer).windows['24h'];
  const slackMs = 20 * minuteMs;
  const toMs = Math.ceil(answeredMs / minuteMs) * minuteMs;
  const most = record.counts(rank, { fromMs: Math.floor(sentMs / minuteMs) * minuteMs - dayMs - slackMs, toMs }).total;
  const least = record.counts(rank, { fromMs: toMs - dayMs + slackMs, toMs }).total;
  return total >= least && total <= most ? null : `${total} executions instead of ${least} to ${most}`;
}
