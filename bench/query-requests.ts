import {
  type Asked,
  dashboardProblem,
  errorsProblem,
  listProblem,
  liveProblem,
  metricsProblem,
  seriesProblem,
} from './query-checks.js';
import { historyAgentId } from './query-history.js';
import {
  agentRowsSql,
  dashboardRowsSql,
  errorRowsSql,
  listRowsSql,
  recoveredErrorRowsSql,
  seriesRowsSql,
} from './rows-sql.js';

/** One kind of request whose latency is measured. */
export interface QueryKind {
  readonly name: string;
  /** As `GET /` lists it: a kind whose route is not there is skipped. */
  readonly route: string;
  /** The 99th percentile it may have with one client and no ingest; null when none was set. */
  readonly budgetMs: number | null;
  readonly path: (rank: number) => string;
  /** The same question as peers ask it: statements over the raw rows. None where there is no such way. */
  readonly rowsSql: (rank: number) => readonly string[];
  /** All that the answer tells, in the same way; absent: `rowsSql` is all of it. */
  readonly allRowsSql?: (rank: number) => readonly string[];
  /** What is wrong with an answer; null when nothing is. */
  readonly problem: (answer: unknown, asked: Asked) => string | null;
}

const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 86_400_000;

export const queryKinds: readonly QueryKind[] = [
  metrics('aggregated', 7, null),
  metrics('aggregated', 30, 25),
  metrics('aggregated', 90, 60),
  metrics('realtime', 1, 150),
  metrics('realtime', 7, null),
  metrics('realtime', 30, 500),
  metrics('realtime', 90, null),
  {
    name: 'dashboard',
    route: '/api/v1/metrics/dashboard',
    budgetMs: 150,
    path: () => '/api/v1/metrics/dashboard',
    rowsSql: dashboardRowsSql,
    problem: dashboardProblem,
  },
  errors('aggregated', 30),
  errors('realtime', 7),
  errors('realtime', 30),
  series('1h', hourMs, 7),
  series('1d', dayMs, 90),
  series('1m', minuteMs, 1),
  {
    name: 'agent list, 100 of them',
    route: '/api/v1/agents',
    budgetMs: null,
    path: () => '/api/v1/agents?limit=100',
    rowsSql: listRowsSql,
    problem: listProblem,
  },
  {
    name: 'live windows of an agent',
    route: '/api/v1/agents/{agent_id}/live',
    budgetMs: null,
    path: (rank) => `/api/v1/agents/${historyAgentId(rank)}/live`,
    rowsSql: () => [],
    problem: liveProblem,
  },
];

/** Whether each agent has an answer of its own. */
export function asksForAgent({ path }: QueryKind): boolean {
  return path(0) !== path(1);
}

type MetricType = 'aggregated' | 'realtime';

function metrics(type: MetricType, days: number, budgetMs: number | null): QueryKind {
  return {
    name: `metrics, ${type} ${days}d`,
    route: '/api/v1/agents/{agent_id}/metrics',
    budgetMs,
    path: (rank) => `/api/v1/agents/${historyAgentId(rank)}/metrics?time_range=${days}d&metric_type=${type}`,
    rowsSql: (rank) => [agentRowsSql(rank, days)],
    allRowsSql: (rank) => [agentRowsSql(rank, days), recoveredErrorRowsSql(rank, days)],
    problem: (answer, asked) => metricsProblem(answer, asked, { days, stepMs: stepOf(type) }),
  };
}

function errors(type: MetricType, days: number): QueryKind {
  return {
    name: `errors, ${type} ${days}d`,
    route: '/api/v1/agents/{agent_id}/errors',
    budgetMs: null,
    path: (rank) => `/api/v1/agents/${historyAgentId(rank)}/errors?time_range=${days}d&metric_type=${type}`,
    rowsSql: (rank) => [errorRowsSql(rank, days)],
    allRowsSql: (rank) => [recoveredErrorRowsSql(rank, days)],
    problem: (answer, asked) => errorsProblem(answer, asked, { days, stepMs: stepOf(type) }),
  };
}

function series(step: string, stepMs: number, days: number): QueryKind {
  const metric = 'executions,failed,success_rate,p95_ms';
  return {
    name: `series, ${step} over ${days}d`,
    route: '/api/v1/agents/{agent_id}/series',
    budgetMs: null,
    path: (rank) => {
      const from = new Date(Math.ceil(Date.now() / stepMs) * stepMs - days * dayMs).toISOString();
      return `/api/v1/agents/${historyAgentId(rank)}/series?metric=${metric}&step=${step}&from=${from}`;
    },
    rowsSql: (rank) => [seriesRowsSql(rank, { days, stepMs })],
    problem: (answer, asked) => seriesProblem(answer, asked, { days, stepMs }),
  };
}

function stepOf(type: MetricType): number {
  return type === 'realtime' ? minuteMs : dayMs;
}
