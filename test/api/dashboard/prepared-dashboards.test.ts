import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { PreparedDashboards } from '../../../src/api/dashboard/prepared-dashboards.js';
import { CollectorError } from '../../../src/core/errors.js';
import { silentLogger } from '../../../src/core/logger.js';
import type { StoreReader } from '../../../src/core/ports/store-reader.js';
import { defaultConfig } from '../../support/default-config.js';
import { FakeClock } from '../../support/fake-clock.js';
import { createQueryApi } from '../api-client.js';
import { openMemory, openQueryStore, type QueryStore } from '../api-store.js';

const minuteMs = 60_000;
const hourMs = 3_600_000;
/** Five minutes into an hour, so that a test does not come to the next one by itself. */
const nowMs = Math.floor(Date.now() / hourMs) * hourMs - hourMs + 5 * minuteMs;

let store: QueryStore;

beforeAll(async () => {
  store = await openQueryStore();
  // A merge would make parts that nothing is known of.
  for (const table of ['agent_performance_per_day_v1', 'agent_performance_per_minute_v1'])
    await store.run(`SYSTEM STOP MERGES ${table}`);
  await insertTask();
});

afterAll(() => store.close());

let tasks = 0;

async function insertTask(): Promise<void> {
  tasks += 1;
  const times = { ts: nowMs - minuteMs, received: nowMs - minuteMs };
  const task = { agent_id: 'agent', type: 'task.completed', task_id: `t${tasks}`, duration_ms: 20, ...times };
  await store.insert(['acme', 'other'].map((tenant) => ({ tenant, ...task })));
}

interface RigOptions {
  readonly tenants?: readonly string[];
  readonly tenantsMax?: number;
  readonly reader?: StoreReader;
  readonly bytesMax?: number;
}

/** A collector's part of it, that has read nothing yet. */
function createRig(options: RigOptions = {}) {
  const { tenants = ['acme'], tenantsMax = 4, reader = store.reader } = options;
  const clock = new FakeClock(nowMs);
  const memory = openMemory(store.reader, options.bytesMax ?? defaultConfig.query.rememberedBytesMax);
  const outcomes: string[] = [];
  const told: object[] = [];
  const schema = { ready: true };
  const prepared = new PreparedDashboards(
    {
      store: reader,
      memory,
      schema,
      keys: { tenants: () => tenants },
      clock,
      logger: { ...silentLogger, warn: (context) => void told.push(context) },
      instruments: { reads: { inc: ({ outcome }) => outcomes.push(outcome) } },
    },
    { tenantsMax },
  );
  const api = createQueryApi({ store: store.reader, memory, dashboards: prepared, clock });
  /** Until the timer is set again, which it is when all that was due has been read. */
  const advance = async (ms: number, stepMs = 5_000) => {
    for (let left = ms; left > 0; left -= stepMs) {
      clock.advance(Math.min(left, stepMs));
      await vi.waitFor(() => expect(clock.pendingTimers()).toBe(1), { timeout: 60_000, interval: 1 });
    }
  };
  return {
    prepared,
    outcomes,
    told,
    schema,
    advance,
    /** How often parts were read for a dashboard that is asked for now. */
    async partReadsOf(tenant: string): Promise<number> {
      store.asked.length = 0;
      const { status, body } = await api.get(tenant, '/api/v1/metrics/dashboard');
      expect(status).toBe(200);
      expect(body.total_agents).toBe(1);
      return partReads();
    },
    async [Symbol.asyncDispose]() {
      await prepared.stop();
      await memory.stop();
    },
  };
}

function partReads(): number {
  return store.asked.filter(({ name }) => name === 'tenant_parts').length;
}

async function partReadsWithin(rig: ReturnType<typeof createRig>, ms: number): Promise<number> {
  store.asked.length = 0;
  await rig.advance(ms);
  return partReads();
}

