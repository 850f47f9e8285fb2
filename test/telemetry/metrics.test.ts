import { spawnSync } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { silentLogger } from '../../src/core/logger.js';
import type { SpoolStats } from '../../src/core/ports/spool-reader.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { metricsReference, metricsTable } from '../../src/telemetry/metrics-reference.js';
import { createEndpointWindows } from '../../src/window/endpoint-windows.js';
import { createLiveWindows } from '../../src/window/live-windows.js';
import { defaultWindowLimits } from '../support/default-config.js';
import { FakeClock } from '../support/fake-clock.js';
import { sliceOf } from '../window/window-slices.js';

const spoolStats: SpoolStats = {
  segments: 2,
  bytes: 4096,
  events: 30,
  oldestReceivedMs: Date.UTC(2026, 0, 15, 11, 59, 30),
  quarantinedSegments: 1,
  quarantinedEvents: 4,
  producers: 9,
  fullness: 0.25,
};

function setUp(options: { agentsMax?: number } = {}) {
  const clock = new FakeClock();
  const metrics = createMetrics({ clock }, { agentsMax: 500, version: '0.1.0', ...options });
  onTestFinished(() => metrics.close());
  const windows = createLiveWindows({ clock, logger: silentLogger, instruments: metrics.window }, defaultWindowLimits);
  const endpoints = createEndpointWindows(clock);
  metrics.observe({
    endpoints,
    spool: () => spoolStats,
    windows,
    windowStats: () => windows.stats(),
    decodePool: () => ({ workers: 2, utilisation: 0.5, queueDepth: 3 }),
    connections: () => 7,
    credit: () => 16,
    enginePid: () => process.pid,
  });
  const record = (slice: ReturnType<typeof sliceOf>) => {
    windows.add([slice]);
    metrics.executions.recordExecutions(slice);
  };
  const samples = async () => samplesOf(await metrics.render());
  return { clock, metrics, endpoints, record, samples };
}

/** `name{labels}` to value. */
function samplesOf(page: string): Record<string, number> {
  const lines = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
  );
}

