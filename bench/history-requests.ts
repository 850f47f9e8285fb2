import {
  type AskedHistory,
  breakdownProblem,
  type Checked,
  deepPageProblem,
  executionsProblem,
  logsProblem,
  type Problem,
  runProblem,
  runsProblem,
  taskProblem,
  tasksProblem,
  timelineProblem,
} from './history-checks.js';
import type { GroupColumn, TaskRecord } from './run-record.js';

/** One kind of request whose latency is measured. */
export interface HistoryKind {
  readonly name: string;
  /** As `GET /` lists it: a kind whose route is not there is skipped. */
  readonly route: string;
  /** Wanted of the 99th percentile beside ingest, ms; null when nothing is. */
  readonly budgetMs: number | null;
  /** Of the n-th request: another task, run, person … each time, as far as there are others. */
  readonly path: (asked: AskedHistory) => string;
  /** What is wrong with an answer; null when nothing is. */
  readonly problem: (body: unknown, asked: Checked) => Problem;
}

export const pageLimit = 20;
export const tasksPath = '/api/v1/monitoring/tasks';
const listMs = 100;
const itemMs = 50;
const dayMs = 86_400_000;
const categories = ['tool', 'model', 'retrieval', 'orchestration', 'infra', 'guardrail', 'user'] as const;

export const historyKinds: readonly HistoryKind[] = [
  tasks('no filter', () => ''),
  grouped('crew_id', 'task_crew_id', 'crew_id'),
  grouped('agent_id', 'task_agent_id', 'agent_id'),
  grouped('flow_id', 'task_flow_id', 'flow_id'),
  grouped('engagement_id', 'task_engagement_id', 'engagement_id'),
  grouped('user_id', 'task_user_id', 'user_id'),
  tasks('run_id', (asked) => `run_id=${sampleOf(asked).run_id}`, {
    wanted: (asked) => ({ run_id: sampleOf(asked).run_id }),
  }),
  tasks('session_id', (asked) => `session_id=${sampleOf(asked).task_session_id}`, {
    wanted: (asked) => ({ session_id: sampleOf(asked).task_session_id }),
  }),
  ...(['pending', 'running', 'completed', 'failed', 'cancelled', 'orphaned'] as const).map((status) =>
    tasks(`status ${status}`, () => `status=${status}${isOpen(status) ? '' : `&${untilFar()}`}`, {
      wanted: () => ({ state: status }),
      least: ({ record }) => record.tasksBy.state.get(status === 'orphaned' ? 'open' : status) ?? 0,
    }),
  ),
  tasks('error_category', ({ index }) => `error_category=${categories[index % categories.length]}&${untilFar()}`, {
    wanted: ({ index }) => ({ error_category: categories[index % categories.length] ?? '' }),
  }),
  tasks('dates, a day', (asked) => {
    const { fromMs, toMs } = dayOf(asked);
    return `start_date_from=${new Date(fromMs).toISOString()}&start_date_to=${new Date(toMs).toISOString()}`;
  }),
  tasks('error_text, frequent', () => `error_text=${inOtherCase('RATE limit')}`, {
    wanted: () => ({ error_code: 'rate_limited' }),
  }),
  tasks('error_text, frequent, asked again', () => 'error_text=RATE+limit', {
    wanted: () => ({ error_code: 'rate_limited' }),
  }),
  tasks('error_text, rare', ({ index }) => `error_text=queue+position+${(index * 37) % 9_000}`, {
    wanted: () => ({ error_code: 'overloaded' }),
  }),
  tasks('two filters', (asked) => `agent_id=${sampleOf(asked).task_agent_id}&status=failed`, {
    wanted: (asked) => ({ agent_id: sampleOf(asked).task_agent_id, state: 'failed' }),
    budgetMs: null,
  }),
  tasks('100 tasks, no filter', () => '', { limit: 100, budgetMs: null }),
  {
    name: 'tasks, deep page by cursor',
    route: tasksPath,
    budgetMs: 150,
    path: ({ cursors, index }) => `${tasksPath}?limit=${pageLimit}&cursor=${cursors[index % cursors.length]}`,
    problem: deepPageProblem,
  },
  {
    name: 'task by id',
    route: `${tasksPath}/{task_id}`,
    budgetMs: itemMs,
    path: (asked) => `${tasksPath}/${sampleOf(asked).task_id}`,
    problem: (body, asked) => taskProblem(body, sampleOf(asked)),
  },
  {
    name: 'run by id',
    route: '/api/v1/runs/{run_id}',
    budgetMs: itemMs,
    path: (asked) => `/api/v1/runs/${sampleOf(asked).run_id}`,
    problem: (body, asked) => runProblem(body, sampleOf(asked)),
  },
  runs('no filter', () => ''),
  runs('agent_id', (asked) => `?agent_id=${sampleOf(asked).run_agent_id}`),
  runs('user_id', (asked) => `?user_id=${sampleOf(asked).task_user_id}`),
  runs('status failed', () => '?status=failed'),
  timeline('200 steps', 80, 200),
  timeline('10,000 steps, first page', null, 10_000),
  {
    name: 'agents/history of an agent',
    route: '/api/v1/agents/history',
    budgetMs: null,
    path: (asked) => `/api/v1/agents/history?agent_id=${sampleOf(asked).run_agent_id}`,
    problem: executionsProblem,
  },
  {
    name: 'agents/logs of a run',
    route: '/api/v1/agents/logs',
    budgetMs: null,
    path: (asked) => `/api/v1/agents/logs?run_id=${sampleOf(asked).run_id}`,
    problem: logsProblem,
  },
  ...(['category', 'code', 'agent', 'model', 'tool'] as const).map((groupBy) => breakdown(groupBy)),
];

