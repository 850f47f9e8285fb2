import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { StoreLease } from '../../src/clickhouse/maintenance/store-lease.js';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';
import { EngineStore } from '../support/engine-store.js';

/** Long enough for three statements within its last third, on a machine that does much else. */
const periodMs = 3_000;

let store: EngineStore;
beforeAll(async () => {
  store = await EngineStore.withSchema();
});
afterAll(() => store.end());

function leaseOf(holder: string, lease = 'upkeep'): StoreLease {
  const made = new StoreLease({ store, clock: systemClock, logger: silentLogger }, { lease, holder, periodMs });
  onTestFinished(() => made.stop());
  return made;
}

const held = (leases: readonly StoreLease[]) => leases.filter(({ isHeld }) => isHeld).length;

test('of several collectors one has the lease, keeps it, and another takes it when it is gone', async () => {
  const leases = ['a', 'b', 'c'].map((name) => leaseOf(name));
  await Promise.all(leases.map((lease) => lease.start()));
  const holder = () => leases.find(({ isHeld }) => isHeld);
  await expect.poll(holder).toBeDefined();
  for (let look = 0; look < 300; look++) {
    expect(held(leases)).toBeLessThanOrEqual(1);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  // One that was late loses it for a moment, and has it again or another has it.
  let first = leases[0]!;
  const nowHeld = () => {
    first = holder() ?? first;
    return [first.isHeld, first.health().details.holder];
  };
  await expect.poll(nowHeld).toEqual([true, expect.stringMatching(/^[abc]$/)]);
  await first.stop();
  await expect.poll(() => leases.some((lease) => lease !== first && lease.isHeld)).toBe(true);
});

test('of many who try for a period at once the store keeps one', async () => {
  const leases = Array.from({ length: 12 }, (_, at) => leaseOf(`collector ${at}`, 'at once'));
  for (let round = 0; round < 3; round++) {
    await Promise.all(leases.map((lease) => lease.look()));
    expect(held(leases)).toBeLessThanOrEqual(1);
  }
  const rows = await store.select<{ rows: number }>(
    "SELECT count() AS rows FROM leases_v1 WHERE lease = 'at once' GROUP BY period",
  );
  for (const { rows: count } of rows) expect(count).toBe(1);
});

test('a lease ends with its period when the store does not answer, and health says so', async () => {
  let isAway = false;
  const away: Pick<EngineStore, 'writerRows' | 'command' | 'insertStream'> = {
    writerRows: (query) => store.writerRows(isAway ? { ...query, sql: 'SELECT * FROM gone' } : query),
    command: (statement) => store.command(statement),
    insertStream: (...insert) => store.insertStream(...insert),
  };
  const deps = { store: away, clock: systemClock, logger: silentLogger };
  const lease = new StoreLease(deps, { lease: 'lost', holder: 'a', periodMs });
  onTestFinished(() => lease.stop());
  await lease.start();
  await expect.poll(() => lease.isHeld).toBe(true);
  isAway = true;
  await expect.poll(() => lease.isHeld).toBe(false);
  await expect.poll(() => lease.health().status).toBe('degraded');
});