describe('dashboards read ahead', () => {
  test('are those of the tenants that have keys, once the schema is there: nobody waits for the first', async () => {
    await using rig = createRig({ tenants: ['acme', 'acme', 'other'] });
    rig.schema.ready = false;
    await rig.prepared.start();
    await rig.advance(10_000);
    expect(rig.outcomes).toEqual([]);
    rig.schema.ready = true;
    await rig.advance(5_000);
    expect(rig.outcomes).toEqual(['read', 'read']);
    expect(await rig.partReadsOf('acme')).toBe(0);
    expect(await rig.partReadsOf('other')).toBe(0);
  });

  test('have what was inserted since: soon while somebody asks, every few minutes while nobody does', async () => {
    await using rig = createRig();
    await rig.prepared.start();
    await rig.advance(5_000);
    await insertTask();
    expect(await partReadsWithin(rig, 4 * minuteMs)).toBe(0);
    expect(await partReadsWithin(rig, 2 * minuteMs)).toBeGreaterThan(0);
    expect(await rig.partReadsOf('acme')).toBe(0);
    await insertTask();
    expect(await partReadsWithin(rig, 25_000)).toBeGreaterThan(0);
    expect(await rig.partReadsOf('acme')).toBe(0);
    await rig.advance(11 * minuteMs);
    await insertTask();
    expect(await partReadsWithin(rig, 6 * minuteMs)).toBeGreaterThan(0);
  });

  test('are read again as an hour begins, when all that they show is of another range', async () => {
    await using rig = createRig();
    await rig.prepared.start();
    await rig.advance(5_000);
    await rig.advance(54 * minuteMs);
    expect(await partReadsWithin(rig, minuteMs)).toBeGreaterThan(0);
    expect(await rig.partReadsOf('acme')).toBe(0);
  });

  test('that nobody has asked for in a day are read once an hour', async () => {
    await using rig = createRig();
    await rig.prepared.start();
    await rig.advance(5_000);
    await rig.advance(25 * hourMs, 25 * hourMs);
    await rig.advance(5_000);
    const before = rig.outcomes.length;
    await rig.advance(10 * minuteMs);
    expect(rig.outcomes.slice(before)).toEqual([]);
    await rig.advance(hourMs, hourMs);
    await rig.advance(5_000);
    expect(rig.outcomes.slice(before)).toEqual(['read']);
  });
});

describe('tenants whose dashboards are read ahead', () => {
  test('are as many as may be, and those that are asked for stay', async () => {
    await using rig = createRig({ tenants: ['acme', 'other', 'third'], tenantsMax: 1 });
    await rig.prepared.start();
    await rig.advance(5_000);
    expect(rig.outcomes).toEqual(['given_way', 'given_way', 'read']);
    expect(await rig.partReadsOf('other')).toBe(1);
    await insertTask();
    expect(await partReadsWithin(rig, 25_000)).toBeGreaterThan(0);
    expect(await rig.partReadsOf('other')).toBe(0);
    expect(await rig.partReadsOf('acme')).toBe(1);
  });

  test('whose dashboard cannot be read are tried again after a minute, and what is too much after hours', async () => {
    let isAway = true;
    const reader: StoreReader = {
      rows: (query) =>
        isAway ? Promise.reject(new CollectorError('store_unavailable', 'away')) : store.reader.rows(query),
    };
    await using rig = createRig({ reader });
    await rig.prepared.start();
    await rig.advance(30_000);
    isAway = false;
    expect(rig.outcomes).toEqual(['failed']);
    await rig.advance(40_000);
    expect(rig.outcomes.slice(0, 2)).toEqual(['failed', 'read']);
    await using small = createRig({ bytesMax: 100 });
    await small.prepared.start();
    await small.advance(4 * hourMs);
    // That it is too much is known once it has been read.
    expect(new Set(small.outcomes.slice(1))).toEqual(new Set(['unremembered']));
    expect(small.outcomes.length).toBe(2);
  });

  test('that cannot be read are told once for each tenant and cause, and again once they were read', async () => {
    let cause: string | null = 'away';
    const reader: StoreReader = {
      rows: (query) =>
        cause === null ? store.reader.rows(query) : Promise.reject(new CollectorError('store_unavailable', cause)),
    };
    await using rig = createRig({ reader, tenants: ['acme', 'other'] });
    await rig.prepared.start();
    const away = ['acme', 'other'].map((tenant) => ({ tenant, cause: 'away' }));
    await rig.advance(3 * minuteMs);
    expect(rig.outcomes.length).toBeGreaterThan(2);
    expect(rig.told).toEqual(away);
    cause = 'gone';
    await rig.advance(minuteMs);
    expect(rig.told.slice(2)).toEqual(['acme', 'other'].map((tenant) => ({ tenant, cause: 'gone' })));
    cause = null;
    await rig.advance(minuteMs);
    expect(rig.outcomes.slice(-2)).toEqual(['read', 'read']);
    cause = 'away';
    await rig.advance(hourMs, minuteMs);
    expect(rig.told.slice(4)).toEqual(away);
  });

  test('are none where no tenant may be', async () => {
    await using rig = createRig({ tenantsMax: 0 });
    await rig.prepared.start();
    expect(await rig.partReadsOf('acme')).toBe(1);
    expect(rig.outcomes).toEqual([]);
  });
});
