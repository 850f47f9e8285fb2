import { beforeEach, expect, test } from 'vitest';
import { CollectorError } from '../../../src/core/errors.js';
import type { AuditEntry, AuditQuery, RecordedEntry } from '../../../src/core/ports/audit-log.js';
import type { StoreReader } from '../../../src/core/ports/store-reader.js';
import { createQueryApi } from '../api-client.js';

const recorded: AuditEntry[] = [];
const asked: AuditQuery[] = [];
const kept: RecordedEntry = {
  at: '2026-01-31T00:00:00.000Z',
  action: 'createKey',
  outcome: 'done',
  tenant: 'mine',
  actor: '9b1f64d2',
  address: '10.0.0.7',
  what: { name: '3f9a0c12' },
};
let erasure: CollectorError | null = null;

const store: StoreReader = { rows: () => Promise.reject(new Error('the audit log is not in the store')) };
const record = { name: '3f9a0c12', scopes: ['read'], user: null, created: kept.at, rotated: null } as const;
const key = { ...record, previousUntil: null, limits: {}, eventsToday: null };
const api = createQueryApi({
  store,
  audit: {
    record: async (entry) => void recorded.push(entry),
    read: async (query) => {
      asked.push(query);
      return [kept];
    },
  },
  keys: {
    list: async () => [key],
    create: async () => ({ key: 'tdm_secret', record: key }),
    limit: async () => key,
    rotate: async () => ({ key: 'tdm_secret', record: key }),
    revoke: async () => null,
  },
  eraser: { erase: () => Promise.reject(erasure ?? new Error('a defect')) },
  snapshots: { take: async () => ({ id: 'image', takenMs: 0 }), drop: async () => true },
});
const json = { 'content-type': 'application/json' };

beforeEach(() => {
  recorded.length = 0;
  asked.length = 0;
});

test('what changes something with an admin key is recorded with its outcome, and no secret', async () => {
  await api.post('mine', '/api/v1/keys', '{"scopes":["ingest","read"]}', json);
  await api.post('mine', '/api/v1/keys/3f9a0c12/rotate', '{"overlap_seconds":60}', json);
  await api.post('mine', '/api/v1/keys/3f9a0c12/limits', '{"events_per_day":5}', json);
  await api.delete('mine', '/api/v1/keys/none');
  await api.post('mine', '/api/v1/maintenance/snapshots', '', {});
  const told = recorded.map(({ action, outcome, tenant, actor, what }) => [action, outcome, tenant, actor, what]);
  expect(told).toEqual([
    ['createKey', 'done', 'mine', 'test', { name: '3f9a0c12', scopes: 'ingest+read' }],
    ['rotateKey', 'done', 'mine', 'test', { name: '3f9a0c12', overlap_seconds: 60 }],
    ['limitKey', 'done', 'mine', 'test', { name: '3f9a0c12', eventsPerDay: 5 }],
    ['revokeKey', 'not_found', 'mine', 'test', { name: 'none' }],
    ['takeSnapshot', 'done', 'mine', 'test', { snapshot_id: 'image' }],
  ]);
  expect(JSON.stringify(recorded)).not.toContain('tdm_');
});

test('an erasure that fails is recorded too, and of a person no more than a digest', async () => {
  erasure = new CollectorError('store_unavailable', 'not here');
  await api.delete('mine', '/api/v1/users/ann@example.com');
  erasure = null;
  await api.delete('mine', '/api/v1/runs/r1');
  expect(recorded.map(({ action, outcome }) => [action, outcome])).toEqual([
    ['eraseUser', 'store_unavailable'],
    ['eraseRun', 'internal'],
  ]);
  expect(recorded[0]!.what).toEqual({ user_id_sha256: expect.stringMatching(/^[0-9a-f]{16}$/) });
  expect(recorded[1]!.what).toEqual({ run_id: 'r1' });
});

test('every route of the scope admin that is no read is recorded, and reads are not', async () => {
  await api.get('mine', '/api/v1/keys');
  await api.get('mine', '/api/v1/audit');
  expect(recorded).toEqual([]);
  const changing = api.routes.filter(({ scope, method }) => scope === 'admin' && method !== 'GET');
  expect(changing.length).toBeGreaterThan(8);
  for (const route of changing) {
    const request = { params: {}, query: new URLSearchParams(), headers: new Map(), body: new Uint8Array() };
    const caller = { tenant: 'mine', scopes: new Set(['admin'] as const), keyName: 'k', contentAllowed: false };
    const before = recorded.length;
    await Promise.resolve(route.handle(request as never, caller)).catch(() => undefined);
    expect(recorded.length, route.path).toBe(before + 1);
  }
});

test('the log is read in the tenant of the key that asks', async () => {
  const { tenant: _own, ...shown } = kept;
  expect((await api.get('mine', '/api/v1/audit?limit=5&until=2026-02-01T00:00:00Z')).body).toEqual({
    entries: [shown],
  });
  expect(asked).toEqual([{ tenant: 'mine', limit: 5, untilMs: Date.UTC(2026, 1, 1) }]);
  expect(await api.get('mine', '/api/v1/audit?limit=0')).toMatchObject({ status: 400 });
});
