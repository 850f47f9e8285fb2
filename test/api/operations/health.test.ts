import { expect, test } from 'vitest';
import type { DependencyHealth, HealthProbe, HealthStatus } from '../../../src/core/ports/health-probe.js';
import type { StoreReader } from '../../../src/core/ports/store-reader.js';
import { FakeClock } from '../../support/fake-clock.js';
import { createQueryApi, emptyLedger } from '../api-client.js';

const store: StoreReader = { rows: async () => [] };

function dependency(name: string, status: HealthStatus): DependencyHealth {
  return { name, status, reason: status === 'healthy' ? null : `${name} is not well`, details: { checks: 3 } };
}

function probe(name: string, status: HealthStatus, ifUnhealthy: HealthProbe['ifUnhealthy'] = 'unhealthy'): HealthProbe {
  return { name, ifUnhealthy, health: () => dependency(name, status) };
}

async function statusOf(probes: readonly HealthProbe[]) {
  const api = createQueryApi({ store, probes });
  const shallow = await api.get('', '/health');
  const deep = await api.get('acme', '/health/deep');
  expect(deep.status).toBe(200);
  expect(deep.body.status).toBe(shallow.body.status);
  return [shallow.status, shallow.text.trim()];
}

test('the overall status is the worst of the dependencies', async () => {
  expect(await statusOf([])).toEqual([200, '{"status":"healthy"}']);
  expect(await statusOf([probe('spool', 'healthy'), probe('disk', 'degraded')])).toEqual([
    200,
    '{"status":"degraded"}',
  ]);
  expect(await statusOf([probe('spool', 'unhealthy'), probe('disk', 'degraded')])).toEqual([
    503,
    '{"status":"unhealthy"}',
  ]);
});

test('the store being away makes the collector degraded, because ingest goes on', async () => {
  expect(await statusOf([probe('clickhouse', 'unhealthy', 'degraded'), probe('spool', 'healthy')])).toEqual([
    200,
    '{"status":"degraded"}',
  ]);
});

test('the deep answer lists each dependency as its probe reported it', async () => {
  const probes = [probe('clickhouse', 'unhealthy', 'degraded'), probe('spool', 'healthy')];
  const { body } = await createQueryApi({ store, probes }).get('acme', '/api/v1/monitoring/system/health');
  expect(body.status).toBe('degraded');
  expect(body.dependencies).toEqual([dependency('clickhouse', 'unhealthy'), dependency('spool', 'healthy')]);
});

test('a probe that throws, and one that never answers, count as unhealthy under their name', async () => {
  const clock = new FakeClock();
  const broken: HealthProbe = {
    name: 'spool',
    ifUnhealthy: 'unhealthy',
    health: () => {
      throw new Error('no such file');
    },
  };
  const stuck: HealthProbe = { name: 'engine', ifUnhealthy: 'degraded', health: () => new Promise(() => {}) };
  const api = createQueryApi({ store, clock, probes: [broken, stuck] }, { probeMsMax: 2_000 });
  const answer = api.get('acme', '/health/deep');
  await Promise.resolve();
  clock.advance(2_000);
  const { body } = await answer;
  expect(body.status).toBe('unhealthy');
  expect(body.dependencies).toMatchObject([
    { name: 'spool', status: 'unhealthy', reason: 'the probe failed: no such file' },
    { name: 'engine', status: 'unhealthy', reason: 'the probe did not answer within 2000 ms' },
  ]);
});

test('a store probe that stops answering still only degrades', async () => {
  const clock = new FakeClock();
  let answers = true;
  const flaky: HealthProbe = {
    name: 'clickhouse',
    ifUnhealthy: 'degraded',
    health: () => (answers ? dependency('clickhouse', 'healthy') : new Promise<DependencyHealth>(() => {})),
  };
  const api = createQueryApi({ store, clock, probes: [flaky] });
  await api.get('', '/health');
  answers = false;
  clock.advance(10_000);
  const answer = api.get('', '/health');
  await Promise.resolve();
  clock.advance(10_000);
  expect(await answer).toMatchObject({ status: 200, body: { status: 'degraded' } });
});

test('however many ask, the probes are asked once a moment', async () => {
  const clock = new FakeClock();
  let asked = 0;
  const counting: HealthProbe = {
    name: 'spool',
    ifUnhealthy: 'unhealthy',
    health: () => {
      asked++;
      return dependency('spool', 'healthy');
    },
  };
  const api = createQueryApi({ store, clock, probes: [counting] }, { healthCacheMs: 500 });
  await Promise.all(Array.from({ length: 50 }, () => api.get('', '/health')));
  expect(asked).toBe(1);
  clock.advance(500);
  await api.get('', '/health');
  expect(asked).toBe(2);
});

const balancedLedger = {
  received: 100,
  durable: 80,
  duplicate: 10,
  rejected: 6,
  refused: 3,
  underway: 1,
  recovered: 20,
  inserted: 70,
  spooled: 25,
  quarantined: 5,
  oldestUndeliveredMs: null,
};

test('the ledger shows every term, that it adds up, and how old the oldest undelivered event is', async () => {
  const clock = new FakeClock();
  const ledger = () => ({ ...balancedLedger, oldestUndeliveredMs: clock.nowMs() - 4_000 });
  const { body } = await createQueryApi({ store, clock, ledger }).get('acme', '/health/deep');
  const { oldestUndeliveredMs: _, ...terms } = balancedLedger;
  expect(body.ledger).toEqual({ ...terms, balanced: true, intake_difference: 0, delivery_difference: 0 });
  expect(body.oldest_undelivered_age_ms).toBe(4_000);
  expect(body.oldest_undelivered_at).toBe(new Date(clock.nowMs() - 4_000).toISOString());
});

test('a ledger that is off for a moment is read again, one that stays off is told with the difference', async () => {
  const clock = new FakeClock();
  let reads = 0;
  const settles = () => ({ ...balancedLedger, inserted: ++reads < 3 ? 72 : 70 });
  const off = () => ({ ...emptyLedger, received: 7, durable: 5, spooled: 8 });
  for (const [ledger, expected] of [
    [settles, { balanced: true }],
    [off, { balanced: false, intake_difference: 2, delivery_difference: -3 }],
  ] as const) {
    const answer = createQueryApi({ store, clock, ledger }).get('acme', '/health/deep');
    for (let step = 0; step < 20; step++) {
      await Promise.resolve();
      clock.advance(20);
    }
    expect((await answer).body.ledger).toMatchObject(expected);
  }
  expect(reads).toBe(3);
});

test('the metrics page is served as the registry renders it', async () => {
  const page = '# HELP up Whether it is up.\n# TYPE up gauge\nup 1\n';
  const { status, headers, text } = await createQueryApi({ store, renderMetrics: async () => page }).get(
    '',
    '/metrics',
  );
  expect([status, text]).toEqual([200, page]);
  expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
});
