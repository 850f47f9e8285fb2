import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { seededRandom, testSeed } from '../../support/seeded-random.js';
import { dayMs, sum } from '../agents/agent-history.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';
import { type ExpectedFailure, failureHistory } from './failure-history.js';

const seed = testSeed(47);
const nowMs = Math.floor(Date.now() / 60_000) * 60_000;

let store: QueryStore;
let api: QueryApi;
const expected: ExpectedFailure[] = [];

beforeAll(async () => {
  process.stdout.write(`failures: seed ${seed}, now ${nowMs}\n`);
  store = await openQueryStore();
  const random = seededRandom(seed);
  const rows: RawRow[] = [];
  for (const tenant of ['acme', 'globex']) {
    const made = failureHistory({ tenant, runs: 250, nowMs, days: 20 }, random);
    rows.push(...made.rows);
    expected.push(...made.expected);
  }
  // In any order, over several inserts.
  const shuffled = rows.map((row) => ({ row, place: random() })).sort((a, b) => a.place - b.place);
  for (let part = 0; part < 4; part++) {
    await store.insert(shuffled.filter((_, index) => index % 4 === part).map(({ row }) => row));
  }
  api = createQueryApi({ store: store.reader, clock: new FakeClock(nowMs) });
});

afterAll(() => store.close());

interface Group {
  readonly key: string | null;
  readonly share: number;
  readonly count: number;
  readonly series: readonly number[];
  readonly examples: readonly { readonly run_id: string; readonly last_failed_at: string; readonly link: string }[];
  readonly [name: string]: unknown;
}

interface Breakdown {
  readonly totals: Group;
  readonly groups: readonly Group[];
  readonly other: (Group & { readonly groups: number }) | null;
  readonly buckets: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly total_groups: number;
  readonly step: string;
}

async function breakdownOf(query: string, tenant = 'acme'): Promise<Breakdown> {
  const { status, body } = await api.get(tenant, `/api/v1/failures/breakdown?${query}`);
  expect([status, body.detail]).toEqual([200, undefined]);
  return body as unknown as Breakdown;
}

/** What a set of failed attempts adds up to, counted here. */
function recount(found: readonly ExpectedFailure[]) {
  const recovered = found.filter(({ status }) => status === 'recovered').length;
  const tokens = { in: sum(found.map((f) => f.tokens_in)), out: sum(found.map((f) => f.tokens_out)) };
  const times = found.map(({ ts }) => ts);
  const costs = found.flatMap((f) => f.cost_micros ?? []);
  return {
    count: found.length,
    retried: found.filter(({ status }) => status !== 'failed').length,
    recovered,
    failed_for_good: found.length - recovered,
    wasted: {
      llm_calls: 0,
      tokens: { ...tokens, total: tokens.in + tokens.out },
      cost_cents: costs.length === 0 ? null : sum(costs) / 10_000,
      tokens_unpriced: sum(found.map(unpriced)),
    },
    affected_agents: new Set(found.map((f) => f.agent_id)).size,
    affected_runs: new Set(found.map((f) => f.run_id)).size,
    first_seen: found.length === 0 ? null : text(Math.min(...times)),
    last_seen: found.length === 0 ? null : text(Math.max(...times)),
  };
}

function unpriced(failure: ExpectedFailure): number {
  return failure.cost_micros === null ? failure.tokens_in + failure.tokens_out : 0;
}

