import { historyAgentId } from './query-history.js';

/**
 * What the requests of the bench ask, as one writes it over a table of events without rollups: counts, percentiles and
 * sums of the rows, in as few statements as answer it. The raw table's key is the agent and the hour, so a scan reads
 * the agent's rows alone, which is the best such a table can do.
 */

const ended = "type IN ('task.completed', 'task.failed', 'task.cancelled')";
const outcomes = `
  count() AS total, countIf(type = 'task.completed') AS successful, countIf(type = 'task.failed') AS failed`;
const percentiles = 'quantiles(0.5, 0.95, 0.99)(duration_ms) AS percentiles';

const within = (days: number): string => `tenant = 'default' AND ts >= now64(3) - INTERVAL ${days} DAY`;
const ofAgent = (rank: number, days: number): string => `${within(days)} AND agent_id = '${historyAgentId(rank)}'`;

export function agentRowsSql(rank: number, days: number): string {
  return `
    SELECT ${outcomes}, avg(duration_ms), min(duration_ms), max(duration_ms), ${percentiles}
    FROM agent_events_raw_v1
    WHERE ${ofAgent(rank, days)} AND ${ended}`;
}

export function errorRowsSql(rank: number, days: number): string {
  return `
    SELECT error_category, error_code, error_message, count() AS occurrences, min(ts), max(ts)
    FROM agent_events_raw_v1
    WHERE ${ofAgent(rank, days)} AND type = 'task.failed'
    GROUP BY error_category, error_code, error_message
    ORDER BY occurrences DESC
    LIMIT 20`;
}

/**
 * The same with the runs that each affected and how many of its tasks completed later, which our answers tell: what
 * asks for the rows alone joins them with themselves.
 */
export function recoveredErrorRowsSql(rank: number, days: number): string {
  return `
    SELECT
      error_category, error_code, error_message, count() AS occurrences, min(ts), max(ts),
      uniqExact(run_id) AS runs, countIf(completed_at > ts) AS recovered
    FROM agent_events_raw_v1 AS failed
    LEFT JOIN (
      SELECT task_id, max(ts) AS completed_at
      FROM agent_events_raw_v1
      WHERE ${ofAgent(rank, days)} AND type = 'task.completed'
      GROUP BY task_id
    ) AS completed USING (task_id)
    WHERE ${ofAgent(rank, days)} AND type = 'task.failed'
    GROUP BY error_category, error_code, error_message
    ORDER BY occurrences DESC
    LIMIT 20`;
}

export function seriesRowsSql(rank: number, range: { readonly days: number; readonly stepMs: number }): string {
  return `
    SELECT toStartOfInterval(ts, INTERVAL ${range.stepMs / 1_000} SECOND) AS bucket, ${outcomes}, ${percentiles}
    FROM agent_events_raw_v1
    WHERE ${ofAgent(rank, range.days)} AND ${ended}
    GROUP BY bucket
    ORDER BY bucket`;
}

/** The hours of the last day; the agents of the last week. */
export function dashboardRowsSql(): readonly string[] {
  return [
    `SELECT toStartOfHour(ts) AS bucket, ${outcomes} FROM agent_events_raw_v1
    WHERE ${within(1)} AND ${ended} GROUP BY bucket ORDER BY bucket`,
    `SELECT agent_id, ${outcomes}, ${percentiles} FROM agent_events_raw_v1
    WHERE ${within(7)} AND ${ended} GROUP BY agent_id`,
  ];
}

export function listRowsSql(): readonly string[] {
  return [
    `SELECT agent_id, ${outcomes} FROM agent_events_raw_v1
    WHERE ${within(1)} AND ${ended} GROUP BY agent_id ORDER BY agent_id LIMIT 100`,
  ];
}
