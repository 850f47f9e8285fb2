import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { storedKeyOf, writeKeyFile } from '../../src/ingest/key-file.js';
import { CollectorProcess } from '../support/collector-process.js';
import { LiveClient } from '../support/live-client.js';

/** Keys of two users of one tenant, and one of the tenant itself: what a user is told of the other is nothing. */

const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-users-'));
const keys = { ann: 'tdm_key_of_ann', bob: 'tdm_key_of_bob', all: 'tdm_key_of_the_tenant' };
const collector = new CollectorProcess({ dataDir, env: { TIDEMARK_API_KEYS: '' } });

beforeAll(async () => {
  const grant = (user?: string) => ({ tenant: 'acme', scopes: ['ingest', 'read'] as const, user });
  writeKeyFile(dataDir, [
    storedKeyOf(keys.ann, grant('ann'), Date.now()),
    storedKeyOf(keys.bob, grant('bob'), Date.now()),
    storedKeyOf(keys.all, grant(), Date.now()),
  ]);
  await collector.start();
  for (const user of ['ann', 'bob'] as const) {
    expect(await send(keys[user], workOf(user))).toMatchObject({ accepted: workOf(user).length, rejected: 0 });
  }
  // A guess of an id takes part in what is of another, and does not open it.
  const guess = { type: 'run.completed', agent_id: 'shared', run_id: 'ann-guessed', ts: Date.now() };
  await send(keys.ann, [{ ...guess, outputs: { answer: 'of ann alone' } }]);
  await send(keys.bob, [{ ...guess, event_id: 'a guess', ts: guess.ts + 1, outputs: { answer: 'of bob alone' } }]);
  await collector.untilStored(2 * workOf('').length + 2);
});