let asked = 0;

/** Lists of what ended are remembered while no task changes: what is to be measured is asked otherwise each time. */
function inOtherCase(text: string): string {
  asked += 1;
  let bits = asked;
  const other = text.toLowerCase().replaceAll(/[a-z]/g, (letter) => {
    const told = bits % 2 === 1 ? letter.toUpperCase() : letter;
    bits = Math.floor(bits / 2);
    return told;
  });
  return encodeURIComponent(other);
}

function untilFar(): string {
  asked += 1;
  return `start_date_to=${new Date(Date.UTC(2100, 0, 1) + asked).toISOString()}`;
}

function isOpen(status: string): boolean {
  return status === 'pending' || status === 'running' || status === 'orphaned';
}

interface TaskListChecks {
  readonly wanted?: (asked: AskedHistory) => Readonly<Record<string, string>>;
  /** Tasks of the history that match at the least; default 0. */
  readonly least?: (asked: AskedHistory) => number;
  readonly limit?: number;
  readonly budgetMs?: number | null;
}

function tasks(name: string, query: (asked: AskedHistory) => string, checks: TaskListChecks = {}): HistoryKind {
  const { limit = pageLimit, wanted, least } = checks;
  return {
    name: `tasks, ${name}`,
    route: tasksPath,
    budgetMs: checks.budgetMs === undefined ? listMs : checks.budgetMs,
    path: (asked) => `${tasksPath}?limit=${limit}${query(asked) === '' ? '' : `&${query(asked)}`}`,
    problem: (body, asked) => tasksProblem(body, { wanted: wanted?.(asked) ?? {}, least: least?.(asked) ?? 0, limit }),
  };
}

/** A filter by a column of which the record knows how many tasks each value has. */
function grouped(parameter: string, column: Exclude<GroupColumn, 'state'>, field: string): HistoryKind {
  return tasks(parameter, (asked) => `${parameter}=${sampleOf(asked)[column]}`, {
    wanted: (asked) => ({ [field]: sampleOf(asked)[column] }),
    least: (asked) => asked.record.tasksBy[column].get(sampleOf(asked)[column]) ?? 0,
  });
}

function runs(name: string, query: (asked: AskedHistory) => string): HistoryKind {
  return {
    name: `runs with stats, ${name}`,
    route: '/api/v1/runs',
    budgetMs: null,
    path: (asked) => `/api/v1/runs${query(asked)}`,
    problem: runsProblem,
  };
}

function timeline(name: string, budgetMs: number | null, steps: number): HistoryKind {
  const runOf = ({ record, index }: AskedHistory): string => {
    const fitting = record.longRuns.filter((run) => run.steps === steps);
    return fitting[index % fitting.length]?.runId ?? '';
  };
  return {
    name: `timeline, ${name}`,
    route: '/api/v1/runs/{run_id}/timeline',
    budgetMs,
    path: (asked) => `/api/v1/runs/${runOf(asked)}/timeline`,
    problem: (body) => timelineProblem(body, steps),
  };
}

function breakdown(groupBy: string): HistoryKind {
  return {
    name: `failures by ${groupBy}, 30 days`,
    route: '/api/v1/failures/breakdown',
    budgetMs: 200,
    path: () => {
      const from = new Date(Date.now() - 30 * dayMs).toISOString();
      return `/api/v1/failures/breakdown?group_by=${groupBy}&from=${from}`;
    },
    problem: (body, asked) => breakdownProblem(body, asked, groupBy),
  };
}

export function sampleOf({ record, index }: Pick<AskedHistory, 'record' | 'index'>): TaskRecord {
  const sample = record.samples[index % record.samples.length];
  if (sample === undefined) throw new Error('the history has no task');
  return sample;
}

/** A whole day of the history, another each time. */
function dayOf({ record, index }: AskedHistory): { readonly fromMs: number; readonly toMs: number } {
  const { endMs, days } = record.options;
  const toMs = endMs - (index % Math.max(1, days - 1)) * dayMs;
  return { fromMs: toMs - dayMs, toMs };
}
