import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { LiveClient, openStream, sendEvents } from '../support/live-client.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';
import { tempDir } from '../support/temp-dir.js';

const otherKey = 'tdm_test_key_of_the_other_tenant';
const queueBytesMax = 65_536;
let collector: CollectorProcess;
let cleanUp: () => void = () => {};

beforeAll(async () => {
  collector = new CollectorProcess({
    dataDir: mkTemp(),
    env: {
      TIDEMARK_API_KEYS: `${testKey}:default:admin,${otherKey}:other:admin`,
      TIDEMARK_LIVE_QUEUE_BYTES_MAX: String(queueBytesMax),
      TIDEMARK_LIVE_SUBSCRIBERS_MAX: '1100',
      TIDEMARK_LIVE_TENANT_SUBSCRIBERS_MAX: '1010',
      // Dashboards are read ahead whoever subscribes, and reads are counted here.
      TIDEMARK_QUERY_PREPARED_TENANTS_MAX: '0',
    },
  });
  await collector.start();
});

afterAll(async () => {
  await collector.stop();
  cleanUp();
});

function mkTemp(): string {
  const path = mkdtempSync(join(tmpdir(), 'tidemark-live-'));
  cleanUp = () => rmSync(path, { recursive: true, force: true });
  return path;
}

/** A page is made once a second. */
async function metric(name: string, expected: (value: number) => boolean): Promise<number> {
  return vi.waitFor(
    async () => {
      const value = (await collector.metrics()).get(name) ?? -1;
      expect(value).toSatisfy(expected);
      return value;
    },
    { timeout: 60_000, interval: 200 },
  );
}

test('each subscriber gets the events of its filter, whole and in order, with secrets masked', async () => {
  const all = await LiveClient.open(collector, '?agent_id=f-one,f-two');
  const one = await LiveClient.open(collector, '?agent_id=f-one');
  const run = await LiveClient.open(collector, '?run_id=f-run-2');
  const failed = await LiveClient.open(collector, '?agent_id=f-one&agent_id=f-two&status=failed');
  const logs = await LiveClient.open(collector, '?type=log&agent_id=f-one');
  await sendEvents(collector, [
    { type: 'task.running', agent_id: 'f-one', run_id: 'f-run-1', task_id: 'f-1', name: 'say "hé\n"' },
    { type: 'task.failed', agent_id: 'f-one', run_id: 'f-run-1', task_id: 'f-1', error_category: 'tool' },
    { type: 'log', agent_id: 'f-one', level: 'info', message: 'write to bob@example.com', labels: { a: 'b' } },
    { type: 'task.completed', agent_id: 'f-two', run_id: 'f-run-2', task_id: 'f-2', tokens_in: 7, confidence: 0.9 },
    { type: 'log', agent_id: 'f-three', message: 'not for them' },
  ]);
  await all.until(() => all.events().length === 4);
  await run.until(() => run.events().length === 1);
  await one.until(() => one.events().length === 3);
  await failed.until(() => failed.events().length === 1);
  await logs.until(() => logs.events().length === 1);

  expect(all.events().map(({ type }) => type)).toEqual(['task.running', 'task.failed', 'log', 'task.completed']);
  expect(all.events()[0]).toMatchObject({ agent_id: 'f-one', task_id: 'f-1', name: 'say "hé\n"' });
  expect(one.events().map(({ agent_id }) => agent_id)).toEqual(['f-one', 'f-one', 'f-one']);
  expect(run.events()[0]).toMatchObject({ run_id: 'f-run-2', tokens_in: 7, confidence: 0.9 });
  expect(failed.events()[0]).toMatchObject({ type: 'task.failed', error_category: 'tool' });
  expect(logs.events()[0]).toMatchObject({ level: 'info', labels: { a: 'b' } });
  expect(JSON.stringify(all.received)).not.toContain('bob@example.com');
});

