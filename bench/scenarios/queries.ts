import { benchKey, CollectorProcess } from '../collector-process.js';
import { LatencyHistogram } from '../latency-histogram.js';

export interface QueriesResult {
  readonly storedEvents: number;
  readonly loadSeconds: number;
  readonly requests: number;
  /** `GET /agents/{id}/metrics?time_range=30d&metric_type=aggregated`, over HTTP, one at a time. */
  readonly aggregatedP50Ms: number | null;
  readonly aggregatedP99Ms: number | null;
}

const agents = 1_000;
const days = 30;
const eventsPerInsert = 1_000_000;
const requestsWarmUp = 20;
const requests = 400;

/** Answers of the read API over a month of history, which is made inside the engine and not from frames. */
export async function measureQueries(options: { readonly events: number }): Promise<QueriesResult> {
  const collector = await CollectorProcess.start();
  try {
    await untilSchema(collector);
    const startedMs = performance.now();
    for (let first = 0; first < options.events; first += eventsPerInsert) {
      await collector.writeAsEngine(historySql(first, Math.min(eventsPerInsert, options.events - first)));
    }
    const loadSeconds = (performance.now() - startedMs) / 1_000;
    const { rows } = await collector.queryOne<{ readonly rows: string }>('SELECT count() AS rows FROM agent_events');
    if (Number(rows) !== options.events) throw new Error(`${rows} of ${options.events} events are stored`);
    const latencies = new LatencyHistogram();
    for (let request = -requestsWarmUp; request < requests; request += 1) {
      const agent = `agent-${(request * 7_919 + 7_919 * requestsWarmUp) % agents}`;
      const sentMs = performance.now();
      const response = await fetch(
        `${collector.url}/api/v1/agents/${agent}/metrics?time_range=30d&metric_type=aggregated`,
        { headers: { authorization: `Bearer ${benchKey}` } },
      );
      const { total_executions: total } = (await response.json()) as { readonly total_executions: number };
      if (!response.ok || total === 0)
        throw new Error(`agent ${agent} answers ${response.status}, ${total} executions`);
      if (request >= 0) latencies.record(performance.now() - sentMs);
    }
    return {
      storedEvents: options.events,
      loadSeconds,
      requests,
      aggregatedP50Ms: latencies.quantile(0.5),
      aggregatedP99Ms: latencies.quantile(0.99),
    };
  } finally {
    await collector.stop();
  }
}

/** The collector accepts events before its engine and schema are there. */
async function untilSchema(collector: CollectorProcess): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await collector.queryOne('SELECT count() AS rows FROM agent_performance_daily');
      return;
    } catch (error) {
      if (tries === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Executions of all agents over the last 30 days: log-normal durations, 5 % failures. */
function historySql(first: number, count: number): string {
  return `
    INSERT INTO agent_events_raw_v1
      (tenant, received, ts, type, agent_id, run_id, task_id, attempt, name, duration_ms, llm_calls, tokens_in,
       tokens_out, cost_micros, confidence, error_category, error_code, error_message)
    SELECT
      'default', now64(3), now64(3) - toIntervalSecond(rand(1) % ${days * 86_400}),
      if(number % 20 = 0, 'task.failed', 'task.completed'), concat('agent-', toString(number % ${agents})),
      concat('run-', toString(intDiv(number, 10))), concat('task-', toString(number)), 1, 'answer',
      exp(randNormal(7, 1)),
      2, rand(2) % 4000, rand(3) % 900, rand(4) % 20000, (rand(5) % 1000) / 1000,
      if(number % 20 = 0, 'tool', ''), if(number % 20 = 0, 'timeout', ''),
      if(number % 20 = 0, 'no answer after 30 s', '')
    FROM numbers(${first}, ${count})`;
}
