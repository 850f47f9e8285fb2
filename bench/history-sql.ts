import type { AskedHistory } from './history-checks.js';
import { sampleOf } from './history-requests.js';

/**
 * What somebody asks who has the events in one table and nothing else: one statement over the raw rows for each kind of
 * request, in which a task is its last event. It tells less than our answer (no merged context, no lease beyond the
 * task's own events, no total), so it is a lower bound of what a table of events alone costs.
 */
export function oneSql(kind: string, asked: AskedHistory): string | null {
  const { index } = asked;
  const sample = sampleOf(asked);
  const byName: Readonly<Record<string, string>> = {
    'tasks, no filter': tasks('1'),
    'tasks, crew_id': tasks(`crew_id = '${sample.task_crew_id}'`),
    'tasks, agent_id': tasks(`agent_id = '${sample.task_agent_id}'`),
    'tasks, user_id': tasks(`user_id = '${sample.task_user_id}'`),
    'tasks, run_id': tasks(`run_id = '${sample.run_id}'`),
    'tasks, session_id': tasks(`session_id = '${sample.task_session_id}'`),
    'tasks, status running': tasks('1', `state = 'task.running' AND heard >= ${leaseStart}`),
    'tasks, status orphaned': tasks('1', `state = 'task.running' AND heard < ${leaseStart}`),
    'tasks, status failed': tasks('1', `state = 'task.failed'`),
    'tasks, error_text, frequent': tasks(`positionCaseInsensitive(error_message, 'RATE limit') > 0`),
    'tasks, error_text, rare': tasks(
      `positionCaseInsensitive(error_message, 'queue position ${(index * 37) % 9_000}') > 0`,
    ),
    'task by id': `SELECT * FROM ${raw} AND task_id = '${sample.task_id}' ORDER BY ts`,
    'run by id': `SELECT * FROM ${raw} AND run_id = '${sample.run_id}' ORDER BY ts`,
    'agents/logs of a run': `SELECT * FROM ${raw} AND run_id = '${sample.run_id}' ORDER BY ts`,
    'timeline, 200 steps': timeline(asked, 200),
    'timeline, 10,000 steps, first page': timeline(asked, 10_000),
    'runs with stats, no filter': `
      SELECT run_id, min(ts), max(ts), argMax(type, ts), uniqExact(task_id), sum(tokens_in)
      FROM ${raw} AND run_id != '' GROUP BY run_id ORDER BY min(ts) DESC LIMIT 20`,
    'failures by category, 30 days': failures('error_category'),
    'failures by code, 30 days': failures('error_code'),
    'failures by agent, 30 days': failures('agent_id'),
  };
  return byName[kind] ?? null;
}

const raw = `agent_events_raw_v1 WHERE tenant = 'default'`;
const leaseStart = `now() - toIntervalMinute(5)`;

function tasks(where: string, having = '1'): string {
  return `
    SELECT
      task_id, min(ts) AS start, max(received) AS heard, argMax(type, ts) AS state, any(agent_id), any(run_id),
      max(tokens_in), max(tokens_out), argMax(error_category, ts), argMax(error_message, ts)
    FROM ${raw} AND type IN ('task.pending', 'task.running', 'task.completed', 'task.failed', 'task.cancelled')
      AND ${where}
    GROUP BY task_id HAVING ${having} ORDER BY start DESC LIMIT 20`;
}

function timeline({ record, index }: AskedHistory, steps: number): string {
  const fitting = record.longRuns.filter((run) => run.steps === steps);
  const runId = fitting[index % fitting.length]?.runId ?? '';
  return `
    SELECT task_id, step_id, attempt, min(ts) AS start, max(ts), argMax(type, ts), any(name), max(tokens_in)
    FROM ${raw} AND run_id = '${runId}'
    GROUP BY task_id, step_id, attempt ORDER BY start LIMIT 1000`;
}

function failures(column: string): string {
  return `
    SELECT ${column} AS value, count(), uniqExact(agent_id), max(ts), any(error_message)
    FROM ${raw} AND type IN ('run.failed', 'task.failed', 'step.failed') AND ts >= now() - toIntervalDay(30)
    GROUP BY value ORDER BY count() DESC LIMIT 100`;
}
