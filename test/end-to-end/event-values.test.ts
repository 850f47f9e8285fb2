import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack } from 'msgpackr';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { LiveClient } from '../support/live-client.js';
import { WireClient } from '../support/wire-client.js';

/** What an event may hold, by every way in: both formats, both protocols, maps and rows. */
const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-values-'));
// An answer that is shared for a second does not have what was stored since.
const collector = new CollectorProcess({ dataDir, env: { TIDEMARK_QUERY_CACHE_MS: '0' } });

beforeAll(() => collector.start());
afterAll(async () => {
  await collector.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

type Errors = readonly { readonly index: number; readonly code: string; readonly path: string }[];
type Sent = Record<string, unknown>;

function task(id: string, more: Sent = {}): Sent {
  return { type: 'task.completed', agent_id: 'values', task_id: id, ...more };
}

async function post(
  body: string | Uint8Array,
  type: string,
): Promise<{ readonly status: number; readonly errors: Errors }> {
  const headers = { authorization: `Bearer ${testKey}`, 'content-type': type };
  const response = await fetch(`${collector.url}/v1/events`, { method: 'POST', body, headers });
  return { status: response.status, errors: ((await response.json()) as { readonly errors: Errors }).errors };
}

let producers = 0;
let sent = 0;

/** What the socket says of one frame before it acknowledges it. */
async function overSocket(frame: string | Uint8Array): Promise<Errors> {
  const client = await WireClient.open(collector, `?producer=values-${++producers}`);
  if (typeof frame === 'string') client.sendText(frame);
  else client.sendBytes(frame);
  await client.untilAck(1);
  client.close();
  await client.untilClosed();
  return client.received.flatMap((message) => (message.op === 'reject' ? (message.errors ?? []) : []));
}

/** Codes, indices and paths of what is told of `events`, by every way in. */
async function toldEverywhere(events: readonly Sent[]): Promise<Record<string, unknown[]>> {
  const ways: Record<string, (frame: Sent, lines: string) => Promise<Errors>> = {
    'posted as MessagePack': async (frame) => (await post(pack(frame), 'application/msgpack')).errors,
    'posted as JSON': async (frame) => (await post(JSON.stringify(frame), 'application/json')).errors,
    'streamed as MessagePack': (frame) => overSocket(pack({ seq: 1, ...frame })),
    'streamed as JSON': (frame) => overSocket(JSON.stringify({ seq: 1, ...frame })),
    'posted as lines': async (_, lines) => (await post(lines, 'application/x-ndjson')).errors,
  };
  const told: Record<string, unknown[]> = {};
  for (const [way, send] of Object.entries(ways)) {
    for (const shape of ['maps', 'rows'] as const) {
      // Of one way and shape alone, so that none is what another said before.
      const mark = ++sent;
      const own = events.map((event) =>
        event.task_id === undefined ? event : { ...event, task_id: `${event.task_id}-${mark}` },
      );
      const columns = [...new Set(own.flatMap((event) => Object.keys(event)))];
      const rows = own.map((event) => columns.map((name) => event[name] ?? null));
      const lines = own.map((event) => JSON.stringify(event)).join('\n');
      const errors = await send(shape === 'maps' ? { events: own } : { columns, rows }, lines);
      told[`${shape} ${way}`] = errors.map(({ index, code, path }) => [index, code, path]);
    }
  }
  return told;
}

function expectAlike(told: Record<string, unknown[]>, expected: unknown[]): void {
  expect(told).toEqual(Object.fromEntries(Object.keys(told).map((way) => [way, expected])));
}

test('a clamped time is told by every way in, and the event is kept', async () => {
  expectAlike(await toldEverywhere([task('clamp-1'), task('clamp-2', { ts: 1e8 })]), [[1, 'time_clamped', 'ts']]);
});

/** What the store and the windows hold of an agent once its events are there. */
async function answersOf(agent: string) {
  // One aggregated day is today, and the events may be of yesterday.
  const ranges = { realtime: '1d', aggregated: '7d' };
  const metrics = (way: keyof typeof ranges) =>
    collector.get<Sent>(`/api/v1/agents/${agent}/metrics?time_range=${ranges[way]}&metric_type=${way}`);
  // An insert reaches one table after the other.
  const found = async () => [
    (await collector.metrics()).get('tidemark_spool_events'),
    (await metrics('realtime')).total_executions,
    (await metrics('aggregated')).total_executions,
    (await collector.get<Sent>(`/api/v1/runs/run-of-${agent}`)).status,
    String((await collector.get<Sent>(`/api/v1/monitoring/tasks/task-of-${agent}`)).status).toLowerCase(),
  ];
  await expect.poll(found).toEqual([0, 1, 1, 'completed', 'completed']);
  const live = await collector.get<{ readonly windows: Record<string, Sent> }>(`/api/v1/agents/${agent}/live`);
  const exported = (format: string) =>
    collector.get<Sent[]>(`/api/v1/metrics/export?agent_id=${agent}&format=${format}`);
  return {
    task: await collector.get<Sent>(`/api/v1/monitoring/tasks/task-of-${agent}`),
    run: await collector.get<{ readonly usage: Record<string, Sent> } & Sent>(`/api/v1/runs/run-of-${agent}`),
    metrics: [await metrics('realtime'), await metrics('aggregated'), live.windows['1h']!],
    days: await exported('json'),
    rows: await collector.query<Sent>(
      `SELECT * FROM agent_events WHERE agent_id = '${agent}' AND type = 'task.completed'`,
    ),
  };
}

async function csvOf(agent: string): Promise<Record<string, string>> {
  const headers = { authorization: `Bearer ${testKey}` };
  const answer = await fetch(`${collector.url}/api/v1/metrics/export?agent_id=${agent}&format=csv`, { headers });
  const [names = '', values = ''] = (await answer.text()).split('\n');
  const cells = values.split(',');
  return Object.fromEntries(names.split(',').map((name, at) => [JSON.parse(name) as string, cells[at] ?? '']));
}

function eventsOf(agent: string, more: Sent): Sent[] {
  const shared = { agent_id: agent, run_id: `run-of-${agent}` };
  const task = { ...shared, type: 'task.completed', task_id: `task-of-${agent}`, duration_ms: 100 };
  return [
    { ...shared, type: 'run.started' },
    { ...task, ...more },
    { ...shared, type: 'run.completed' },
  ];
}

test('floats are answered as they were sent, in every format', async () => {
  await post(JSON.stringify(eventsOf('floats', { confidence: 0.8, memory_mb: 0.1 })), 'application/json');
  const { task, metrics, days, rows } = await answersOf('floats');
  expect(task).toMatchObject({ confidence: 0.8, memory_mb: 0.1 });
  for (const found of metrics) expect(found).toMatchObject({ avg_confidence: 0.8, max_memory_mb: 0.1 });
  expect(days).toEqual([expect.objectContaining({ avg_confidence: 0.8, avg_memory_mb: 0.1, max_memory_mb: 0.1 })]);
  expect(await csvOf('floats')).toMatchObject({ avg_confidence: '0.8', max_memory_mb: '0.1' });
  expect(rows).toEqual([expect.objectContaining({ confidence: 0.8, memory_mb: 0.1 })]);
});

test('parts of tokens are told beside the tokens and never added, and tokens without a cost are counted', async () => {
  const named = { model: 'large-4', provider: 'northwind', environment: 'staging', finish_reason: 'stop' };
  const parts = { tokens_cache_read: 600, tokens_cache_write: 100, tokens_reasoning: 80 };
  const used = { ...named, ...parts, tokens_in: 1_000, tokens_out: 200, args_hash: 'FFFFffff00000001' };
  await post(JSON.stringify(eventsOf('callers', used)), 'application/json');
  await post(
    pack(eventsOf('dialers', { ...used, args_hash: 0xffff_ffff_0000_0001n, cost_micros: 0 })),
    'application/msgpack',
  );
  for (const [agent, cost] of [
    ['callers', null],
    ['dialers', 0],
  ] as const) {
    const { task, run, metrics, days } = await answersOf(agent);
    const sums = {
      tokens: { in: 1_000, out: 200, total: 1_200 },
      cost_cents: cost,
      tokens_unpriced: cost === null ? 1_200 : 0,
    };
    const cost_source = cost === null ? null : 'reported';
    expect(task, agent).toMatchObject({ ...named, ...parts, ...sums, cost_source });
    expect(run.total, agent).toMatchObject({ ...parts, ...sums });
    for (const found of metrics) expect(found, agent).toMatchObject(sums);
    expect(days[0], agent).toMatchObject({
      tokens_in: 1_000,
      cost_micros: cost,
      tokens_unpriced: sums.tokens_unpriced,
    });
    const told = `SELECT hex(args_hash) AS digits FROM agent_events WHERE agent_id = '${agent}' AND args_hash != 0`;
    expect(await collector.query<Sent>(told), agent).toEqual([{ digits: 'FFFFFFFF00000001' }]);
  }
});

test('a pattern and its feedback keep their digits', async () => {
  const pattern = { agent_id: 'seer', pattern_id: 'floating', type: 'pattern.observed' };
  const feedback = { ...pattern, type: 'pattern.feedback', feedback_score: 0.3 };
  await post(JSON.stringify([{ ...pattern, confidence: 0.7, effectiveness: 0.9 }, feedback]), 'application/json');
  const found = () => collector.get<{ readonly patterns: readonly Sent[] }>('/api/v1/patterns?agent_id=seer');
  const digits = {
    confidence: 0.7,
    effectiveness: 0.9,
    feedback: { avg_score: 0.3, min_score: 0.3, max_score: 0.3, last_score: 0.3 },
  };
  await expect.poll(async () => (await found()).patterns).toMatchObject([digits]);
});

test('a cost that nobody reported is null everywhere, and a cost of 0 is 0', async () => {
  const live = await LiveClient.open(collector, '?agent_id=unpriced,free');
  await post(JSON.stringify(eventsOf('unpriced', {})), 'application/json');
  await post(JSON.stringify(eventsOf('free', { cost_micros: 0 })), 'application/json');
  for (const [agent, cost] of [
    ['unpriced', null],
    ['free', 0],
  ] as const) {
    const { task, run, metrics, days, rows } = await answersOf(agent);
    expect(task.cost_cents, agent).toBe(cost);
    expect(JSON.stringify(run), agent).toContain(`"cost_cents":${cost}`);
    for (const found of metrics) expect(found.cost_cents, agent).toBe(cost);
    expect(days[0]?.cost_micros, agent).toBe(cost);
    expect(rows[0]?.cost_micros, agent).toBe(cost);
    expect((await csvOf(agent)).cost_micros, agent).toBe(cost === null ? '' : '0');
    const told = () => live.received.flatMap(({ events }) => events ?? []);
    await live.until(() => told().some((event) => event.agent_id === agent && event.type === 'run.completed'));
    const [ended] = told().filter((event) => event.agent_id === agent && event.type === 'task.completed');
    expect(ended?.cost_micros ?? null, agent).toBe(cost);
    const snapshot = await LiveClient.open(collector, `?run_id=run-of-${agent}`);
    const [run0] = snapshot.received.flatMap(({ runs }) => runs ?? []);
    if (run0 !== undefined) expect((run0 as unknown as Sent).cost_micros, agent).toBe(cost);
  }
});

test('absent is null, empty text in a map is empty text', async () => {
  await post(JSON.stringify(eventsOf('silent', { inputs: { note: '' }, labels: { tier: '' } })), 'application/json');
  const { task, days } = await answersOf('silent');
  expect(task).toMatchObject({
    name: null,
    agent_name: null,
    crew_id: null,
    error_message: null,
    inputs: { note: '' },
  });
  expect(days[0]).toMatchObject({ agent_name: null, avg_confidence: null });
  expect(await csvOf('silent')).toMatchObject({ agent_name: '', avg_confidence: '', success_rate: '100' });
});

test('what is wrong with an event is told alike by every way in', async () => {
  const bad = [
    task('alike-1'),
    task('alike-2', { tokens_in: -1 }),
    task('alike-3', { inputs: { topic: [1] } }),
    task('alike-4', { evidence: ['e', 7] }),
    task('alike-5', { ts: '2026-01-15T12:00:00' }),
    { type: 'task.completed', agent_id: 'values' },
  ];
  const expected = [
    [1, 'field_range', 'tokens_in'],
    [2, 'field_type', 'inputs.topic'],
    [3, 'field_type', 'evidence.1'],
    [4, 'time_invalid', 'ts'],
    [5, 'field_required', 'task_id'],
  ];
  expectAlike(await toldEverywhere(bad), expected);
  const none = expected.map(([index, code, path]) => [(index as number) - 1, code, path]);
  expectAlike(await toldEverywhere(bad.slice(1)), none);
});

test('seq in a request is refused, since requests come in no order', async () => {
  for (const [body, type] of [
    [pack({ seq: 1, events: [task('seq-1')] }), 'application/msgpack'],
    [JSON.stringify({ seq: 1, columns: ['type'], rows: [['log']] }), 'application/json'],
  ] as const) {
    const headers = { authorization: `Bearer ${testKey}`, 'content-type': type };
    const response = await fetch(`${collector.url}/v1/events`, { method: 'POST', body, headers });
    const problem = (await response.json()) as Record<string, string>;
    expect([response.status, problem.code]).toEqual([400, 'seq_refused']);
    expect(problem.detail).toContain('Idempotency-Key');
  }
  expect((await post(JSON.stringify({ seq: null, events: [task('seq-2')] }), 'application/json')).status).toBe(202);
});

test('a leading U+FEFF makes another agent, in the store, live, in metrics and in answers alike', async () => {
  const marked = '\ufeffmarked';
  const live = await LiveClient.open(collector, `?agent_id=${encodeURIComponent(marked)}`);
  await post(JSON.stringify([marked, 'marked'].flatMap((agent) => eventsOf(agent, {}))), 'application/json');
  const agents = async () => {
    const { agents: found } = await collector.get<{ readonly agents: readonly Sent[] }>('/api/v1/agents?limit=100');
    return found.map(({ agent_id }) => String(agent_id)).filter((id) => id.endsWith('marked'));
  };
  await expect.poll(async () => (await agents()).sort()).toEqual(['marked', marked]);
  for (const agent of [marked, 'marked']) {
    const path = encodeURIComponent(agent);
    const { windows } = await collector.get<{ readonly windows: Record<string, Sent> }>(`/api/v1/agents/${path}/live`);
    expect(windows['1h']?.total_executions, agent).toBe(1);
    const counted = (await collector.metrics()).get(
      `agent_execution_total{tenant="default",agent_id="${agent}",status="completed"}`,
    );
    expect(counted, agent).toBe(1);
  }
  const told = () => live.received.flatMap(({ events }) => events ?? []);
  await live.until(() => told().some(({ type }) => type === 'run.completed'));
  expect(new Set(told().map(({ agent_id }) => agent_id))).toEqual(new Set([marked]));
});

test('a query that names bytes which are no UTF-8 is refused instead of looking for U+FFFD', async () => {
  const headers = { authorization: `Bearer ${testKey}` };
  for (const broken of ['%ED%A0%80', 'a%FF', '%C3%28']) {
    const answer = await fetch(`${collector.url}/api/v1/monitoring/tasks?agent_id=${broken}`, { headers });
    expect([answer.status, await answer.json()], broken).toMatchObject([400, { code: 'request_malformed' }]);
  }
  for (const sound of ['%EF%BF%BD', '%F0%9F%98%80', '100%', '%zz', '%EF%BB%BFmarked']) {
    const answer = await fetch(`${collector.url}/api/v1/monitoring/tasks?agent_id=${sound}`, { headers });
    expect(answer.status, sound).toBe(200);
  }
});

test('a live filter that names bytes which are no UTF-8 is refused too', async () => {
  const headers = { authorization: `Bearer ${testKey}` };
  const events = await fetch(`${collector.url}/api/v1/live/events?agent_id=%ED%A0%80`, { headers });
  expect([events.status, await events.json()]).toMatchObject([400, { code: 'request_malformed' }]);
  const socket = await LiveClient.open(collector, '?run_id=%FF');
  expect([socket.closeCode, socket.received]).toEqual([1006, []]);
});
