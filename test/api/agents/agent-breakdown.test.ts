import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { roundedRate } from '../../support/rounded-rate.js';
import { seededRandom, testSeed } from '../../support/seeded-random.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';
import { dayMs, executionsOf, history, minuteMs, numbers, sum, within } from './agent-history.js';

const seed = testSeed(47);
const nowMs = Math.floor(Date.now() / minuteMs) * minuteMs + 12_345;
const versions = ['1.0', '1.1', '2.0-<b>', '2.1', ''];

let store: QueryStore;
let api: QueryApi;
const rows: RawRow[] = [];
/** Version by task, whichever of its events tells it. */
const versionOf = new Map<string, string>();

/** Half of the tasks are told their version by a start alone, the others by their ends. */
function versioned(row: RawRow, random: () => number): RawRow[] {
  const key = `${row.tenant} ${row.run_id ?? ''} ${row.task_id}`;
  if (row.task_id === '') return [row];
  const known = versionOf.get(key);
  const version = known ?? versions[Math.floor(random() * versions.length)]!;
  versionOf.set(key, version);
  const isTold = row.type.startsWith('task.') && hashOf(key) % 2 === 0;
  if (isTold) return [{ ...row, agent_version: version }];
  const { tenant, agent_id, run_id, task_id, ts, received } = row;
  const start = { tenant, agent_id, run_id, task_id, type: 'task.running', ts: ts - 1_000, received };
  return [row, { ...start, agent_version: version }];
}

function hashOf(text: string): number {
  return [...text].reduce((hash, letter) => (hash * 31 + letter.charCodeAt(0)) % 1_000_003, 7);
}

beforeAll(async () => {
  process.stdout.write(`agent-breakdown: seed ${seed}, now ${nowMs}\n`);
  store = await openQueryStore();
  const random = seededRandom(seed);
  for (const tenant of ['acme', 'globex']) {
    const of = { tenant, agentId: 'planner', count: 1_500, nowMs, days: 28 };
    rows.push(...history(of, random).flatMap((row) => versioned(row, random)));
  }
  const model = { tenant: 'acme', agent_id: 'modelled', run_id: 'r', task_id: 't' };
  const at = { ts: nowMs - minuteMs, received: nowMs };
  const llm = { ...model, ...at, step_kind: 'llm', tokens_in: 100, tokens_out: 10 };
  rows.push(
    { ...model, ...at, type: 'step.started', step_id: 'a', model: 'large', provider: 'north', ts: at.ts - 5 },
    { ...llm, type: 'step.completed', step_id: 'a', cost_micros: 20_000 },
    { ...llm, type: 'step.failed', step_id: 'a', attempt: 2, name: 'named', error_category: 'model' },
    { ...model, ...at, type: 'task.running', environment: 'production', ts: at.ts - 9 },
    { ...model, ...at, type: 'task.completed', tokens_in: 200, usage_scope: 'rolled_up', duration_ms: 9 },
  );
  await store.insert(rows);
  api = createQueryApi({ store: store.reader, memory: store.memory, clock: new FakeClock(nowMs) });
});

afterAll(async () => {
  await store.close();
});

interface Counts {
  readonly key?: string | null;
  readonly total: number;
  readonly [name: string]: unknown;
}

interface Answer {
  readonly groups: readonly Counts[];
  readonly totals: Counts;
  readonly other: Counts | null;
  readonly [name: string]: unknown;
}

async function ask(query: string, agentId = 'planner'): Promise<Answer> {
  const { status, body } = await api.get('acme', `/api/v1/agents/${agentId}/breakdown?${query}`);
  expect(status).toBe(200);
  return body as unknown as Answer;
}

function span(days: number) {
  const toMs = Math.floor(nowMs / minuteMs) * minuteMs + minuteMs;
  return { fromMs: toMs - days * dayMs, toMs };
}

function versionGroups(days: number) {
  const found = executionsOf(within(rows, 'acme', 'planner', span(days)));
  const groups = new Map<string, RawRow[]>();
  for (const row of found) {
    const version = versionOf.get(`acme ${row.run_id ?? ''} ${row.task_id}`) ?? '';
    groups.set(version, [...(groups.get(version) ?? []), row]);
  }
  return [...groups].map(([version, members]) => {
    const of = (type: string) => members.filter((row) => row.type === type).length;
    const [successful, failed] = [of('task.completed'), of('task.failed')];
    const durations = numbers(members, 'duration_ms');
    const rate = roundedRate(successful, successful + failed);
    return {
      key: version === '' ? null : version,
      total: members.length,
      successful,
      failed,
      cancelled: members.length - successful - failed,
      success_rate: rate === null ? null : Math.round(rate * 100) / 100,
      timed: durations.length,
      execution_times: expect.objectContaining({ min_ms: Math.min(...durations), max_ms: Math.max(...durations) }),
    };
  });
}

