import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openChdbEngine } from '../../src/clickhouse/embedded/chdb-engine.js';
import { singleValuesMax } from '../../src/core/percentile.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';

const seed = testSeed(8);
const directory = mkdtempSync(join(tmpdir(), 'tidemark-one-percentile-'));
const collector = new CollectorProcess({ dataDir: join(directory, 'data') });

const dayColumns = ['p50_duration_ms', 'p95_duration_ms', 'p99_duration_ms'];

interface Percentiles {
  readonly p50_ms: number | null;
  readonly p95_ms: number | null;
  readonly p99_ms: number | null;
}

const counts = [1, 2, 10, 40, singleValuesMax, 10_000];
const random = seededRandom(seed);
/** Milliseconds with three decimals, as clients report them; the ten are the round ones. */
const durations = new Map(
  counts.map((count) => [
    `agent-${count}`,
    count === 10
      ? Array.from({ length: 10 }, (_, index) => 100 * (10 - index))
      : Array.from({ length: count }, () => Math.round(1e3 * Math.exp(4 + 3 * random())) / 1e3),
  ]),
);
/** All of a set are of one instant, so that they are of one minute and one day. */
const ts = Date.now();
const day = new Date(ts).toISOString().slice(0, 10);

beforeAll(async () => {
  await collector.start();
  let sent = 0;
  for (const [agent, values] of durations) {
    const events = values.flatMap((duration_ms, index) => [
      { type: 'task.completed', agent_id: agent, task_id: `t${index}`, engagement_id: agent, duration_ms, ts },
      ...(values.length > singleValuesMax
        ? []
        : [{ type: 'run.completed', agent_id: agent, run_id: `${agent}-${index}`, flow_id: agent, duration_ms, ts }]),
    ]);
    // Several frames a set, so that its digest is merged from more than one.
    for (let from = 0; from < events.length; from += 1_500) await send(events.slice(from, from + 1_500));
    sent += events.length;
  }
  await collector.untilStored(sent);
});

