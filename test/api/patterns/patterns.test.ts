import { afterAll, beforeAll, expect, test } from 'vitest';
import type { IntakeEvent } from '../../../src/core/ports/event-intake.js';
import { FakeClock } from '../../support/fake-clock.js';
import { seededRandom } from '../../support/seeded-random.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';

const minuteMs = 60_000;
const nowMs = Math.floor(Date.now() / minuteMs) * minuteMs;

const json = { 'content-type': 'application/json' };

let store: QueryStore;
let api: QueryApi;
const taken: IntakeEvent[] = [];

beforeAll(async () => {
  store = await openQueryStore();
  api = createQueryApi({
    store: store.reader,
    clock: new FakeClock(nowMs),
    intake: {
      accept: async (event) => {
        taken.push(event);
        return { eventId: `event-${taken.length}`, duplicate: false };
      },
    },
  });
});

afterAll(async () => {
  await store.close();
});

function at(tenant: string, type: string, ageMs: number, fields: Readonly<Record<string, unknown>>): RawRow {
  return { tenant, agent_id: 'scout', type, ts: nowMs - ageMs, received: nowMs, ...fields };
}

function seen(tenant: string, patternId: string, ageMs: number, fields: Readonly<Record<string, unknown>> = {}) {
  return at(tenant, 'pattern.observed', ageMs, { pattern_id: patternId, ...fields });
}

function told(tenant: string, patternId: string, ageMs: number, fields: Readonly<Record<string, unknown>> = {}) {
  return at(tenant, 'pattern.feedback', ageMs, { pattern_id: patternId, ...fields });
}

async function idsOf(tenant: string, query: string): Promise<unknown[]> {
  const { status, body } = await api.get(tenant, `/api/v1/patterns${query}`);
  expect(status).toBe(200);
  return (body.patterns as { pattern_id: string }[]).map((pattern) => pattern.pattern_id);
}

test('a pattern shows its latest values, evidence and feedback', async () => {
  await store.insert([
    seen('acme', 'loop', 3_000, {
      pattern_type: 'retry_loop',
      name: 'Retry loop',
      message: 'The tool is asked again with equal arguments.',
      confidence: 0.4,
      effectiveness: 0.7,
      evidence: ['run-1', 'run-2'],
    }),
    seen('acme', 'loop', 1_000, { agent_id: 'watcher', confidence: 0.9, evidence: ['run-3', 'run-2'] }),
    seen('acme', 'loop', 2_000, { pattern_type: 'loop', confidence: 0.6, evidence: [] }),
    told('acme', 'loop', 900, { event_id: 'f1', feedback_score: 4, feedback_text: 'Right.', user_id: 'ada' }),
    told('acme', 'loop', 500, { event_id: 'f2', feedback_score: -1.5 }),
    told('acme', 'loop', 700, { event_id: 'f3', feedback_text: 'Not sure.' }),
  ]);
  const { status, body } = await api.get('acme', '/api/v1/patterns/loop');
  expect(status).toBe(200);
  const time = (ageMs: number) => new Date(nowMs - ageMs).toISOString();
  const item = {
    pattern_id: 'loop',
    pattern_type: 'loop',
    name: 'Retry loop',
    description: 'The tool is asked again with equal arguments.',
    confidence: 0.9,
    effectiveness: 0.7,
    observations: 3,
    agents: ['watcher', 'scout'],
    agent_count: 2,
    evidence_count: 3,
    evidence_count_exact: true,
    first_seen: time(3_000),
    last_seen: time(1_000),
    feedback: {
      count: 3,
      scored: 2,
      avg_score: 1.25,
      min_score: -1.5,
      max_score: 4,
      last_score: -1.5,
      last_at: time(500),
    },
  };
  expect(body).toEqual({
    ...item,
    evidence: ['run-2', 'run-3', 'run-1'],
    latest_feedback: [
      { feedback_id: 'f2', at: time(500), score: -1.5, text: null, user_id: null },
      { feedback_id: 'f3', at: time(700), score: null, text: 'Not sure.', user_id: null },
      { feedback_id: 'f1', at: time(900), score: 4, text: 'Right.', user_id: 'ada' },
    ],
  });
  const list = await api.get('acme', '/api/v1/patterns');
  expect(list.body).toEqual({ patterns: [item], limit: 20, next_cursor: null });
});

