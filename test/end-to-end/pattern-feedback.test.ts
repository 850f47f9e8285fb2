import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';

const readerKey = 'tdm_test_key_that_may_only_read';
const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-feedback-'));
let collector: CollectorProcess;

beforeAll(async () => {
  const keys = `${testKey}:default:admin,${readerKey}:default:read`;
  collector = new CollectorProcess({ dataDir, env: { TIDEMARK_API_KEYS: keys } });
  await collector.start();
});

afterAll(async () => {
  await collector.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function post(path: string, body: object, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const response = await fetch(`${collector.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

interface Pattern {
  readonly feedback?: { readonly count: number; readonly avg_score: number | null };
  readonly latest_feedback?: readonly { readonly feedback_id: string; readonly text: string | null }[];
}

/** Asks until the store has the rows. */
async function patternWhen(accept: (pattern: Pattern) => boolean): Promise<Pattern> {
  for (let deadline = performance.now() + 30_000; ; ) {
    const pattern = await collector.get<Pattern>('/api/v1/patterns/loop');
    if (accept(pattern)) return pattern;
    if (performance.now() > deadline) throw new Error(`the pattern stays ${JSON.stringify(pattern)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const path = '/api/v1/patterns/loop/feedback';
const once = { 'idempotency-key': 'the verdict of Ada' };

test('feedback that was answered survives a crash, and its retry afterwards counts nothing', async () => {
  const observed = { type: 'pattern.observed', agent_id: 'scout', pattern_id: 'loop', confidence: 0.8 };
  expect((await post('/v1/events', observed)).status).toBe(202);
  await patternWhen(({ feedback }) => feedback !== undefined);

  const first = await post(path, { score: 4, text: 'Right. Key sk-abcdefghijklmnopqrstuvwxyz012345' }, once);
  expect(first).toMatchObject({ status: 202, body: { pattern_id: 'loop', duplicate: false } });
  await collector.kill();
  await collector.start();
  await patternWhen(({ feedback }) => feedback !== undefined);

  const again = await post(path, { score: 4, text: 'Right. Key sk-abcdefghijklmnopqrstuvwxyz012345' }, once);
  expect(again).toEqual({ status: 202, body: { ...first.body, duplicate: true } });
  // The key is of this endpoint and pattern: elsewhere it means another request.
  const elsewhere = { type: 'log', agent_id: 'scout', message: 'x' };
  expect((await post('/v1/events', elsewhere, once)).body).toMatchObject({ accepted: 1, duplicates: 0 });
  const other = await post(path, { score: 1 });
  expect(other.body.event_id).not.toBe(first.body.event_id);

  const { feedback, latest_feedback: latest } = await patternWhen((pattern) => pattern.feedback?.count === 2);
  expect(feedback).toMatchObject({ count: 2, avg_score: 2.5 });
  expect(latest?.map((given) => given.feedback_id)).toEqual([other.body.event_id, first.body.event_id]);
  expect(latest?.[1]?.text).toMatch(/^Right\. Key /);
  expect(latest?.[1]?.text).not.toContain('abcdefghijkl');

  const rows = await collector.query<{ readonly event_id: string; readonly agent_id: string }>(
    "SELECT event_id, agent_id FROM agent_events WHERE type = 'pattern.feedback' ORDER BY received",
  );
  expect(rows).toEqual([first, other].map(({ body }) => ({ event_id: body.event_id, agent_id: 'scout' })));
});

test('what feedback added to the ledger adds up', async () => {
  const health = await collector.get<{ readonly ledger: object }>('/health/deep');
  expect(health.ledger).toMatchObject({ balanced: true, duplicate: 1, rejected: 0 });
});

test('a key that may only read gives no feedback', async () => {
  const { status, body } = await post(path, { score: 1 }, { authorization: `Bearer ${readerKey}` });
  expect([status, body.code]).toEqual([403, 'scope_missing']);
});

test('feedback on an unknown pattern, and a body that is too large, are refused', async () => {
  const unknown = await post('/api/v1/patterns/nobody-saw-it/feedback', { score: 1 });
  expect([unknown.status, unknown.body.code]).toEqual([404, 'not_found']);
  const large = await post(path, { score: 1, text: 'x'.repeat(40_000) });
  expect([large.status, large.body.code]).toEqual([413, 'body_too_large']);
});

test('health names every dependency, the disk and the clock among them', async () => {
  const { dependencies } = await collector.get<{
    readonly dependencies: readonly { readonly name: string; readonly details: Readonly<Record<string, unknown>> }[];
  }>('/api/v1/monitoring/system/health');
  const names = ['spool', 'decode', 'engine', 'clickhouse', 'schema', 'delivery', 'maintenance', 'disk', 'clock'];
  expect(dependencies.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  const disk = dependencies.find(({ name }) => name === 'disk');
  expect(disk?.details.used_ratio).toBeGreaterThan(0);
  expect(disk?.details.free_bytes).toBeGreaterThan(0);
});