test('a tenant sees nothing of another one that uses the same ids', async () => {
  const mine = await LiveClient.open(collector, '?agent_id=t-agent');
  const theirs = await LiveClient.open(collector, '?agent_id=t-agent', otherKey);
  const event = { agent_id: 't-agent', run_id: 't-run', task_id: 't-task' };
  await sendEvents(collector, [{ ...event, type: 'task.running', name: 'mine' }]);
  await sendEvents(collector, [{ ...event, type: 'task.completed', name: 'theirs', tokens_in: 5 }], otherKey);
  await mine.until(() => mine.runs().has('t-run') && mine.events().length === 1);
  await theirs.until(() => theirs.runs().has('t-run') && theirs.events().length === 1);
  expect(mine.events().map(({ name }) => name)).toEqual(['mine']);
  expect(theirs.events().map(({ name }) => name)).toEqual(['theirs']);
  expect(mine.runs().get('t-run')).toMatchObject({ tasks: { running: 1, completed: 0 }, tokens: { total: 0 } });
  expect(theirs.runs().get('t-run')).toMatchObject({ tasks: { running: 0, completed: 1 }, tokens: { total: 5 } });
  const late = await LiveClient.open(collector, '?agent_id=t-agent', otherKey);
  expect(late.received[1]).toMatchObject({ op: 'snapshot', runs_total: 1, tasks: [] });
});

test('snapshot and progress of runs are what a recount of the events says', async () => {
  const seed = testSeed(11);
  const random = seededRandom(seed);
  const watcher = await LiveClient.open(collector, '?agent_id=p-agent');
  const recount = new Map<string, { completed: number; failed: number; open: Set<string>; tokens: number }>();
  const events: object[] = [];
  for (let index = 0; index < 2_000; index++) {
    const runId = `p-run-${Math.floor(random() * 9)}`;
    const stepId = `p-step-${Math.floor(index / 3)}`;
    const run = recount.get(runId) ?? { completed: 0, failed: 0, open: new Set<string>(), tokens: 0 };
    recount.set(runId, run);
    const base = { agent_id: 'p-agent', run_id: runId, task_id: `${runId}-task`, step_id: stepId };
    // A step ends once: another end of it would count nothing.
    if (random() < 0.5 || run.open.has(`ended ${stepId}`)) {
      events.push({ ...base, type: 'step.started' });
      if (!run.open.has(`ended ${stepId}`)) run.open.add(stepId);
      continue;
    }
    const failed = random() < 0.3;
    const tokens = Math.floor(random() * 100);
    const rolledUp = random() < 0.2;
    const scope = rolledUp ? 'rolled_up' : 'own';
    const failure = failed ? { type: 'step.failed', error_category: 'tool' } : { type: 'step.completed' };
    events.push({ ...base, ...failure, tokens_in: tokens, usage_scope: scope });
    run.open.delete(stepId);
    run.open.add(`ended ${stepId}`);
    run[failed ? 'failed' : 'completed'] += 1;
    if (!rolledUp) run.tokens += tokens;
  }
  for (let at = 0; at < events.length; at += 130) await sendEvents(collector, events.slice(at, at + 130));
  await watcher.until(() => watcher.events().length === events.length);
  const expected = [...recount].map(([runId, { completed, failed, open, tokens }]) => {
    const running = [...open].filter((id) => !id.startsWith('ended ')).length;
    return { runId, completed, failed, running, tokens };
  });
  const stated = (client: LiveClient) =>
    expected.map(({ runId }) => {
      const run = client.runs().get(runId);
      return { runId, ...run?.steps, tokens: run?.tokens.in };
    });
  const late = await LiveClient.open(collector, '?agent_id=p-agent');
  expect(stated(late), `seed ${seed}`).toEqual(expected);
  await vi.waitFor(() => expect(stated(watcher), `seed ${seed}`).toEqual(expected), { timeout: 60_000 });
});

test('a run that ended is not in the snapshot, and its last progress says how', async () => {
  const watcher = await LiveClient.open(collector, '?run_id=e-run');
  const base = { agent_id: 'e-agent', run_id: 'e-run' };
  await sendEvents(collector, [
    { ...base, type: 'task.running', task_id: 'e-task' },
    { ...base, type: 'run.failed', error_category: 'infra' },
    { ...base, type: 'task.pending', task_id: 'e-task-2' },
  ]);
  await watcher.until(() => watcher.runs().get('e-run')?.status === 'failed');
  expect(watcher.runs().get('e-run')).toMatchObject({ tasks: { running: 0, pending: 0 } });
  const late = await LiveClient.open(collector, '?run_id=e-run');
  expect(late.received[1]).toMatchObject({ runs_total: 0, runs: [], tasks: [] });
});

