/** The views that people query: their names and columns are a contract, see `docs/clickhouse.md`. */
export const contractViews = [
  'agent_discovered_patterns',
  'agent_duration_digests',
  'agent_errors_daily',
  'agent_events',
  'agent_failures',
  'agent_memory_daily',
  'agent_performance_daily',
  'agent_performance_minutely',
  'agent_runs',
  'agent_steps',
  'agent_task_history',
] as const;
