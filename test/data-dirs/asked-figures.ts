import type { CollectorProcess } from '../support/collector-process.js';

/** What a data directory is asked for, by the version that filled it and by every later one. */
export type AskedFigures = Readonly<Record<string, readonly object[]>>;

const questions: Readonly<Record<string, string>> = {
  events: 'SELECT type, count() AS events FROM agent_events GROUP BY type ORDER BY type',
  performance: `
    SELECT agent_id, sum(total) AS total, sum(successful) AS successful, sum(failed) AS failed
    FROM agent_performance_daily GROUP BY agent_id ORDER BY agent_id`,
  percentiles: `
    SELECT agent_id, arrayMap(x -> round(x, 3), quantilesTDigestMerge(0.5, 0.95, 0.99)(duration_digest)) AS durations
    FROM agent_duration_digests GROUP BY agent_id ORDER BY agent_id`,
  tasks: 'SELECT status, count() AS tasks FROM agent_task_history GROUP BY status ORDER BY status',
  failures: 'SELECT error_code, count() AS failures FROM agent_failures GROUP BY error_code ORDER BY error_code',
};

export async function askFigures(collector: CollectorProcess): Promise<AskedFigures> {
  const figures: Record<string, readonly object[]> = {};
  for (const [name, sql] of Object.entries(questions)) figures[name] = await collector.query<object>(sql);
  return figures;
}