test('a pattern nobody gave a value has nulls, no evidence and no feedback', async () => {
  await store.insert([seen('bare', 'p', 0)]);
  const { body } = await api.get('bare', '/api/v1/patterns/p');
  expect(body).toMatchObject({
    pattern_type: null,
    name: null,
    description: null,
    confidence: null,
    effectiveness: null,
    evidence_count: 0,
    evidence: [],
    latest_feedback: [],
    feedback: { count: 0, scored: 0, avg_score: null, last_score: null, last_at: null },
  });
  expect(await idsOf('bare', '?min_confidence=0')).toEqual([]);
});

test('patterns of two tenants with one id are two patterns, and without any the list is empty', async () => {
  await store.insert([
    seen('one', 'shared', 0, { pattern_type: 'a', evidence: ['x'] }),
    seen('two', 'shared', 0, { pattern_type: 'b', confidence: 1 }),
    told('two', 'shared', 0, { feedback_score: 5, feedback_text: 'private' }),
  ]);
  const one = await api.get('one', '/api/v1/patterns/shared');
  expect(one.body).toMatchObject({ pattern_type: 'a', confidence: null, feedback: { count: 0 }, latest_feedback: [] });
  const two = await api.get('two', '/api/v1/patterns/shared');
  expect(two.body).toMatchObject({ pattern_type: 'b', evidence_count: 0, feedback: { count: 1, avg_score: 5 } });
  const nobody = await api.get('nobody', '/api/v1/patterns');
  expect(nobody.body).toEqual({ patterns: [], limit: 20, next_cursor: null });
  expect((await api.get('nobody', '/api/v1/patterns/shared')).body).toMatchObject({ status: 404, code: 'not_found' });
});

test('the list goes from the last observed to the first, page by page, each once', async () => {
  const rows = Array.from({ length: 23 }, (_, n) => seen('pages', `p${n}`, (n % 5) * 1_000));
  await store.insert(rows);
  const expected = rows
    .map((row) => ({ id: String(row.pattern_id), ts: row.ts }))
    .sort((a, b) => b.ts - a.ts || (a.id < b.id ? 1 : -1))
    .map(({ id }) => id);
  const found: unknown[] = [];
  for (let cursor = ''; ; ) {
    const { body } = await api.get('pages', `/api/v1/patterns?limit=7${cursor}`);
    found.push(...(body.patterns as { pattern_id: string }[]).map((pattern) => pattern.pattern_id));
    if (body.next_cursor === null) break;
    cursor = `&cursor=${String(body.next_cursor)}`;
  }
  expect(found).toEqual(expected);
});

test('filters compare the latest values, and an agent finds what it observed itself', async () => {
  await store.insert([
    seen('filter', 'a', 5_000, { pattern_type: 'loop', confidence: 0.9 }),
    seen('filter', 'a', 4_000, { pattern_type: 'stall', confidence: 0.7, agent_id: 'watcher' }),
    seen('filter', 'b', 3_000, { pattern_type: 'loop', confidence: 0.8 }),
    seen('filter', 'c', 2_000, { pattern_type: 'loop' }),
  ]);
  expect(await idsOf('filter', '?pattern_type=loop')).toEqual(['c', 'b']);
  expect(await idsOf('filter', '?pattern_type=stall')).toEqual(['a']);
  expect(await idsOf('filter', '?agent_id=watcher')).toEqual(['a']);
  expect(await idsOf('filter', '?agent_id=scout')).toEqual(['c', 'b', 'a']);
  expect(await idsOf('filter', '?min_confidence=0.7')).toEqual(['b', 'a']);
  expect(await idsOf('filter', '?min_confidence=0.75&pattern_type=loop')).toEqual(['b']);
  expect(await idsOf('filter', '?agent_id=nobody')).toEqual([]);
});

const hostileIds = [
  "o'brien",
  "') OR 1=1 --",
  'end\\',
  '\\N',
  "['a','b']",
  'tab\tline\n',
  '{tenant:String}',
  '🌊'.repeat(256),
];