test('a snapshot has what its filter lets pass, the latest first, and says how much there is', async () => {
  const task = (agent: string, run: string, index = 0) => ({
    type: 'task.running',
    agent_id: agent,
    run_id: run,
    task_id: `${run}-task-${index}`,
  });
  await sendEvents(collector, [task('s-one', 's-run-1'), task('s-one', 's-run-2'), task('s-two', 's-run-3')]);
  // More than a snapshot holds.
  await sendEvents(
    collector,
    Array.from({ length: 205 }, (_, index) => task('s-many', `s-many-${index}`)),
  );
  const snapshot = async (query: string) => {
    const { received } = await LiveClient.open(collector, query);
    const { runs = [], tasks = [], runs_total, tasks_total } = received.find(({ op }) => op === 'snapshot')!;
    return { runs: runs.map((run) => run.run_id), tasks: tasks.map((item) => item.task_id), runs_total, tasks_total };
  };
  for (const [query, runs] of [
    ['?agent_id=s-one', ['s-run-2', 's-run-1']],
    ['?agent_id=s-one,s-two', ['s-run-3', 's-run-2', 's-run-1']],
    ['?run_id=s-run-1', ['s-run-1']],
    ['?run_id=s-run-1,s-run-3&agent_id=s-two', ['s-run-3']],
    ['?agent_id=s-nobody', []],
  ] as const) {
    const tasks = runs.map((run) => `${run}-task-0`);
    const expected = { runs, tasks, runs_total: runs.length, tasks_total: runs.length };
    expect([query, await snapshot(query)]).toEqual([query, expected]);
  }
  const many = await snapshot('?agent_id=s-many');
  expect(many).toMatchObject({ runs_total: 205, tasks_total: 205 });
  expect([many.runs.length, many.runs[0], many.runs.at(-1)]).toEqual([200, 's-many-204', 's-many-5']);
  expect([many.tasks.length, many.tasks[0], many.tasks.at(-1)]).toEqual([200, 's-many-204-task-0', 's-many-5-task-0']);
});

test('a subscriber that stops reading loses only its own events, and is told exactly how many', async () => {
  const reader = await LiveClient.open(collector, '?agent_id=s-agent');
  const stalled = await LiveClient.open(collector, '?agent_id=s-agent');
  stalled.pause();
  const dropped = async () => (await collector.metrics()).get('tidemark_live_events_dropped_total{reason="slow"}') ?? 0;
  const before = await dropped();
  const message = 'x'.repeat(4_000);
  const residentBefore = residentBytes();
  let sent = 0;
  const sendSome = async () => {
    const event = () => ({ type: 'log', agent_id: 's-agent', message, task_id: `s-${sent++}` });
    await sendEvents(collector, Array.from({ length: 50 }, event));
    // The other one keeps up, however busy the machine is: it would be told of events of its own.
    await reader.until(() => reader.events().length === sent);
  };
  const sendRounds = async () => {
    for (let round = 0; round < 10; round++) await sendSome();
  };
  // The sockets of both sides hold some megabytes, by the system's settings; metrics are new once a second.
  while ((await dropped()) === before) await sendRounds();
  await sendRounds();
  expect(residentBytes() - residentBefore).toBeLessThan(200 * 1_048_576);
  stalled.resume();
  const told = () => stalled.received.reduce((sum, { op, count }) => sum + (op === 'dropped' ? (count ?? 0) : 0), 0);
  // Whether the last event of all is among the lost depends on how it was put together with others.
  await stalled.until(() => stalled.events().length + told() >= sent);
  expect(stalled.events().length + told()).toBe(sent);
  expect(told()).toBeGreaterThan(0);
  await expect.poll(dropped).toBe(before + told());
  const gap = stalled.received.findIndex(({ op }) => op === 'dropped');
  expect(stalled.received[gap + 1]?.op).toBe('snapshot');
  const ids = reader.events().map(({ task_id }) => task_id);
  expect(ids).toEqual(Array.from({ length: sent }, (_, index) => `s-${index}`));
  expect(reader.received.filter(({ op }) => op === 'dropped')).toEqual([]);
});

