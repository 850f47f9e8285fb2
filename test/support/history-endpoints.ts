import type { PlannedHistory } from './planned-history.js';

export interface HistoryEndpoint {
  readonly path: string;
  /** Asked page by page by `next_cursor`. */
  readonly pages?: true;
}

const tasks = '/api/v1/monitoring/tasks';
const runs = '/api/v1/runs';
const executions = '/api/v1/agents/history';
const statuses = ['pending', 'running', 'completed', 'failed', 'cancelled'];
const groupings = ['category', 'code', 'agent', 'model', 'tool'];
const runStatuses = ['running', 'completed', 'failed', 'cancelled'];
const agents = ['planner', 'writer', 'critic'];
/** Ids whose answers are compared one by one. */
const idsMax = 3;

/** Everything that is asked about a planned history, with the ids that are in it. */
export function historyEndpoints({ runIds, taskIds, patternIds, events }: PlannedHistory): HistoryEndpoint[] {
  const times = events.map(({ ts }) => Number(ts)).sort((a, b) => a - b);
  const from = new Date(times[Math.floor(times.length / 3)]!).toISOString();
  const to = new Date(times[Math.floor((2 * times.length) / 3)]!).toISOString();
  const end = new Date(times.at(-1)! + 1).toISOString();
  const lists = [
    'crew_id=crew-a',
    'agent_id=writer',
    ...statuses.map((status) => `status=${status}`),
    `start_date_from=${from}`,
    `start_date_to=${to}`,
    `start_date_from=${from}&start_date_to=${to}&agent_id=planner`,
    'crew_id=crew-b&status=failed',
    'flow_id=flow-a',
    'engagement_id=engagement-b',
    'user_id=user-c',
    'session_id=session-b',
    `run_id=${runIds.at(-1)}`,
    'error_category=tool',
    'error_text=AFTER%207',
    'offset=5',
  ].map((query): HistoryEndpoint => ({ path: `${tasks}?limit=100&${query}` }));
  return [
    { path: `${tasks}?limit=15`, pages: true },
    { path: `${tasks}?limit=5&status=completed`, pages: true },
    ...lists,
    ...some(taskIds).map((id) => ({ path: `${tasks}/${id}` })),
    { path: `${runs}?limit=5`, pages: true },
    ...['agent_id=writer', 'user_id=user-c', 'crew_id=crew-b', 'error_category=tool', `start_date_from=${from}`].map(
      (query) => ({ path: `${runs}?${query}` }),
    ),
    ...runStatuses.map((status) => ({ path: `${runs}?status=${status}` })),
    { path: `${executions}?limit=100` },
    { path: `${executions}?agent_id=planner&status=completed&skip=1` },
    { path: `${executions}?user_id=user-a` },
    ...some(runIds).flatMap((id): HistoryEndpoint[] => [
      { path: `${runs}/${id}` },
      { path: `${runs}/${id}/timeline?limit=20`, pages: true },
      { path: `/api/v1/agents/logs?run_id=${id}&limit=20`, pages: true },
    ]),
    { path: '/api/v1/failures?limit=15', pages: true },
    { path: `/api/v1/failures?category=tool&agent_id=writer&from=${from}&to=${to}` },
    ...groupings.map((by) => ({
      path: `/api/v1/failures/breakdown?group_by=${by}&limit=3&from=${from}&to=${end}`,
    })),
    { path: '/api/v1/patterns?limit=2', pages: true },
    { path: '/api/v1/patterns?pattern_type=risk&agent_id=writer&min_confidence=0.5' },
    ...patternIds.map((id) => ({ path: `/api/v1/patterns/${id}` })),
    ...agents.flatMap(agentEndpoints),
    { path: '/api/v1/metrics/dashboard' },
  ];
}

/** What is told of work that has not ended and is not heard of any more. */
export const orphanEndpoints: readonly HistoryEndpoint[] = [
  { path: `${tasks}?status=orphaned&limit=2`, pages: true },
  { path: `${tasks}?status=running&limit=100` },
  { path: `${tasks}?limit=100` },
  { path: `${runs}?status=orphaned&limit=2`, pages: true },
  { path: `${runs}?limit=100` },
  { path: `${executions}?status=orphaned` },
];

function agentEndpoints(agent: string): HistoryEndpoint[] {
  const path = `/api/v1/agents/${agent}`;
  return [
    ...['1d', '7d'].flatMap((range) =>
      ['realtime', 'aggregated'].map((type) => ({ path: `${path}/metrics?time_range=${range}&metric_type=${type}` })),
    ),
    { path: `${path}/errors?time_range=7d&metric_type=realtime` },
    { path: `${path}/errors?time_range=7d&metric_type=aggregated` },
    { path: `/api/v1/monitoring${path.slice('/api/v1'.length)}/memory/stats` },
    { path: `${path}/series?metric=executions,failed,success_rate&step=1d` },
  ];
}

/** The first, the last, and some between them. */
function some(ids: readonly string[]): string[] {
  const step = Math.max(1, Math.floor(ids.length / idsMax));
  return ids.filter((_, index) => index % step === 0 || index === ids.length - 1);
}
