import type { ApiTag } from '../core/api-operation.js';

/** What the description of the API says of each group, in the order it lists them. */
export const tagMeanings: Readonly<Record<ApiTag, string>> = {
  ingest: 'Events in.',
  agents: 'Agents that events were received of.',
  metrics: 'Executions, durations, success rates and usage over time.',
  tasks: 'Tasks in their latest state.',
  runs: 'Runs in their latest state, and what happened in them.',
  failures: 'What fails, how often, and what it costs.',
  patterns: 'Patterns that agents observed, and feedback on them.',
  live: 'Events as they arrive.',
  monitoring: 'The collector itself.',
  administration: 'Repair, retention and erasure.',
};

/** What a parameter means wherever it occurs; the schema of an endpoint may say it more exactly. */
export const parameterMeanings: Readonly<Record<string, string>> = {
  agent_id: 'Id of an agent.',
  crew_id: 'Id of a crew.',
  cursor: 'The next_cursor of an earlier answer to the same question.',
  day: 'A UTC day that is over.',
  engagement_id: 'Id of an engagement.',
  error_category: 'Category of the failure.',
  error_text: 'A part of the error message.',
  flow_id: 'Id of a flow.',
  format: 'Format of the file.',
  from: 'Begin of the range: a UTC date or an RFC 3339 time.',
  limit: 'Rows of a page, at most.',
  metric: 'Metrics of a point, separated by commas.',
  metric_type: 'realtime reads whole minutes, aggregated whole UTC days.',
  offset: 'Rows to skip; further on, the cursor is the way.',
  pattern_id: 'Id of a pattern.',
  run_id: 'Id of a run.',
  session_id: 'Id of a session.',
  skip: 'Rows to skip.',
  start_date_from: 'Tasks that started at this time or later: a UTC date or an RFC 3339 time.',
  start_date_to: 'Tasks that started at this time or earlier: a UTC date, its whole day, or an RFC 3339 time.',
  status: 'State.',
  step: 'Length of a bucket.',
  task_id: 'Id of a task.',
  time_range: 'The last 1, 7, 30 or 90 days; 7d unless from is given. Not together with from and to.',
  to: 'End of the range: a UTC date, its whole day, or an RFC 3339 time; now unless given.',
  user_id: 'Id of a user.',
  window: 'Rolling window that ends now.',
};
