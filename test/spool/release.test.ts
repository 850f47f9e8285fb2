import { expect, test } from 'vitest';
import type { FaultyFileSystem } from '../support/faulty-file-system.js';
import { seededRandom } from '../support/seeded-random.js';
import { append, settle, startSpool } from '../support/spool-rig.js';

/** Two closed segments, of producers a and b. */
async function twoSegments(): Promise<FaultyFileSystem> {
  const { spool, disk } = await startSpool({ segmentRowsMax: 1 });
  await append(spool, { fill: 1, frames: [{ producer: 'a', seq: 5 }] });
  await append(spool, { fill: 2, frames: [{ producer: 'b', seq: 6 }] });
  await spool.stop(1_000);
  return disk;
}

const operations = ['open', 'write', 'datasync', 'rename', 'remove', 'syncDirectory'] as const;

/** Runs `leave` on the first segment and cuts the power after its n-th operation, for every n. */
async function crashAtEveryStep(
  leave: (spool: Awaited<ReturnType<typeof startSpool>>['spool'], id: string) => Promise<void>,
  check: (rig: Awaited<ReturnType<typeof startSpool>>, first: string) => Promise<void>,
): Promise<number> {
  for (let steps = 0; ; steps++) {
    let last = true;
    for (let seed = 1; seed <= 12; seed++) {
      const { spool, disk } = await startSpool({}, (await twoSegments()).kill());
      await settle(3);
      const { id } = spool.peek()!;
      let left = steps;
      let crashed: FaultyFileSystem | null = null;
      disk.addFault((operation) => {
        if (!(operations as readonly string[]).includes(operation) || left-- > 0) return null;
        crashed ??= disk.crash(seededRandom(seed));
        return 'EIO';
      });
      await leave(spool, id).catch(() => {});
      if (crashed !== null) last = false;
      const rig = await startSpool({}, crashed ?? disk.crash(seededRandom(seed)));
      await settle(3);
      await check(rig, id);
    }
    if (last) return steps;
  }
}

test('a crash at any step of a release replays the segment under its id or not at all', async () => {
  const steps = await crashAtEveryStep(
    (spool, id) => spool.release(id),
    async ({ spool, disk, totals }, first) => {
      expect([spool.lastSeq('acme', 'a'), spool.lastSeq('acme', 'b')]).toEqual([5, 6]);
      expect(totals.total('segmentsQuarantined', 'corrupt')).toBe(0);
      if (spool.peek()?.id === first) await spool.release(first);
      await settle(3);
      expect(disk.content(spool.peek()!.dataPath)[0]).toBe(2);
      await spool.release(spool.peek()!.id);
      expect(disk.files()).toEqual(['/spool/positions']);
    },
  );
  expect(steps).toBeGreaterThan(6);
});

test('a crash at any step of a quarantine leaves the segment whole or quarantined', async () => {
  const steps = await crashAtEveryStep(
    (spool, id) => spool.quarantine(id, 'store_rejected', null),
    async ({ spool }, first) => {
      expect([spool.lastSeq('acme', 'a'), spool.lastSeq('acme', 'b')]).toEqual([5, 6]);
      const whole = spool.peek()?.id === first;
      expect(spool.stats()).toMatchObject({ segments: whole ? 2 : 1, quarantinedSegments: whole ? 0 : 1 });
    },
  );
  expect(steps).toBeGreaterThan(4);
});

test('a release that is under way is finished by the stop, and a later one is refused', async () => {
  const { spool, disk } = await startSpool({}, await twoSegments());
  await settle(3);
  const releasing = spool.release(spool.peek()!.id);
  await spool.stop(1_000);
  await releasing;
  expect(disk.files().filter((name) => !name.endsWith('positions'))).toHaveLength(2);
  await expect(spool.release(spool.peek()!.id)).rejects.toMatchObject({ code: 'stopping' });
});

test('a segment the store rejects is renamed and counted, and the next one follows', async () => {
  const { spool, disk, totals } = await startSpool({}, await twoSegments());
  await settle(3);
  const { id, dataPath } = spool.peek()!;
  await spool.quarantine(id, 'store_rejected', null);
  expect(disk.files()).toContain(`${dataPath}.quarantined`);
  expect(totals.total('segmentsQuarantined', 'store_rejected')).toBe(1);
  expect(totals.total('eventsQuarantined')).toBe(1);
  expect(disk.content(spool.peek()!.dataPath)[0]).toBe(2);
});

test('durable and recovered events are always the sum of released, spooled and quarantined ones', async () => {
  const { spool, totals } = await startSpool({ segmentRowsMax: 3 }, await twoSegments());
  await settle(3);
  for (let seq = 1; seq <= 4; seq++) await append(spool, { rows: 2, frames: [{ seq }] });
  await settle(3);
  const released = spool.peek()!;
  await spool.release(released.id);
  await spool.quarantine(spool.peek()!.id, 'store_rejected', null);
  const known = totals.total('eventsRecovered') + 8;
  expect(known).toBe(released.rows + spool.stats().events + totals.total('eventsQuarantined'));
});

test('the oldest undelivered event is that of the oldest segment, also while it is still open', async () => {
  const { spool, clock } = await startSpool();
  expect(spool.stats().oldestReceivedMs).toBeNull();
  await append(spool, { receivedMs: 9_000, frames: [{ seq: 1 }] });
  expect(spool.stats()).toMatchObject({ oldestReceivedMs: 9_000, events: 1, segments: 1 });
  clock.advance(500);
  await settle();
  await append(spool, { receivedMs: 12_000, frames: [{ seq: 2 }] });
  expect(spool.stats()).toMatchObject({ oldestReceivedMs: 9_000, events: 2, segments: 2 });
  await spool.release(spool.peek()!.id);
  expect(spool.stats()).toMatchObject({ oldestReceivedMs: 12_000, events: 1, segments: 1 });
});