afterAll(async () => {
  await collector.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function send(events: readonly object[]): Promise<void> {
  const response = await fetch(`${collector.url}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(events),
  });
  expect([response.status, await response.json()]).toMatchObject([202, { rejected: 0 }]);
}

/** The p50, p95 and p99 of an agent by every way there is, by the name of the way. */
async function everyWay(agent: string): Promise<Map<string, Percentiles>> {
  const path = `/api/v1/agents/${agent}`;
  const ways = new Map<string, Percentiles>();
  const live = await collector.get<{ windows: Record<string, { execution_times: Percentiles }> }>(`${path}/live`);
  for (const window of ['1h', '24h']) ways.set(`live ${window}`, percentilesOf(live.windows[window]!.execution_times));
  // The day of the events may be over by now, and one aggregated day is today.
  for (const [type, range] of [
    ['realtime', '1d'],
    ['aggregated', '7d'],
  ] as const) {
    const metrics = `${path}/metrics?time_range=${range}&metric_type=${type}`;
    ways.set(type, percentilesOf((await collector.get<{ execution_times: Percentiles }>(metrics)).execution_times));
  }
  ways.set('series of days', await seriesOf(path, '1d'));
  ways.set('series of hours', await seriesOf(path, '1h'));
  const columns = 'p50_duration_ms AS p50_ms, p95_duration_ms AS p95_ms, p99_duration_ms AS p99_ms';
  for (const view of ['agent_performance_daily', 'agent_performance_minutely']) {
    const [row] = await collector.query<Percentiles>(`SELECT ${columns} FROM ${view} WHERE agent_id = '${agent}'`);
    ways.set(view, row!);
  }
  const [digest] = await collector.query<{ p: number[] }>(`
    SELECT quantilesTDigestMerge(0.5, 0.95, 0.99)(duration_digest) AS p
    FROM agent_duration_digests WHERE agent_id = '${agent}'`);
  ways.set('agent_duration_digests', percentilesFrom(digest!.p));
  for (const format of ['csv', 'json', 'ndjson', 'parquet'])
    ways.set(`${format} export`, await exportOf(agent, format));
  const metrics = await collector.metrics();
  const quantile = (level: string) => {
    const labels = `tenant="default",agent_id="${agent}",window="1h",quantile="${level}"`;
    return 1_000 * (metrics.get(`agent_execution_duration_quantile_seconds{${labels}}`) ?? Number.NaN);
  };
  // Seconds are a thousandth, which a double does not always give back to the last digit.
  ways.set(
    'Prometheus',
    percentilesFrom(['0.5', '0.95', '0.99'].map((level) => Number(quantile(level).toPrecision(12)))),
  );
  return ways;
}

function percentilesOf({ p50_ms, p95_ms, p99_ms }: Percentiles): Percentiles {
  return { p50_ms, p95_ms, p99_ms };
}

function percentilesFrom([p50_ms = null, p95_ms = null, p99_ms = null]: readonly (number | null)[]): Percentiles {
  return { p50_ms, p95_ms, p99_ms };
}

interface Series {
  readonly points: readonly Percentiles[];
}

async function seriesOf(path: string, step: string): Promise<Percentiles> {
  const { points } = await collector.get<Series>(`${path}/series?metric=p50_ms,p95_ms,p99_ms&step=${step}`);
  return percentilesOf(points.find(({ p50_ms }) => p50_ms !== null)!);
}

async function exportOf(agent: string, format: string): Promise<Percentiles> {
  const response = await fetch(
    `${collector.url}/api/v1/metrics/export?format=${format}&agent_id=${agent}&from=${day}&to=${day}`,
    { headers: { authorization: `Bearer ${testKey}` } },
  );
  const columns = dayColumns;
  if (format === 'parquet') return parquetPercentiles(Buffer.from(await response.arrayBuffer()), columns);
  const text = await response.text();
  if (format === 'csv') {
    const [names = '', values = ''] = text.split('\n');
    const cells = values.split(',');
    return percentilesFrom(columns.map((name) => Number(cells[names.split(',').indexOf(`"${name}"`)])));
  }
  const row = format === 'json' ? JSON.parse(text)[0] : JSON.parse(text);
  return percentilesFrom(columns.map((name) => row[name]));
}

async function parquetPercentiles(file: Buffer, columns: readonly string[]): Promise<Percentiles> {
  const path = join(directory, 'day.parquet');
  writeFileSync(path, file);
  const engine = await openChdbEngine({
    directory: mkdtempSync(join(directory, 'engine-')),
    database: 'parquet',
    memoryBytesMax: 1_000_000_000,
  });
  try {
    const sql = `SELECT [${columns.join(', ')}] AS p FROM file('${path}', Parquet)`;
    const { bytes } = await engine.run('SET max_threads = 1', sql, 'JSONEachRow');
    return percentilesFrom((JSON.parse(Buffer.from(bytes).toString('utf8')) as { p: number[] }).p);
  } finally {
    await engine.close();
  }
}

/** The ⌈q·n⌉-th smallest. */
function nearestRanks(values: readonly number[]): Percentiles {
  const sorted = [...values].sort((a, b) => a - b);
  return percentilesFrom([50, 95, 99].map((percent) => sorted[Math.ceil((percent * sorted.length) / 100) - 1]!));
}

test.each(counts.filter((count) => count <= singleValuesMax))(
  'of %i durations every way gives the nearest rank, as it was sent',
  async (count) => {
    const agent = `agent-${count}`;
    const wanted = nearestRanks(durations.get(agent)!);
    if (count === 10) expect(wanted).toEqual({ p50_ms: 500, p95_ms: 1000, p99_ms: 1000 });
    const ways = await everyWay(agent);
    expect(Object.fromEntries(ways), `seed ${seed}`).toEqual(
      Object.fromEntries([...ways.keys()].map((way) => [way, wanted])),
    );
    const { flows } = await collector.get<{ flows: { flow_id: string; execution_times: Percentiles }[] }>(
      '/api/v1/flows',
    );
    const flow = flows.find(({ flow_id: id }) => id === agent);
    expect(percentilesOf(flow!.execution_times), `flow, seed ${seed}`).toEqual(wanted);
    const runs = await collector.get<{ stats: { p95_duration_ms: number } }>(`/api/v1/runs?agent_id=${agent}`);
    expect(runs.stats.p95_duration_ms).toBe(wanted.p95_ms);
  },
);

test('of 10,000 durations every way gives an estimate within a hundredth of the exact value', async () => {
  const wanted = nearestRanks(durations.get('agent-10000')!);
  for (const [way, told] of await everyWay('agent-10000')) {
    for (const name of ['p50_ms', 'p95_ms', 'p99_ms'] as const) {
      const error = Math.abs(told[name]! / wanted[name]! - 1);
      expect(error, `${way} ${name}: ${told[name]} for ${wanted[name]}, seed ${seed}`).toBeLessThan(0.01);
    }
  }
});