function text(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

const keyOf: Readonly<Record<string, (failure: ExpectedFailure) => string | null | undefined>> = {
  category: (failure) => failure.error_category,
  code: (failure) => failure.error_code || null,
  agent: (failure) => failure.agent_id,
  model: (failure) => (hasModel(failure) ? modelOf(failure) || null : undefined),
  provider: (failure) => (hasModel(failure) ? failure.provider || null : undefined),
  environment: (failure) => failure.environment || null,
  tool: (failure) => (failure.step_kind === 'tool' ? failure.name || null : undefined),
};

function hasModel({ step_kind: kind, model, provider }: ExpectedFailure): boolean {
  return kind === 'llm' || model !== '' || provider !== '';
}

function modelOf({ step_kind: kind, model, name }: ExpectedFailure): string {
  return model === '' && kind === 'llm' ? name : model;
}

function groupsOf(found: readonly ExpectedFailure[], groupBy: string): Map<string | null, ExpectedFailure[]> {
  const groups = new Map<string | null, ExpectedFailure[]>();
  for (const failure of found) {
    const key = keyOf[groupBy]?.(failure);
    if (key !== undefined) groups.set(key, [...(groups.get(key) ?? []), failure]);
  }
  return groups;
}

function within(tenant: string, fromMs: number, toMs = nowMs + 1): ExpectedFailure[] {
  return expected.filter((failure) => failure.tenant === tenant && failure.ts >= fromMs && failure.ts < toMs);
}

test('the made-up failures hold every outcome of every kind, so that the tests below can fail', () => {
  for (const kind of ['run', 'task', 'step']) {
    for (const status of ['failed', 'retried', 'recovered']) {
      expect(expected.filter((failure) => failure.kind === kind && failure.status === status).length).toBeGreaterThan(
        9,
      );
    }
  }
});

test.each(Object.keys(keyOf))('failures by %s equal a recount of the attempts that were made up', async (groupBy) => {
  const body = await breakdownOf(`group_by=${groupBy}&limit=100`);
  const groups = groupsOf(within('acme', nowMs + 1 - 7 * dayMs), groupBy);
  expect(body.groups.map(({ key }) => key).sort()).toEqual([...groups.keys()].sort());
  for (const { key, share: _share, series: _series, examples: _examples, ...counts } of body.groups) {
    expect({ key, ...counts }).toEqual({ key, ...recount(groups.get(key) ?? []) });
  }
  expect(body.totals).toEqual(recount([...groups.values()].flat()));
  expect(body.total_groups).toBe(groups.size);
  expect(body.other).toBeNull();
});

test('what is in no listed group is told as one, so that shares add up to 100 and series to the counts', async () => {
  const body = await breakdownOf('group_by=code&limit=3');
  const found = within('acme', nowMs + 1 - 7 * dayMs);
  const listed = body.groups.map(({ key }) => key);
  expect(listed.length).toBe(3);
  const rest = found.filter((failure) => !listed.includes(failure.error_code || null));
  const { share: _share, series: _series, groups, ...other } = body.other as Group;
  expect(other).toEqual(recount(rest));
  expect(groups).toBe(groupsOf(rest, 'code').size);
  const all = [...body.groups, body.other as Group];
  expect(sum(all.map(({ share }) => share))).toBeCloseTo(100, 9);
  for (const group of all) expect(sum(group.series)).toBe(group.count);
});

test.each([
  ['from=2h', 2 / 24, '1m'],
  ['from=3d', 3, '1h'],
  ['from=19d', 19, '6h'],
])('a series over %s has a count for every bucket of the range', async (_name, days, step) => {
  const fromMs = nowMs - days * dayMs + 12_345;
  const body = await breakdownOf(`group_by=category&from=${text(fromMs)}&limit=100`);
  expect(body.step).toBe(step);
  const starts = body.buckets.map((at) => Date.parse(at));
  const stepMs = (starts[1] ?? 0) - (starts[0] ?? 0);
  expect(starts).toEqual(starts.map((_, index) => (starts[0] ?? 0) + index * stepMs));
  expect(starts[0]).toBeLessThanOrEqual(fromMs);
  expect((starts[0] ?? 0) + stepMs).toBeGreaterThan(fromMs);
  expect((starts.at(-1) ?? 0) + stepMs).toBeGreaterThan(nowMs);
  for (const { key, series } of body.groups) {
    const found = within('acme', fromMs).filter((failure) => failure.error_category === key);
    expect(series).toEqual(starts.map((start) => found.filter(({ ts }) => ts >= start && ts < start + stepMs).length));
  }
});

test('a group names the runs that failed last', async () => {
  const { groups } = await breakdownOf('group_by=agent&limit=100');
  for (const { key, examples } of groups) {
    const found = within('acme', nowMs + 1 - 7 * dayMs).filter((failure) => failure.agent_id === key);
    const newest = [...found].sort((a, b) => b.ts - a.ts);
    const runs = [...new Map(newest.reverse().map((failure) => [failure.run_id, failure.ts]))];
    const last = runs.sort((a, b) => b[1] - a[1]).slice(0, 3);
    expect(examples).toEqual(
      last.map(([run, ts]) => ({
        run_id: run,
        last_failed_at: text(ts),
        link: `/api/v1/runs/${encodeURIComponent(run)}`,
      })),
    );
  }
});

test.each([
  ['agent_id=agent-1', (f: ExpectedFailure) => f.agent_id === 'agent-1'],
  ['category=model', (f: ExpectedFailure) => f.error_category === 'model'],
  ['model=large-4', (f: ExpectedFailure) => modelOf(f) === 'large-4'],
  ['model=search', (f: ExpectedFailure) => modelOf(f) === 'search'],
  ['provider=lighthouse', (f: ExpectedFailure) => f.provider === 'lighthouse'],
  ['environment=staging&kind=step', (f: ExpectedFailure) => f.environment === 'staging' && f.kind === 'step'],
  ['kind=task', (f: ExpectedFailure) => f.kind === 'task'],
  ['code=code_0_1&kind=step', (f: ExpectedFailure) => f.error_code === 'code_0_1' && f.kind === 'step'],
] as const)('the filter %s holds for the breakdown and for the list', async (query, keep) => {
  const fromMs = nowMs - 15 * dayMs;
  const toMs = nowMs - dayMs;
  const range = `from=${text(fromMs)}&to=${text(toMs)}`;
  const found = within('acme', fromMs, toMs).filter(keep);
  expect((await breakdownOf(`${query}&${range}`)).totals).toEqual(recount(found));
  expect(await listed(`${query}&${range}`)).toEqual(itemsOf(found));
});

interface Item {
  readonly failed_at: string;
  readonly [name: string]: unknown;
}

/** Every page of the list, concatenated, in the order of what tells failures of one time apart. */
async function listed(query: string, tenant = 'acme', limit = 100): Promise<unknown[]> {
  const items: Item[] = [];
  let cursor: unknown = '';
  while (cursor !== null) {
    const after = cursor === '' ? '' : `&cursor=${cursor}`;
    const { status, body } = await api.get(tenant, `/api/v1/failures?limit=${limit}&${query}${after}`);
    expect([status, body.detail]).toEqual([200, undefined]);
    const page = body.failures as Item[];
    expect(page.length).toBeLessThanOrEqual(limit);
    items.push(...page);
    cursor = body.next_cursor;
  }
  const times = items.map((item) => item.failed_at);
  expect(times).toEqual([...times].sort().reverse());
  return items.map(plain).sort();
}

function plain({ error_message: _message, parent_id: _parent, ...item }: Item): string {
  return JSON.stringify(item);
}

function itemsOf(found: readonly ExpectedFailure[]): string[] {
  return found.map(itemOf).sort();
}

function itemOf(failure: ExpectedFailure): string {
  const run = `/api/v1/runs/${encodeURIComponent(failure.run_id)}`;
  const task = failure.task_id && `/api/v1/monitoring/tasks/${encodeURIComponent(failure.task_id)}`;
  return JSON.stringify({
    kind: failure.kind,
    status: failure.status,
    agent_id: failure.agent_id,
    run_id: failure.run_id,
    task_id: failure.task_id || null,
    step_id: failure.step_id || null,
    environment: failure.environment || null,
    attempt: failure.attempt || null,
    name: failure.name || null,
    model: failure.model || null,
    provider: failure.provider || null,
    step_kind: failure.step_kind || null,
    error_category: failure.error_category,
    error_code: failure.error_code || null,
    failed_at: text(failure.ts),
    duration_ms: null,
    llm_calls: 0,
    tokens: { in: failure.tokens_in, out: failure.tokens_out, total: failure.tokens_in + failure.tokens_out },
    cost_cents: failure.cost_micros === null ? null : failure.cost_micros / 10_000,
    tokens_unpriced: unpriced(failure),
    links: { run, task: task || null },
  });
}

test('the pages of the list are all failures of the tenant, newest first, each once', async () => {
  for (const tenant of ['acme', 'globex']) {
    const found = expected.filter((failure) => failure.tenant === tenant);
    expect(await listed('', tenant, 37)).toEqual(itemsOf(found));
  }
});

test('failures of a run and of a task are found by their ids, by the tenant they belong to alone', async () => {
  const run = expected.find((failure) => failure.tenant === 'acme')?.run_id ?? '';
  for (const tenant of ['acme', 'globex', 'nobody']) {
    const found = expected.filter((failure) => failure.tenant === tenant && failure.run_id === run);
    expect(await listed(`run_id=${encodeURIComponent(run)}`, tenant)).toEqual(itemsOf(found));
    const ofTask = found.filter((failure) => failure.task_id.endsWith('t0'));
    const query = `task_id=${encodeURIComponent(`${run}-t0`)}`;
    expect(await listed(query, tenant)).toEqual(itemsOf(ofTask));
  }
});

test('a tenant without failures has an empty breakdown and an empty list', async () => {
  const body = await breakdownOf('group_by=tool', 'nobody');
  expect(body).toMatchObject({ total_groups: 0, groups: [], other: null, totals: recount([]), step: '1h' });
  expect(body.buckets.length).toBe(169);
  expect(await listed('', 'nobody')).toEqual([]);
});

test.each([
  ['failures/breakdown?group_by=colour', 'group_by', 'category, code, agent, model, provider, tool, environment'],
  ['failures/breakdown?category=weather', 'category', 'tool, model, retrieval'],
  ['failures/breakdown?kind=agent', 'kind', 'run, task, step'],
  ['failures/breakdown?limit=0', 'limit', '1 to 100'],
  ['failures/breakdown?from=yesterday', 'from', '2026-01-31'],
  ['failures/breakdown?from=2020-01-01', 'from', 'at most 400 days'],
  ['failures/breakdown?from=2026-01-02&to=2026-01-01', 'to', 'ends after its start'],
  ['failures/breakdown?run_id=r', 'run_id', 'known are'],
  ['failures?from=2026-01-02&to=2026-01-01', 'to', 'after from'],
  ['failures?cursor=abc', 'cursor', 'next_cursor'],
  ['failures?limit=101', 'limit', '1 to 100'],
])('%s is refused, and told which parameter is bad', async (target, path, words) => {
  const { status, body } = await api.get('acme', `/api/v1/${target}`);
  expect(status).toBe(400);
  const [problem] = body.errors as { path: string; message: string }[];
  expect(problem?.path).toBe(path);
  expect(problem?.message).toContain(words);
});
