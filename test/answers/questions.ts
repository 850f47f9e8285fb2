import { historyEndpoints, orphanEndpoints } from '../support/history-endpoints.js';
import { type AskedTenant, exampleTenant, mainTenant } from './asked-history.js';

export interface Question {
  readonly path: string;
  /** Asked page by page by `next_cursor`. */
  readonly pages?: true;
  /** Names and kinds of values are recorded, not the values: what is told is of the process and the machine. */
  readonly shape?: true;
  /** With the key of the tenant when there is none. */
  readonly key?: 'user' | 'none';
}

const api = '/api/v1';
const agents = ['planner', 'writer', 'critic'];
const dayMs = 86_400_000;

const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
const time = (ms: number) => new Date(ms).toISOString();

/** Everything that is asked of a tenant; what ends with now is asked of times that hold nothing near their edges. */
export function questionsOf(tenant: AskedTenant, baseMs: number): Question[] {
  const history: Question[] = historyEndpoints(tenant as never);
  if (tenant.name === exampleTenant) return exampleQuestions(baseMs);
  if (tenant.name !== mainTenant) return history;
  const user = history.filter(({ path }) => /\/(tasks|runs|failures|logs|history)\b/.test(path));
  return [
    ...history,
    ...user.map((question): Question => ({ ...question, key: 'user' })),
    ...agents.flatMap((agent) => agentQuestions(agent, baseMs)),
    ...listQuestions(tenant, baseMs),
    ...exportQuestions(baseMs),
    ...refusedQuestions(tenant),
  ];
}

/** After a restart with a lease that has run out: live windows come from the store, and open work is orphaned. */
export function laterQuestions(): Question[] {
  return [
    ...orphanEndpoints,
    ...agents.map((agent) => ({ path: `${api}/agents/${agent}/live` })),
    { path: `${api}/flows` },
    { path: `${api}/runs?limit=3`, pages: true },
  ];
}

/** After a finished day was recomputed and a run and a person were erased. */
export function administeredQuestions(baseMs: number, erased: { runId: string; taskId: string }): Question[] {
  const ranges = agents.flatMap((agent) => [
    { path: `${api}/agents/${agent}/metrics?time_range=30d&metric_type=aggregated` },
    { path: `${api}/agents/${agent}/errors?time_range=30d&metric_type=aggregated` },
  ]);
  return [
    ...ranges,
    { path: `${api}/runs/${erased.runId}` },
    { path: `${api}/monitoring/tasks/${erased.taskId}` },
    { path: `${api}/monitoring/tasks?limit=100&user_id=user-b` },
    { path: `${api}/runs?limit=100` },
    { path: `${api}/failures?limit=100&from=${day(baseMs - 30 * dayMs)}` },
    { path: `${api}/monitoring/erasures?limit=5` },
    { path: `${api}/monitoring/erasures?id=user-b` },
    { path: `${api}/maintenance/days?limit=5` },
    { path: `${api}/metrics/dashboard` },
    { path: `${api}/metrics/export?format=ndjson&from=${day(baseMs - 80 * dayMs)}` },
  ];
}

const seriesMetrics = [
  'executions,successful,failed,cancelled,success_rate,error_rate,avg_ms,min_ms',
  'max_ms,p50_ms,p95_ms,p99_ms,llm_calls,tokens_in,tokens_out,tokens',
  'cost_cents,confidence,memory_mb',
];

function agentQuestions(agent: string, baseMs: number): Question[] {
  const path = `${api}/agents/${agent}`;
  const ranges = [
    ...['1d', '7d', '30d', '90d'].map((range) => `time_range=${range}`),
    `from=${day(baseMs - 27 * dayMs)}&to=${day(baseMs - 4 * dayMs)}`,
    `from=${time(baseMs - dayMs)}&to=${time(baseMs)}`,
  ].flatMap((range) => ['realtime', 'aggregated'].map((type) => `${range}&metric_type=${type}`));
  const series = [
    `step=1d&from=${day(baseMs - 80 * dayMs)}&to=${day(baseMs)}`,
    `step=1h&from=${time(baseMs - 6 * dayMs)}&to=${time(baseMs)}`,
    `step=5m&from=${time(baseMs - dayMs)}&to=${time(baseMs)}`,
    `step=1m&from=${time(baseMs - dayMs / 2)}&to=${time(baseMs - dayMs / 12)}`,
  ];
  return [
    ...ranges.map((range) => ({ path: `${path}/metrics?${range}` })),
    ...ranges.map((range) => ({ path: `${path}/errors?${range}&limit=3` })),
    { path: `${api}/agent-studio/agents/${agent}/metrics?time_range=30d` },
    ...series.flatMap((range) => seriesMetrics.map((metric) => ({ path: `${path}/series?metric=${metric}&${range}` }))),
    ...['version', 'model', 'provider', 'environment'].flatMap((by) => [
      { path: `${path}/breakdown?group_by=${by}&time_range=30d` },
      { path: `${path}/breakdown?group_by=${by}&from=${time(baseMs - 6 * dayMs)}&to=${time(baseMs)}&limit=2` },
    ]),
    { path: `${path}/live` },
    { path: `${api}/monitoring/agents/${agent}/memory/stats` },
  ];
}

