import { parseArgs } from 'node:util';
import { answerHelp } from '../src/cli/help.js';
import { describeMachine } from './bench-report.js';
import { benchKey, CollectorProcess } from './collector-process.js';
import { untilHealthy } from './history-store.js';
import { LatencyHistogram } from './latency-histogram.js';
import { startLoad } from './load.js';
import { readTree } from './process-usage.js';
import { saveResults } from './result-file.js';

const usage = 'usage: bench:finalization [--events 1000000] [--agents 1000] [--rate 20000]\n';

/**
 * `npm run bench:finalization [-- --events 1000000 --agents 1000 --rate 20000]`
 *
 * How long the finalization of a day takes, what it costs, and what agents notice: alone, beside a steady ingest, and
 * beside it when every agent of the day has to be repaired. The counts are checked afterwards; a wrong one makes the
 * bench void, with exit code 1.
 */
interface Finalization {
  readonly name: string;
  readonly wallSeconds: number;
  /** Of collector and engine; beside ingest, that of ingest is in it. */
  readonly cpuSeconds: number;
  readonly agentsRepaired: number;
  readonly ackP50Ms: number | null;
  readonly ackP99Ms: number | null;
  readonly engineRssPeakBytes: number;
}

interface Setting {
  readonly events: number;
  readonly agents: number;
  /** Events per second beside the finalization. */
  readonly rate: number;
}

const eventsPerInsert = 100_000;

async function main(): Promise<void> {
  answerHelp(usage);
  const { values } = parseArgs({
    options: {
      events: { type: 'string', default: '1000000' },
      agents: { type: 'string', default: '1000' },
      rate: { type: 'string', default: '20000' },
    },
  });
  const setting = { events: Number(values.events), agents: Number(values.agents), rate: Number(values.rate) };
  const collector = await CollectorProcess.start({ settings: { TIDEMARK_MAINTENANCE_SCHEDULE: 'off' } });
  try {
    await loadDay(collector, setting);
    const runs = [
      await measure(collector, setting, { name: 'equal, no ingest', rate: 0 }),
      await measure(collector, setting, { name: 'equal, beside ingest', rate: setting.rate }),
    ];
    await collector.writeAsEngine('DELETE FROM agent_performance_per_day_v1 WHERE day = yesterday()');
    runs.push(await measure(collector, setting, { name: 'every agent repaired, beside ingest', rate: setting.rate }));
    for (const run of runs) process.stdout.write(`${describe(run)}\n`);
    const path = saveResults('finalization', { machine: describeMachine(), setting, runs });
    process.stderr.write(`written to ${path}\n`);
  } finally {
    await collector.stop();
  }
}

async function loadDay(collector: CollectorProcess, { events, agents }: Setting): Promise<void> {
  await untilHealthy(collector);
  for (let first = 0; first < events; first += eventsPerInsert) {
    await collector.writeAsEngine(daySql(first, Math.min(eventsPerInsert, events - first), agents));
  }
}

async function measure(
  collector: CollectorProcess,
  { events, agents }: Setting,
  { name, rate }: { readonly name: string; readonly rate: number },
): Promise<Finalization> {
  const load = rate === 0 ? null : startLoad(collector, { format: 'positional', rate, seconds: 600 });
  await load?.begun();
  if (load !== null) await new Promise((resolve) => setTimeout(resolve, 2_000));
  const cpuBeforeMs = collector.cpuMs();
  const startedMs = performance.now();
  const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  const response = await fetch(`${collector.url}/api/v1/maintenance/days/${yesterday}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${benchKey}` },
  });
  const wallSeconds = (performance.now() - startedMs) / 1_000;
  const cpuSeconds = (collector.cpuMs() - cpuBeforeMs) / 1_000;
  const answer = (await response.json()) as { readonly events: number; readonly agents_repaired: number };
  const report = await load?.stop();
  const acks = report === undefined ? null : LatencyHistogram.fromPairs(report.ackPairs);
  const stored = await collector.queryOne<{ readonly days: string; readonly agents: string }>(
    'SELECT sum(events) AS days, uniqExact(agent_id) AS agents FROM agent_performance_daily WHERE day = yesterday()',
  );
  if (!response.ok || answer.events !== events || Number(stored.days) !== events || Number(stored.agents) !== agents) {
    throw new Error(`${name}: ${JSON.stringify({ status: response.status, answer, stored })}`);
  }
  return {
    name,
    wallSeconds,
    cpuSeconds,
    agentsRepaired: answer.agents_repaired,
    ackP50Ms: acks?.quantile(0.5) ?? null,
    ackP99Ms: acks?.quantile(0.99) ?? null,
    engineRssPeakBytes: readTree(collector.pid)
      .slice(1)
      .reduce((sum, { rssPeakBytes }) => sum + rssPeakBytes, 0),
  };
}

/** Half of the events are executions, a tenth of those fail; all of yesterday, with ids, received soon after. */
function daySql(first: number, count: number, agents: number): string {
  return `
    INSERT INTO agent_events_raw_v1
      (tenant, received, ts, type, event_id, agent_id, agent_name, run_id, task_id, attempt, name, duration_ms,
       llm_calls, tokens_in, tokens_out, cost_micros, confidence, memory_mb, error_category, error_code, error_message)
    SELECT
      'default', at + toIntervalMillisecond(rand(2) % 3000), at, kind, toString(generateUUIDv4()),
      concat('agent-', toString(number % ${agents})), concat('Agent ', toString(number % ${agents})),
      concat('run-', toString(intDiv(number, 10))), concat('task-', toString(number)), 1, 'answer',
      exp(randNormal(7, 1)), 2, rand(3) % 4000, rand(4) % 900, rand(5) % 20000, (rand(6) % 1000) / 1000, rand(7) % 512,
      if(kind = 'task.failed', 'tool', ''), if(kind = 'task.failed', 'timeout', ''),
      if(kind = 'task.failed', concat('no answer after ', toString(rand(8) % 100), ' s'), '')
    FROM (
      SELECT
        number, toDateTime64(yesterday(), 3, 'UTC') + toIntervalMillisecond(rand64(1) % 86400000) AS at,
        multiIf(rand(9) % 20 = 0, 'task.failed', rand(9) % 20 < 10, 'task.completed', 'step.completed') AS kind
      FROM numbers(${first}, ${count})
    )`;
}

function describe(run: Finalization): string {
  const ack = run.ackP99Ms === null ? '' : `, ack p50 ${run.ackP50Ms} ms p99 ${run.ackP99Ms} ms`;
  const memory = `engine at most ${Math.round(run.engineRssPeakBytes / 1_048_576)} MiB`;
  const times = `${run.wallSeconds.toFixed(1)} s, ${run.cpuSeconds.toFixed(1)} CPU-s`;
  return `${run.name}: ${times}, ${run.agentsRepaired} agents repaired${ack}, ${memory}`;
}

await main();