test('a thousand subscribers ask the store nothing, and more than a tenant may have are refused by name', async () => {
  const reads = async () => (await collector.metrics()).get('tidemark_query_wait_seconds_count') ?? -1;
  // The collector itself reads once the store is ready, to fill its windows; a page of metrics lasts a second.
  let before = await metric('tidemark_query_wait_seconds_count', (value) => value > 0);
  for (let last = -1; last !== before; before = await reads()) {
    last = before;
    await new Promise((resolve) => setTimeout(resolve, 1_100));
  }
  const already = await metric('tidemark_live_subscribers', (value) => value >= 0);
  const clients: LiveClient[] = [];
  while (clients.length < 1_000) {
    const opened = Array.from({ length: 100 }, (_, index) =>
      LiveClient.open(collector, `?agent_id=k-${(clients.length + index) % 250}`),
    );
    clients.push(...(await Promise.all(opened)));
  }
  expect(clients.every(({ closeCode }) => closeCode === null)).toBe(true);
  await sendEvents(
    collector,
    Array.from({ length: 250 }, (_, index) => ({ type: 'log', agent_id: `k-${index}` })),
  );
  await Promise.all(clients.map((client) => client.until(() => client.events().length === 1)));
  const refused = await Promise.all(Array.from({ length: 11 }, () => LiveClient.open(collector)));
  const last = refused.at(-1);
  await last?.until(() => false);
  expect(last?.received).toMatchObject([{ op: 'error', code: 'subscribers_exhausted' }]);
  expect(last?.closeCode).toBe(4429);
  expect((await LiveClient.open(collector, '', otherKey)).closeCode).toBe(null);
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  expect(await reads()).toBe(before);
  for (const client of [...clients, ...refused]) client.close();
  await metric('tidemark_live_subscribers', (value) => value <= already + 1);
  expect((await LiveClient.open(collector, '?agent_id=k-1')).received).toMatchObject([
    { op: 'hello' },
    { op: 'snapshot' },
  ]);
});

test('bad parameters are named, over both protocols', async () => {
  const socket = await LiveClient.open(collector, '?status=done&nonsense=1');
  await socket.until(() => false);
  expect(socket.received).toMatchObject([{ op: 'error', code: 'parameter_invalid' }]);
  expect(socket.closeCode).toBe(4400);
  const answer = await collector.get<{ readonly errors: { readonly path: string }[] }>(
    '/api/v1/live/events?status=done&type=task.done&agent_id=&nonsense=1',
  );
  expect(answer.errors.map(({ path }) => path)).toEqual(['nonsense', 'agent_id', 'type', 'status']);
});

test('the same comes as Server-Sent Events, and a client that goes away is released', async () => {
  const stream = openStream(collector, '/api/v1/live/events?agent_id=v-agent');
  await expect.poll(() => stream.text()).toContain('event: snapshot\n');
  await sendEvents(collector, [{ type: 'task.running', agent_id: 'v-agent', task_id: 'v-1', run_id: 'v-run' }]);
  await expect.poll(() => stream.text()).toContain('event: progress\n');
  const text = stream.text();
  expect(text).toContain('content-type: text/event-stream');
  expect(text).toContain('retry: 2000\n\n');
  const data = /^id: 1\nevent: events\ndata: (.*)$/m.exec(text)?.[1] ?? '';
  expect(JSON.parse(data)).toMatchObject({ op: 'events', seq: 1, events: [{ task_id: 'v-1', run_id: 'v-run' }] });
  const subscribers = await metric('tidemark_live_subscribers', (value) => value >= 1);
  stream.close();
  await metric('tidemark_live_subscribers', (value) => value < subscribers);
});

test('a collector that stops says so to its subscribers, over both protocols', async () => {
  const leaving = new CollectorProcess({ dataDir: tempDir() });
  await leaving.start();
  const client = await LiveClient.open(leaving);
  const stream = openStream(leaving, '/api/v1/live/events');
  await expect.poll(() => stream.text()).toContain('event: snapshot\n');
  expect(await leaving.stop()).toBe(0);
  await client.until(() => false);
  expect(client.received.at(-1)).toMatchObject({ op: 'error', code: 'stopping' });
  expect(client.closeCode).toBe(1012);
  expect(stream.text().endsWith('0\r\n\r\n')).toBe(true);
});

function residentBytes(): number {
  return 4_096 * Number(readFileSync(`/proc/${collector.pid}/statm`, 'utf8').split(' ')[1]);
}