test.each([1, 7, 28])(
  'executions of %i days are grouped by the version that any event of their task tells',
  async (days) => {
    const { fromMs, toMs } = span(days);
    const answer = await ask(`from=${new Date(fromMs).toISOString()}&to=${new Date(toMs).toISOString()}&limit=100`);
    const expected = versionGroups(days);
    expect(expected.length).toBe(versions.length);
    expect(answer.groups).toHaveLength(expected.length);
    for (const group of expected) {
      expect(answer.groups.find(({ key }) => key === group.key)).toMatchObject(group);
    }
    const totals = answer.groups.map(({ total }) => total);
    expect(totals).toEqual([...totals].sort((a, b) => b - a));
  },
);

test('the totals are those of the metrics, and usage of all that ended is in some group', async () => {
  const answer = await ask('time_range=7d');
  const { body: metrics } = await api.get('acme', '/api/v1/agents/planner/metrics?time_range=7d');
  const { totals } = answer;
  expect(totals).toMatchObject({
    total: metrics.total_executions,
    successful: metrics.successful_executions,
    failed: metrics.failed_executions,
    cancelled: metrics.cancelled_executions,
    success_rate: metrics.success_rate,
    error_rate: metrics.error_rate,
    timed: metrics.timed_executions,
    llm_calls: metrics.llm_calls,
    tokens: metrics.tokens,
    tokens_unpriced: metrics.tokens_unpriced,
  });
  expect(totals.cost_cents).toBeCloseTo(Number(metrics.cost_cents), 6);
  expect(sum(numbers(answer.groups as unknown as RawRow[], 'tokens_unpriced'))).toBe(totals.tokens_unpriced);
  expect(Number(totals.total)).toBeGreaterThan(100);
});

test('at most so many groups are listed as asked for, and the others are added up', async () => {
  const all = await ask('time_range=7d');
  const some = await ask('time_range=7d&limit=2');
  expect(some.groups).toEqual(all.groups.slice(0, 2));
  expect(some.total_groups).toBe(versions.length);
  expect(some.totals).toEqual(all.totals);
  const rest = all.groups.slice(2);
  expect(some.other).toMatchObject({ groups: rest.length, total: sum(numbers(rest as unknown as RawRow[], 'total')) });
  expect(all.other).toBeNull();
});

test('a step is told its model by its start, its name or nothing, and what is rolled up counts nothing', async () => {
  const byModel = await ask('group_by=model', 'modelled');
  const groups = byModel.groups.map(({ key, total, tokens, cost_cents }) => ({ key, total, tokens, cost_cents }));
  expect(groups).toEqual([
    { key: null, total: 1, tokens: { in: 0, out: 0, total: 0 }, cost_cents: null },
    { key: 'large', total: 0, tokens: { in: 100, out: 10, total: 110 }, cost_cents: 2 },
    { key: 'named', total: 0, tokens: { in: 100, out: 10, total: 110 }, cost_cents: null },
  ]);
  const byEnvironment = await ask('group_by=environment', 'modelled');
  expect(byEnvironment.groups).toMatchObject([{ key: 'production', total: 1, tokens: { total: 220 } }]);
  const byProvider = await ask('group_by=provider', 'modelled');
  expect(byProvider.groups).toMatchObject([
    { key: null, total: 1 },
    { key: 'north', total: 0 },
  ]);
});

test('a range of which nothing is kept, and an agent of nobody, are told', async () => {
  const old = await ask('from=2020-01-01&to=2020-01-02');
  expect(old).toMatchObject({ groups: [], other: null, totals: { total: 0, success_rate: null, first_seen: null } });
  expect(old.coverage).toMatchObject({ from: null });
  const long = await ask('time_range=90d');
  expect((long.coverage as { from: string }).from).toBe(new Date(nowMs - 30 * dayMs).toISOString());
  const { status, body } = await api.get('acme', '/api/v1/agents/nobody/breakdown');
  expect([status, body.code]).toEqual([404, 'not_found']);
  const unknown = await api.get('acme', '/api/v1/agents/planner/breakdown?group_by=colour');
  expect([unknown.status, unknown.body.code]).toEqual([400, 'parameter_invalid']);
});