test('the page and the reference name the same metrics, with the same types and help', async () => {
  const { metrics, record, clock } = setUp();
  record(sliceOf(clock.nowMs(), [12], { failed: 1, errors: { tool: 1 } }));
  const page = await metrics.render();
  const declared = metricsReference.map(({ name, type, help }) => `${name} ${type} ${help}`);
  const helps = new Map([...page.matchAll(/^# HELP (\S+) (.*)$/gm)].map(([, name, help]) => [name, help]));
  const shown = [...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(
    ([, name, type]) => `${name} ${type} ${helps.get(name)}`,
  );
  expect(shown.sort()).toEqual([...declared].sort());
  expect(new Set(declared).size).toBe(declared.length);
  expect(metricsTable().split('\n')).toHaveLength(declared.length + 2);
});

const hostileIds = [
  'a\rb',
  'a\nb',
  'a\r\nb',
  'a"b',
  'a\\b',
  'a\\',
  'x"} 1\nforged_total{a="b"} 2',
  'x"} 1\rforged_total{a="b"} 2',
  'a\u2028b',
  'a\u2029b',
  'a\u0085b',
  'a\vb\fc\0d\u001be\u007ff',
  '# HELP forged_total 1',
  '{}',
  ' ',
  '\u{1f40d}',
  'x'.repeat(256),
  '\u240d',
];

/** A sample, its label values escaped as the text format allows and on no second line for any parser. */
const samplePattern = /^[a-z_]+(\{([a-z_]+="(\\[\\"n]|[^\\"\p{Cc}\u2028\u2029])*",?)*\})? (\d|\+Inf|NaN)[\d.e+-]*$/u;

test('no agent id breaks the page or writes a line of its own, and two that look alike are one series', async () => {
  const { metrics, record, clock } = setUp();
  for (const agentId of hostileIds) record(sliceOf(clock.nowMs(), [12], { agentId, failed: 1, errors: { tool: 1 } }));
  record(sliceOf(clock.nowMs(), [12], { agentId: '\r' }));
  const page = await metrics.render();
  const lines = page.split(/\r\n|[\n\v\f\r\u0085\u2028\u2029]/).filter((line) => line !== '');
  const samples = lines.filter((line) => !line.startsWith('# '));
  expect(samples.filter((line) => !samplePattern.test(line))).toEqual([]);
  expect(lines.filter((line) => /^(# (HELP|TYPE) )?forged/.test(line))).toEqual([]);
  const series = samples.map((line) => line.slice(0, line.lastIndexOf(' ')));
  expect(series.length - new Set(series).size).toBe(0);
  expect(page).toContain('agent_id="a\u240db"');
  expect(page).toContain('tidemark_metrics_agents_folded 3\n');
});

test('every label on the page is declared in the reference', async () => {
  const { metrics, endpoints, record, clock } = setUp();
  record(sliceOf(clock.nowMs(), [12], { failed: 1, errors: { tool: 1 } }));
  endpoints.recordRequest('/api/v1/agents/{agent_id}/live', 'GET', 200, 0.003);
  metrics.query.failures.inc({ route: '/api/v1/agents', code: 'query_timeout' });
  metrics.http.recordRequest('/api/v1/agents/{agent_id}/live', 'GET', 200, 0.003);
  metrics.ingest.connectionsClosed.inc({ code: 'frame_malformed' });
  const page = await metrics.render();
  const samples = [...page.matchAll(/^(\w+)\{(.*)\} \S+$/gm)];
  expect(samples.length).toBeGreaterThan(50);
  for (const [, name, labels] of samples) {
    const declaration =
      metricsReference.find((metric) => name!.replace(/_(bucket|sum|count)$/, '') === metric.name) ??
      metricsReference.find((metric) => name === metric.name);
    const names = [...labels!.matchAll(/(\w+)="/g)].map((match) => match[1]).filter((label) => label !== 'le');
    expect(names, name).toEqual(declaration?.labels);
  }
});

test('the ledger of events can be read from the page', async () => {
  const { metrics, samples } = setUp();
  metrics.ingest.eventsReceived.inc(110);
  metrics.ingest.events.inc({ outcome: 'durable' }, 100);
  metrics.ingest.events.inc({ outcome: 'duplicate' }, 7);
  metrics.ingest.events.inc({ outcome: 'rejected' }, 3);
  metrics.spool.eventsRecovered.inc(10);
  metrics.spool.eventsQuarantined.inc(4);
  metrics.deliver.eventsInserted.inc(76);
  expect(await samples()).toMatchObject({
    tidemark_events_received_total: 110,
    'tidemark_events_total{outcome="durable"}': 100,
    'tidemark_events_total{outcome="duplicate"}': 7,
    'tidemark_events_total{outcome="rejected"}': 3,
    tidemark_spool_events_recovered_total: 10,
    tidemark_events_inserted_total: 76,
    tidemark_spool_events: 30,
    tidemark_spool_events_quarantined_total: 4,
  });
});

test('gauges show what their sources say when the page is made', async () => {
  const { samples } = setUp();
  const page = await samples();
  expect(page).toMatchObject({
    tidemark_spool_segments: 2,
    tidemark_spool_bytes: 4096,
    tidemark_spool_oldest_age_seconds: 30,
    tidemark_spool_fullness_ratio: 0.25,
    tidemark_decode_workers: 2,
    tidemark_decode_utilisation_ratio: 0.5,
    tidemark_decode_queue_depth: 3,
    tidemark_stream_credit_frames: 16,
    tidemark_connections: 7,
    tidemark_window_keys: 0,
    [`tidemark_build_info{version="0.1.0",node="${process.versions.node}"}`]: 1,
  });
  expect(page['tidemark_process_resident_memory_bytes{process="collector"}']).toBeGreaterThan(1e6);
  expect(page.tidemark_process_cpu_seconds_total).toBeGreaterThan(0);
});

test('an agent has executions by status, errors by category and a cumulative histogram in seconds', async () => {
  const { clock, record, samples } = setUp();
  record(sliceOf(clock.nowMs(), [10, 11, 700_000], { failed: 2, cancelled: 1, errors: { tool: 1, model: 1 } }));
  record(sliceOf(clock.nowMs(), [20], { errors: { tool: 2 }, failed: 2 }));
  const agent = 'tenant="acme",agent_id="planner"';
  expect(await samples()).toMatchObject({
    [`agent_execution_total{${agent},status="completed"}`]: 4,
    [`agent_execution_total{${agent},status="failed"}`]: 4,
    [`agent_execution_total{${agent},status="cancelled"}`]: 1,
    [`agent_execution_errors_total{${agent},error_category="tool"}`]: 3,
    [`agent_execution_errors_total{${agent},error_category="model"}`]: 1,
    [`agent_execution_duration_seconds_bucket{${agent},le="0.01"}`]: 1,
    [`agent_execution_duration_seconds_bucket{${agent},le="0.02"}`]: 3,
    [`agent_execution_duration_seconds_bucket{${agent},le="655.36"}`]: 3,
    [`agent_execution_duration_seconds_bucket{${agent},le="+Inf"}`]: 4,
    [`agent_execution_duration_seconds_sum{${agent}}`]: 700.041,
    [`agent_execution_duration_seconds_count{${agent}}`]: 4,
  });
});

test('success rate and quantiles follow the rolling windows', async () => {
  const { clock, record, samples } = setUp();
  const agent = 'tenant="acme",agent_id="planner"';
  record(sliceOf(clock.nowMs(), [1000, 3000], { failed: 6 }));
  clock.advance(400_000);
  record(sliceOf(clock.nowMs(), [5000]));
  expect(await samples()).toMatchObject({
    [`agent_success_rate{${agent},window="5m"}`]: 1,
    [`agent_success_rate{${agent},window="1h"}`]: 1 / 3,
    [`agent_execution_duration_quantile_seconds{${agent},window="5m",quantile="0.5"}`]: 5,
    [`agent_execution_duration_quantile_seconds{${agent},window="1h",quantile="0.5"}`]: 3,
    [`agent_execution_duration_quantile_seconds{${agent},window="1h",quantile="0.99"}`]: 5,
  });
  clock.advance(400_000);
  expect(Object.keys(await samples()).filter((name) => name.includes('window="5m"'))).toEqual([]);
});

test('each quantile on the page is the one its label names, of agents and of endpoints', async () => {
  const { clock, record, endpoints, samples } = setUp();
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  record(
    sliceOf(
      clock.nowMs(),
      hundred.map((seconds) => seconds * 1_000),
    ),
  );
  for (const seconds of hundred) endpoints.recordRequest('/v1/events', 'POST', 202, seconds / 100);
  const page = await samples();
  const ofAgent = (rank: string) =>
    page[`agent_execution_duration_quantile_seconds{tenant="acme",agent_id="planner",window="1h",quantile="${rank}"}`];
  const ofEndpoint = (rank: string) =>
    page[
      `tidemark_http_request_duration_quantile_seconds{route="/v1/events",method="POST",window="5m",quantile="${rank}"}`
    ];
  for (const [rank, percent] of [
    ['0.5', 50],
    ['0.95', 95],
    ['0.99', 99],
  ] as const) {
    expect(Math.abs(ofAgent(rank)! - percent), rank).toBeLessThan(2);
  }
  for (const [rank, percent] of [
    ['0.5', 50],
    ['0.9', 90],
    ['0.99', 99],
  ] as const) {
    expect(Math.abs(100 * ofEndpoint(rank)! - percent), rank).toBeLessThan(4);
  }
});

test('requests are counted by their route, method and status, and timed by their route', async () => {
  const { metrics, samples } = setUp();
  metrics.http.recordRequest('/v1/events', 'POST', 202, 0.25);
  metrics.http.recordRequest('/v1/events', 'POST', 503, 0.25);
  const page = await samples();
  expect(page['tidemark_http_requests_total{route="/v1/events",method="POST",status="202"}']).toBe(1);
  expect(page['tidemark_http_request_duration_seconds_sum{route="/v1/events"}']).toBe(0.5);
});

test('quantiles of each endpoint follow its five-minute window', async () => {
  const { clock, endpoints, samples } = setUp();
  endpoints.recordRequest('/v1/events', 'POST', 202, 0.25);
  endpoints.recordRequest('(unmatched)', 'GET', 404, 0.5);
  const quantile = 'tidemark_http_request_duration_quantile_seconds';
  const name = (route: string, method: string, rank: string) =>
    `${quantile}{route="${route}",method="${method}",window="5m",quantile="${rank}"}`;
  expect(await samples()).toMatchObject({
    [name('/v1/events', 'POST', '0.5')]: 0.25,
    [name('/v1/events', 'POST', '0.99')]: 0.25,
    [name('(unmatched)', 'GET', '0.9')]: 0.5,
  });
  clock.advance(300_000);
  expect(Object.keys(await samples()).filter((sample) => sample.startsWith(quantile))).toEqual([]);
});

test('agents beyond the cap fold into one series of their tenant and are counted', async () => {
  const { clock, record, samples } = setUp({ agentsMax: 2 });
  for (const agentId of ['a', 'b', 'c', 'd', 'c']) record(sliceOf(clock.nowMs(), [1], { agentId }));
  const page = await samples();
  const series = Object.keys(page).filter(
    (name) => name.startsWith('agent_execution_total') && name.includes('completed'),
  );
  expect(series.map((name) => /agent_id="(\w+)"/.exec(name)?.[1])).toEqual(['a', 'b', '__other__']);
  expect(page).toMatchObject({
    'agent_execution_total{tenant="acme",agent_id="__other__",status="completed"}': 3,
    tidemark_metrics_agents_folded: 2,
    tidemark_metrics_executions_folded_total: 3,
  });
});

test('an agent silent for a day gives its series to another when all are taken', async () => {
  const { clock, record, samples } = setUp({ agentsMax: 1 });
  record(sliceOf(clock.nowMs(), [1], { agentId: 'retired' }));
  clock.advance(2 * 86_400_000);
  await samples();
  record(sliceOf(clock.nowMs(), [1], { agentId: 'fresh' }));
  clock.advance(2_000);
  const page = await samples();
  expect(page['agent_execution_total{tenant="acme",agent_id="fresh",status="completed"}']).toBe(1);
  expect(Object.keys(page).filter((name) => name.includes('retired'))).toEqual([]);
});

test('the page is made once a second and shared by those who ask at the same time', async () => {
  const { clock, metrics } = setUp();
  const [first, second] = await Promise.all([metrics.render(), metrics.render()]);
  expect(second).toBe(first);
  metrics.ingest.eventsReceived.inc(5);
  clock.advance(999);
  expect(await metrics.render()).toBe(first);
  clock.advance(1);
  expect(await metrics.render()).toContain('tidemark_events_received_total 5');
});

test('labels with quotes, backslashes and newlines are escaped', async () => {
  const { clock, metrics, record } = setUp();
  record(sliceOf(clock.nowMs(), [1], { tenant: 'a"b', agentId: 'c\\d\ne' }));
  expect(await metrics.render()).toContain(
    'agent_execution_total{tenant="a\\"b",agent_id="c\\\\d\\ne",status="completed"} 1',
  );
});

const promtool = spawnSync('promtool', ['--version']).status === 0;

test.skipIf(!promtool)('promtool finds nothing to complain about', async () => {
  const { clock, metrics, endpoints, record } = setUp({ agentsMax: 2 });
  endpoints.recordRequest('/api/v1/agents/{agent_id}/live', 'GET', 200, 0.001);
  endpoints.recordRequest('/health', 'HEAD', 503, 2);
  metrics.query.requests.inc({ outcome: 'hit' });
  for (const agentId of ['a"\\', 'b', 'c']) {
    record(sliceOf(clock.nowMs(), [1, 90_000], { agentId, failed: 1, errors: { tool: 1 } }));
  }
  metrics.http.recordRequest('/health', 'GET', 200, 0.001);
  metrics.engine.restarts.inc({ reason: 'exit' });
  const check = spawnSync('promtool', ['check', 'metrics'], { input: await metrics.render(), encoding: 'utf8' });
  expect([check.status, check.stdout, check.stderr]).toEqual([0, '', '']);
});