function listQuestions({ runIds, taskIds }: AskedTenant, baseMs: number): Question[] {
  const all = `from=${day(baseMs - 80 * dayMs)}&to=${day(baseMs)}`;
  const within = `from=${time(baseMs - 6 * dayMs)}&to=${time(baseMs)}`;
  const filters = ['kind=run', 'kind=task', 'kind=step', 'category=model', 'code=timeout', 'agent_id=critic'];
  const grouped = ['category', 'code', 'agent', 'model', 'tool'].flatMap((by) => [
    `group_by=${by}&${all}`,
    `group_by=${by}&${within}&limit=2`,
    `group_by=${by}&${within}&kind=step`,
  ]);
  return [
    { path: `${api}/agents` },
    { path: `${api}/agents?limit=1`, pages: true },
    { path: `${api}/metrics/dashboard` },
    { path: `${api}/agent-studio/metrics/dashboard` },
    { path: `${api}/flows?${all}` },
    { path: `${api}/flows?${within}&limit=1`, pages: true },
    ...['engagement-a', 'engagement-b'].flatMap((id) => [
      { path: `${api}/engagements/${id}/performance?${all}` },
      { path: `${api}/engagements/${id}/performance?${within}` },
    ]),
    ...filters.map((filter) => ({ path: `${api}/failures?limit=100&${all}&${filter}` })),
    { path: `${api}/failures?limit=100&run_id=${runIds[0]}` },
    { path: `${api}/failures?limit=100&task_id=${taskIds[0]}` },
    { path: `${api}/failures?limit=100&name=search&${all}` },
    ...grouped.map((query) => ({ path: `${api}/failures/breakdown?${query}` })),
    ...filters.map((filter) => ({ path: `${api}/failures/breakdown?${within}&${filter}` })),
    ...runIds.flatMap((id) => [{ path: `${api}/runs/${id}` }, { path: `${api}/runs/${id}/timeline?limit=1000` }]),
    ...runIds.map((id) => ({ path: `${api}/agents/logs?run_id=${id}&limit=1000` })),
    ...taskIds.map((id) => ({ path: `${api}/monitoring/tasks/${id}` })),
    ...runIds.map((id) => ({ path: `${api}/monitoring/tasks?run_id=${id}` })),
    { path: `${api}/agents/history?limit=7&skip=3` },
    ...['running', 'completed', 'failed', 'cancelled'].map((status) => ({
      path: `${api}/agents/history?status=${status}`,
    })),
  ];
}

function exportQuestions(baseMs: number): Question[] {
  const all = `from=${day(baseMs - 80 * dayMs)}&to=${day(baseMs)}`;
  return [
    ...['csv', 'json', 'ndjson'].map((format) => ({ path: `${api}/metrics/export?format=${format}&${all}` })),
    { path: `${api}/metrics/export?format=csv&csv_formulas=raw&agent_id=writer&${all}` },
    // The times of receipt are in the file.
    { path: `${api}/metrics/export?format=parquet&${all}`, shape: true },
  ];
}

function exampleQuestions(baseMs: number): Question[] {
  const path = `${api}/agents/api-agent`;
  return [
    { path: '/' },
    { path: `${api}/openapi.json` },
    { path: `${api}/events/schema` },
    { path: `${api}/agents` },
    { path: `${path}/live` },
    { path: `${path}/metrics` },
    { path: `${path}/errors` },
    { path: `${path}/series?step=1h&from=${time(baseMs - dayMs / 4)}&to=${time(baseMs)}` },
    { path: `${api}/monitoring/agents/api-agent/memory/stats` },
    { path: `${api}/engagements/api-engagement/performance?from=${day(baseMs - dayMs)}&to=${day(baseMs)}` },
    { path: `${api}/runs/api-run` },
    { path: `${api}/runs/api-run/timeline` },
    { path: `${api}/agents/logs?run_id=api-run` },
    { path: `${api}/monitoring/tasks/api-task` },
    { path: `${api}/patterns/api-pattern` },
    ...['/health', '/health/deep', '/metrics'].map((own): Question => ({ path: own, shape: true })),
    ...['system/health', 'storage', 'endpoints', 'erasures'].map(
      (own): Question => ({ path: `${api}/monitoring/${own}`, shape: true }),
    ),
    { path: `${api}/maintenance/days`, shape: true },
    { path: `${api}/keys`, shape: true },
    { path: `${api}/audit`, shape: true },
    { path: `${api}/whoami` },
  ];
}

/** Paths, with their parameters in braces, that are not asked by any of these. */
export function unasked(paths: readonly string[], asked: Iterable<string>): string[] {
  const all = [...asked].map((path) => path.replace(/\?.*/, ''));
  return paths.filter((path) => {
    const pattern = new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`);
    return !all.some((one) => pattern.test(one));
  });
}

/** What is refused, and how. */
function refusedQuestions({ runIds }: AskedTenant): Question[] {
  return [
    { path: `${api}/agents/nobody/metrics` },
    { path: `${api}/agents/nobody/series` },
    { path: `${api}/agents/nobody/errors` },
    { path: `${api}/agents/nobody/live` },
    { path: `${api}/agents/nobody/breakdown?group_by=model` },
    { path: `${api}/runs/nothing` },
    { path: `${api}/runs/api-run` },
    { path: `${api}/monitoring/tasks/api-task` },
    { path: `${api}/patterns/api-pattern` },
    { path: `${api}/engagements/nothing/performance` },
    { path: `${api}/agents/logs` },
    { path: `${api}/agents/planner/metrics?time_range=2d` },
    { path: `${api}/agents/planner/metrics?time_range=1d&from=2026-01-01` },
    { path: `${api}/agents/planner/series?metric=speed` },
    { path: `${api}/monitoring/tasks?limit=0` },
    { path: `${api}/monitoring/tasks?status=lost&limit=101&no_such=1` },
    { path: `${api}/runs?cursor=x` },
    { path: `${api}/failures/breakdown?group_by=day` },
    { path: `${api}/metrics/export?from=2026-02-30` },
    { path: `${api}/nothing` },
    { path: `${api}/runs`, key: 'none' },
    { path: `${api}/metrics/dashboard`, key: 'user' },
    { path: `${api}/runs/${runIds[0]}`, key: 'user' },
  ];
}