test.each(hostileIds)('the id %j is found as pattern, type and agent, and nothing else with it', async (id) => {
  const tenant = `hostile-${hostileIds.indexOf(id)}`;
  const fields = { pattern_type: id, agent_id: id, name: id, message: id, evidence: [id] };
  await store.insert([
    seen(tenant, id, 0, fields),
    seen(tenant, 'other', 1),
    told(tenant, id, 0, { feedback_text: id }),
  ]);
  const part = encodeURIComponent(id);
  expect(await idsOf(tenant, `?pattern_type=${part}&agent_id=${part}`)).toEqual([id]);
  const { body } = await api.get(tenant, `/api/v1/patterns/${part}`);
  const named = { pattern_id: id, pattern_type: id, name: id, description: id, agents: [id], evidence: [id] };
  expect(body).toMatchObject({ ...named, latest_feedback: [{ text: id }] });
  const page = await api.get(tenant, '/api/v1/patterns?limit=1');
  expect(await idsOf(tenant, `?cursor=${String(page.body.next_cursor)}`)).toEqual(['other']);
  taken.length = 0;
  const feedback = await api.post(tenant, `/api/v1/patterns/${part}/feedback`, '{"score":1}', json);
  expect(feedback.status).toBe(202);
  expect(taken).toMatchObject([{ tenant, fields: { agent_id: id, pattern_id: id } }]);
});

test('the order of arrival, the split over inserts and repeated feedback leave no trace', async () => {
  const random = seededRandom(20_261);
  const pick = (count: number) => Math.floor(random() * count);
  const events = (tenant: string): RawRow[] =>
    Array.from({ length: 120 }, (_, n) => {
      const id = `p${n % 4}`;
      // Few times and few values, so that many of them are equal.
      const ageMs = (n % 7) * 1_000;
      if (n % 5 === 0) {
        const score = n % 10 === 0 ? { feedback_score: (n % 9) - 4 } : {};
        return told(tenant, id, ageMs, { event_id: n % 3 === 0 ? `e${n}` : '', feedback_text: `text ${n}`, ...score });
      }
      return seen(tenant, id, ageMs, {
        agent_id: `agent-${n % 3}`,
        pattern_type: ['', 'loop', 'stall'][n % 3],
        message: n % 4 === 0 ? '' : `message ${n % 11}`,
        evidence: [`run-${n % 50}`, `run-${(n * 7) % 50}`],
        ...(n % 2 === 0 ? { confidence: (n % 8) / 10 } : {}),
      });
    });
  const ordered = events('ordered').sort((a, b) => a.ts - b.ts);
  await store.insert(ordered);
  const shuffled = events('shuffled')
    .map((row) => ({ row, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ row }) => row);
  for (const part of [0, 1, 2, 3]) await store.insert(shuffled.filter((_, n) => n % 4 === part));
  const repeated = shuffled.filter((row) => row.type === 'pattern.feedback');
  await store.insert(repeated.map((row) => (row.event_id === '' ? row : { ...row, ts: row.ts + pick(50) })));
  for (const path of ['/api/v1/patterns', ...[0, 1, 2, 3].map((n) => `/api/v1/patterns/p${n}`)]) {
    const [first, second] = await Promise.all(['ordered', 'shuffled'].map((tenant) => api.get(tenant, path)));
    expect(first?.status).toBe(200);
    expect(second?.body).toEqual(first?.body);
  }
  await store.run('OPTIMIZE TABLE agent_patterns_v1 FINAL');
  await store.run('OPTIMIZE TABLE agent_pattern_feedback_v1 FINAL');
  const merged = await Promise.all(['ordered', 'shuffled'].map((tenant) => api.get(tenant, '/api/v1/patterns/p0')));
  expect(merged[0]?.body).toEqual(merged[1]?.body);
  const columns = '* EXCEPT tenant';
  const views = await Promise.all(
    ['ordered', 'shuffled'].map((tenant) =>
      store.reader.rows({
        name: 'test',
        sql: `SELECT ${columns} FROM agent_discovered_patterns WHERE tenant = {tenant:String} ORDER BY pattern_id`,
        params: { tenant },
      }),
    ),
  );
  expect(views[0]).toHaveLength(4);
  expect(views[1]).toEqual(views[0]);
});

test('evidence beyond the listed references is counted', async () => {
  const rows = Array.from({ length: 40 }, (_, n) =>
    seen('evidence', 'p', n * 1_000, { evidence: Array.from({ length: 5 }, (_, m) => `run-${n}-${m}`) }),
  );
  await store.insert(rows);
  const { body } = await api.get('evidence', '/api/v1/patterns/p');
  expect([body.evidence_count, body.evidence_count_exact]).toEqual([200, true]);
  const listed = body.evidence as string[];
  expect(listed).toHaveLength(64);
  expect(listed.slice(0, 5).sort()).toEqual(['run-0-0', 'run-0-1', 'run-0-2', 'run-0-3', 'run-0-4']);
});

