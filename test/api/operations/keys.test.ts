import { beforeEach, expect, test } from 'vitest';
import { CollectorError } from '../../../src/core/errors.js';
import type { KeyOrder, KeyRecord } from '../../../src/core/ports/key-keeper.js';
import type { StoreReader } from '../../../src/core/ports/store-reader.js';
import { createQueryApi } from '../api-client.js';

const record: KeyRecord = {
  name: '3f9a0c12',
  scopes: ['read'],
  user: 'ann',
  created: '2026-01-31T00:00:00.000Z',
  rotated: '2026-02-01T00:00:00.000Z',
  previousUntil: null,
  limits: { eventsPerDay: 5_000, requestsPerSecond: 0 },
  eventsToday: 12,
};
const asked: unknown[] = [];
let revoked: KeyRecord | null = record;
let refusal: CollectorError | null = null;

const store: StoreReader = { rows: () => Promise.reject(new Error('keys are not in the store')) };
const answered = async <Result>(question: unknown, result: Result): Promise<Result> => {
  asked.push(question);
  if (refusal !== null) throw refusal;
  return result;
};
const api = createQueryApi({
  store,
  keys: {
    list: (tenant) => answered(['list', tenant], [record]),
    create: (order: KeyOrder) => answered(['create', order], { key: 'tdm_new', record: { ...record, ...order } }),
    rotate: (tenant, name, overlapMs) =>
      answered(['rotate', tenant, name, overlapMs], revoked === null ? null : { key: 'tdm_next', record: revoked }),
    limit: (tenant, name, limits) => answered(['limit', tenant, name, limits], revoked),
    revoke: (tenant, name) => answered(['revoke', tenant, name], revoked),
  },
});

const json = { 'content-type': 'application/json' };
const make = (body: object) => api.post('mine', '/api/v1/keys', JSON.stringify(body), json);
const told = {
  name: '3f9a0c12',
  scopes: ['read'],
  user_id: 'ann',
  created_at: '2026-01-31T00:00:00.000Z',
  rotated_at: '2026-02-01T00:00:00.000Z',
  previous_until: null,
  limits: { events_per_day: 5_000, requests_per_second: 0 },
  events_today: 12,
};

beforeEach(() => {
  asked.length = 0;
  revoked = record;
  refusal = null;
});

test('keys are listed, made and taken back in the tenant of the key that asks, which alone is told one', async () => {
  expect((await api.get('mine', '/api/v1/keys')).body).toEqual({ keys: [told] });
  const made = await make({ scopes: ['ingest', 'read'], user_id: 'ann' });
  expect([made.status, made.body]).toEqual([201, { key: 'tdm_new', ...told, scopes: ['ingest', 'read'], limits: {} }]);
  expect(made.headers['cache-control']).toBe('no-store');
  const gone = await api.delete('mine', '/api/v1/keys/3f9a0c12');
  expect([gone.status, gone.body]).toEqual([200, told]);
  expect(asked).toEqual([
    ['list', 'mine'],
    ['create', { tenant: 'mine', scopes: ['ingest', 'read'], user: 'ann', limits: {} }],
    ['revoke', 'mine', '3f9a0c12'],
  ]);
});

test('a key is given limits of its own in place of those it has had', async () => {
  const limit = (name: string, body: object) =>
    api.post('mine', `/api/v1/keys/${name}/limits`, JSON.stringify(body), json);
  const limited = await limit('3f9a0c12', { events_per_second: 500, events_per_day: 0 });
  expect([limited.status, limited.body]).toEqual([200, told]);
  await make({ scopes: ['ingest'], limits: { bytes_per_second: 9 } });
  expect(asked).toEqual([
    ['limit', 'mine', '3f9a0c12', { eventsPerSecond: 500, eventsPerDay: 0 }],
    ['create', { tenant: 'mine', scopes: ['ingest'], user: null, limits: { bytesPerSecond: 9 } }],
  ]);
  expect(await limit('3f9a0c12', { events_per_second: -1 })).toMatchObject({
    status: 400,
    body: { code: 'body_invalid' },
  });
  revoked = null;
  expect(await limit('none', {})).toMatchObject({ status: 404, body: { code: 'not_found' } });
});

test('a key is rotated with an overlap of a day, or of what is asked for within thirty', async () => {
  const rotate = (name: string, body: object) =>
    api.post('mine', `/api/v1/keys/${name}/rotate`, JSON.stringify(body), json);
  const rotated = await rotate('3f9a0c12', {});
  expect([rotated.status, rotated.body]).toEqual([200, { key: 'tdm_next', ...told }]);
  expect(rotated.headers['cache-control']).toBe('no-store');
  await rotate('3f9a0c12', { overlap_seconds: 0 });
  expect(asked).toEqual([
    ['rotate', 'mine', '3f9a0c12', 86_400_000],
    ['rotate', 'mine', '3f9a0c12', 0],
  ]);
  for (const seconds of [-1, 2_592_001, 1.5, '60']) {
    const refused = await rotate('3f9a0c12', { overlap_seconds: seconds });
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ path: 'overlap_seconds' }] } });
  }
  revoked = null;
  expect(await rotate('none', {})).toMatchObject({ status: 404, body: { code: 'not_found' } });
});

test('every one of them needs the scope admin', () => {
  const routes = api.routes.filter(({ path }) => path.startsWith('/api/v1/keys'));
  expect(routes.map(({ method, scope }) => [method, scope])).toEqual([
    ['GET', 'admin'],
    ['POST', 'admin'],
    ['POST', 'admin'],
    ['POST', 'admin'],
    ['DELETE', 'admin'],
  ]);
});

test.each([
  [{}, 'scopes'],
  [{ scopes: [] }, 'scopes'],
  [{ scopes: ['metrics'] }, 'scopes.0'],
  [{ scopes: ['admin', 'metrics'] }, 'scopes.1'],
  [{ scopes: ['read', 'read'] }, 'scopes'],
  [{ scopes: 7 }, 'scopes'],
  [{ scopes: ['admin'], user_id: 'ann' }, 'scopes'],
  [{ scopes: ['read'], user_id: '' }, 'user_id'],
  [{ scopes: ['read'], user_id: 'x'.repeat(257) }, 'user_id'],
  [{ scopes: ['read'], tenant: 'theirs' }, 'tenant'],
])('%j is refused by the field at fault, and no key is made', async (body, path) => {
  const answer = await make(body);
  expect([answer.status, answer.body.code]).toEqual([400, 'body_invalid']);
  expect(answer.body.errors).toMatchObject([{ path }]);
  expect(asked).toEqual([]);
});

test('a key does not take itself back, and one of another tenant or of nobody is not found', async () => {
  const own = await api.delete('mine', '/api/v1/keys/test');
  expect([own.status, own.body.code]).toEqual([409, 'key_own']);
  expect(asked).toEqual([]);
  revoked = null;
  const foreign = await api.delete('mine', '/api/v1/keys/deadbeef');
  expect([foreign.status, foreign.body.code]).toEqual([404, 'not_found']);
});

test('where the configuration sets the keys every one of them says so', async () => {
  refusal = new CollectorError('keys_configured', 'cannot keep API keys');
  const answers = [await api.get('mine', '/api/v1/keys'), await make({ scopes: ['read'] })];
  answers.push(await api.delete('mine', '/api/v1/keys/other'));
  expect(answers.map(({ status, body }) => [status, body.code])).toEqual(Array(3).fill([409, 'keys_configured']));
});