afterAll(async () => {
  await collector.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** All texts name their user; nothing but the agent and the ids of events are the same. */
function workOf(user: string): Record<string, unknown>[] {
  const ts = Date.now() - 10_000;
  const common = {
    agent_id: 'shared',
    run_id: `${user}-run`,
    engagement_id: 'deal',
    flow_id: 'flow',
    ts,
    name: `work of ${user}`,
  };
  const task = { ...common, task_id: `${user}-task`, event_id: undefined };
  const step = { ...task, step_id: `${user}-step`, step_kind: 'tool' };
  const failure = { error_category: 'tool', error_code: `code_${user}`, error_message: `no answer to ${user}` };
  return [
    { ...common, type: 'run.started', event_id: 'the same id' },
    { ...task, type: 'task.running' },
    { ...step, type: 'step.started' },
    { ...step, type: 'step.failed', ...failure, duration_ms: 5 },
    { ...task, type: 'log', level: 'warn', message: `a line of ${user}` },
    { ...task, type: 'task.failed', ...failure, inputs: { topic: `topic of ${user}` }, duration_ms: 50 },
    { ...common, type: 'run.failed', ...failure, duration_ms: 60, tokens_in: 7 },
    { type: 'memory.stored', agent_id: 'shared', ts },
    { type: 'pattern.observed', agent_id: 'shared', ts, pattern_id: 'habit', pattern_type: `habit of ${user}` },
  ];
}

async function send(key: string, events: readonly Record<string, unknown>[]) {
  const response = await fetch(`${collector.url}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(events),
  });
  return (await response.json()) as { readonly accepted?: number; readonly errors?: readonly object[] };
}

async function get(key: string, target: string) {
  const response = await fetch(`${collector.url}${target}`, { headers: { authorization: `Bearer ${key}` } });
  const text = await response.text();
  return { status: response.status, text, code: /"code":"(\w+)"/.exec(text)?.[1] };
}

/** What is told by user, at an address of `user`. The word after it is what its own answer must hold. */
const told: Readonly<Record<string, readonly [target: (user: string) => string, holds: (user: string) => string]>> = {
  '/api/v1/monitoring/tasks': [() => '/api/v1/monitoring/tasks', (user) => `topic of ${user}`],
  '/api/v1/monitoring/tasks/{task_id}': [
    (user) => `/api/v1/monitoring/tasks/${user}-task`,
    (user) => `line of ${user}`,
  ],
  '/api/v1/runs': [() => '/api/v1/runs', (user) => `work of ${user}`],
  '/api/v1/runs/{run_id}': [(user) => `/api/v1/runs/${user}-run`, (user) => `work of ${user}`],
  '/api/v1/runs/{run_id}/timeline': [(user) => `/api/v1/runs/${user}-run/timeline`, (user) => `work of ${user}`],
  '/api/v1/agents/history': [() => '/api/v1/agents/history', (user) => `${user}-run`],
  '/api/v1/agents/logs': [(user) => `/api/v1/agents/logs?run_id=${user}-run`, (user) => `no answer to ${user}`],
  '/api/v1/failures': [() => '/api/v1/failures', (user) => `no answer to ${user}`],
  '/api/v1/failures/breakdown': [() => '/api/v1/failures/breakdown?group_by=code', (user) => `code_${user}`],
};

const aboutTheCollector = ['/health/deep', '/api/v1/monitoring/system/health'];

/** Of GET routes that need `read`, those that are not told by user. */
const refused: Readonly<Record<string, string>> = {
  '/api/v1/agents': '/api/v1/agents',
  '/api/v1/agents/{agent_id}/breakdown': '/api/v1/agents/shared/breakdown',
  '/api/v1/agents/{agent_id}/errors': '/api/v1/agents/shared/errors',
  '/api/v1/agents/{agent_id}/live': '/api/v1/agents/shared/live',
  '/api/v1/agents/{agent_id}/metrics': '/api/v1/agents/shared/metrics',
  '/api/v1/agents/{agent_id}/series': '/api/v1/agents/shared/series?metric=executions',
  '/api/v1/agent-studio/agents/{agent_id}/metrics': '/api/v1/agent-studio/agents/shared/metrics',
  '/api/v1/agent-studio/metrics/dashboard': '/api/v1/agent-studio/metrics/dashboard',
  '/api/v1/engagements/{engagement_id}/performance': '/api/v1/engagements/deal/performance',
  '/api/v1/flows': '/api/v1/flows',
  '/api/v1/metrics/dashboard': '/api/v1/metrics/dashboard',
  '/api/v1/metrics/export': '/api/v1/metrics/export?format=csv&from=2026-01-01',
  '/api/v1/monitoring/agents/{agent_id}/memory/stats': '/api/v1/monitoring/agents/shared/memory/stats',
  '/api/v1/monitoring/endpoints': '/api/v1/monitoring/endpoints',
  '/api/v1/patterns': '/api/v1/patterns',
  '/api/v1/patterns/{pattern_id}': '/api/v1/patterns/habit',
};

interface Described {
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
}

test('every route of the API is told by user, refused to users, or needs another scope', async () => {
  const { text } = await get(keys.ann, '/api/v1/openapi.json');
  const { paths } = JSON.parse(text) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  };
  const read = Object.entries(paths).filter(([, { get: route }]) => route?.security?.[0]?.key?.[0] === 'read');
  const known = [
    ...Object.keys(told),
    ...aboutTheCollector,
    ...Object.keys(refused),
    '/api/v1/live/events',
    '/api/v1/whoami',
  ];
  expect(read.map(([path]) => path).sort()).toEqual(known.sort());
});

test.each(Object.entries(told))('%s tells a user what is of this user, and nothing of the other', async (_, asked) => {
  const [target, holds] = asked;
  const own = await get(keys.ann, target('ann'));
  expect([own.status, own.text]).toEqual([200, expect.stringContaining(holds('ann'))]);
  expect(own.text).not.toContain('bob');
  expect(own.text).not.toContain('ann-guessed');
  const whole = await get(keys.all, target('bob'));
  expect([whole.status, whole.text]).toEqual([200, expect.stringContaining(holds('bob'))]);
  if (target('ann') === target('bob')) return;
  const foreign = await get(keys.ann, target('bob'));
  expect([foreign.status, foreign.code]).toEqual([404, 'not_found']);
  const unknown = await get(keys.ann, target('zoe'));
  expect(foreign.text).toBe(unknown.text.replaceAll('zoe', 'bob'));
});

test.each(Object.entries(refused))('%s is refused to a key of a user, with the reason', async (_, target) => {
  const { status, code, text } = await get(keys.ann, target);
  expect([status, code, text]).toEqual([403, 'user_bound', expect.stringContaining('not kept by user')]);
  expect((await get(keys.all, target)).status).toBe(200);
});

test('an id that another user names opens nothing, whoever was first', async () => {
  for (const key of [keys.ann, keys.bob]) {
    for (const path of ['/api/v1/runs/ann-guessed', '/api/v1/agents/logs?run_id=ann-guessed']) {
      expect((await get(key, path)).status, path).toBe(404);
    }
    expect((await get(key, '/api/v1/runs')).text).not.toContain('alone');
  }
  expect((await get(keys.all, '/api/v1/runs/ann-guessed')).text).toContain('alone');
});

test('a list of another user is refused, one of the own is the same as without', async () => {
  const other = await get(keys.ann, '/api/v1/runs?user_id=bob');
  expect([other.status, other.code]).toEqual([403, 'user_bound']);
  const own = await get(keys.ann, '/api/v1/runs?user_id=ann');
  expect(JSON.parse(own.text)).toMatchObject({ runs: [{ run_id: 'ann-run', user_id: 'ann' }], total: 1 });
});

test('an event of another user is rejected by itself, and one that names none is of the user', async () => {
  const event = { type: 'log', agent_id: 'sender', message: 'x', task_id: 'sent' };
  const answer = await send(keys.ann, [
    { ...event, event_id: 'named', user_id: 'ann' },
    { ...event, event_id: 'foreign', user_id: 'bob' },
    { ...event, event_id: 'nobody' },
  ]);
  expect(answer).toMatchObject({
    accepted: 2,
    rejected: 1,
    errors: [{ index: 1, code: 'user_foreign', path: 'user_id' }],
  });
  const sql = "SELECT event_id, user_id FROM agent_events WHERE agent_id = 'sender' ORDER BY event_id";
  await expect
    .poll(() => collector.query(sql))
    .toEqual([
      { event_id: 'named', user_id: 'ann' },
      { event_id: 'nobody', user_id: 'ann' },
    ]);
});

test('live events are those of the user, and the progress of runs is not told', async () => {
  const [ann, all] = await Promise.all(
    [keys.ann, keys.all].map((key) => LiveClient.open(collector, '?agent_id=live', key)),
  );
  const event = { type: 'run.started', agent_id: 'live' };
  await send(keys.bob, [{ ...event, run_id: 'live-of-bob' }]);
  await send(keys.ann, [{ ...event, run_id: 'live-of-ann' }]);
  await expect.poll(() => JSON.stringify(all?.received)).toContain('live-of-ann');
  await expect.poll(() => JSON.stringify(ann?.received)).toContain('live-of-ann');
  expect(JSON.stringify(all?.received)).toContain('live-of-bob');
  expect(JSON.stringify(ann?.received)).not.toContain('bob');
  for (const client of [ann, all]) client?.close();
});