test.each([
  ['?limit=0', 'limit', 'expected an integer from 1 to 100'],
  ['?limit=101', 'limit', 'expected an integer from 1 to 100'],
  ['?min_confidence=1.1', 'min_confidence', 'expected a number from 0 to 1'],
  ['?min_confidence=high', 'min_confidence', 'expected a number from 0 to 1'],
  ['?agent_id=', 'agent_id', 'expected an id, not an empty value'],
  ['?cursor=zzz', 'cursor', 'expected the next_cursor of an earlier answer of this endpoint'],
])('%s is refused with the parameter and what it may be', async (query, path, message) => {
  const { status, body } = await api.get('acme', `/api/v1/patterns${query}`);
  expect([status, body.code]).toEqual([400, 'parameter_invalid']);
  expect(body.errors).toEqual([{ path, code: 'parameter_invalid', message }]);
});

test('feedback goes to the agent that last observed the pattern, as an event of the tenant', async () => {
  await store.insert([
    seen('voice', 'p', 1_000, { agent_id: 'early' }),
    seen('voice', 'p', 0, { agent_id: 'late' }),
    seen('voice', 'p', 2_000, { agent_id: 'earliest' }),
  ]);
  taken.length = 0;
  const sent = JSON.stringify({ score: -2.5, text: 'No.', user_id: 'ada' });
  const { status, body } = await api.post('voice', '/api/v1/patterns/p/feedback', sent, {
    ...json,
    'idempotency-key': 'k',
  });
  expect([status, body]).toEqual([202, { pattern_id: 'p', event_id: 'event-1', duplicate: false }]);
  expect(taken).toEqual([
    {
      tenant: 'voice',
      contentAllowed: false,
      fields: {
        type: 'pattern.feedback',
        agent_id: 'late',
        pattern_id: 'p',
        feedback_score: -2.5,
        feedback_text: 'No.',
        user_id: 'ada',
      },
      idempotencyKey: 'k',
      purpose: 'feedback:p',
      requestBody: expect.any(Uint8Array),
    },
  ]);
});

test('feedback on a pattern of another tenant, or of nobody, is a 404 and no event', async () => {
  taken.length = 0;
  for (const target of ['/api/v1/patterns/p/feedback', `/api/v1/patterns/${'x'.repeat(300)}/feedback`]) {
    const { status, body } = await api.post('acme', target, '{"score":1}', json);
    expect([status, body.code]).toEqual([404, 'not_found']);
  }
  expect(taken).toEqual([]);
});

test.each([
  ['{}', 'score', 'expected a number from -100 to 100'],
  ['{"score":"5"}', 'score', 'expected a number from -100 to 100'],
  ['{"score":100.5}', 'score', 'expected a number from -100 to 100'],
  ['{"score":1,"text":""}', 'text', 'expected a text of 1 to 2048 characters'],
  [`{"score":1,"text":"${'x'.repeat(2_049)}"}`, 'text', 'expected a text of 1 to 2048 characters'],
  ['{"score":1,"text":"\\ud800"}', 'text', 'expected well-formed Unicode, without half a surrogate pair'],
  ['{"score":1,"user_id":7}', 'user_id', 'expected a text of 1 to 256 characters'],
  ['{"score":1,"mood":7}', 'mood', 'unknown field: known are score, text, user_id'],
  ['[1]', '', 'expected a JSON object with score, text, user_id'],
  ['{"score":', '', 'expected JSON in UTF-8: it is not valid JSON: it ends too early'],
])('the body %s is refused with the field and what it may be', async (sent, path, message) => {
  taken.length = 0;
  const { status, body } = await api.post('voice', '/api/v1/patterns/p/feedback', sent, json);
  expect([status, body.code]).toEqual([400, 'body_invalid']);
  expect(body.errors).toMatchObject([{ path, message }]);
  expect(taken).toEqual([]);
});

test('a text of 2,048 characters outside the basic plane is taken', async () => {
  const sent = JSON.stringify({ score: 1, text: '😀'.repeat(2_048) });
  expect((await api.post('voice', '/api/v1/patterns/p/feedback', sent, json)).status).toBe(202);
});

test.each([{}, { 'content-type': 'text/plain' }, { ...json, 'content-encoding': 'gzip' }])(
  'a body sent with %j is not read',
  async (headers) => {
    const { status, body } = await api.post('voice', '/api/v1/patterns/p/feedback', '{"score":1}', headers);
    expect([status, body.code]).toEqual([415, 'media_type_unsupported']);
  },
);
