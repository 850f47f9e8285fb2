import { expect, test } from 'vitest';
import { silentLogger } from '../../src/core/logger.js';
import { EventIdJournal } from '../../src/spool/event-id-journal.js';
import { FaultyFileSystem } from '../support/faulty-file-system.js';
import { randomInteger, seededRandom, testSeed } from '../support/seeded-random.js';
import type { SpoolRig } from '../support/spool-rig.js';
import { append, EventIdNotes, SpoolTotals, settle, spoolDirectory, startSpool } from '../support/spool-rig.js';

const journalPath = `${spoolDirectory}/event-ids-0000000001`;

/** Ids 1…4 in segments that have been released, 5 and 6 in one that was not. */
async function twoReleasedOneNot(): Promise<SpoolRig> {
  const rig = await startSpool();
  for (const first of [1, 3, 5]) {
    await append(rig.spool, { rows: 2, eventIds: [first, first + 1], frames: [{ seq: first }] });
    rig.clock.advance(500);
    await settle();
    if (first < 5) await rig.spool.release(rig.spool.peek()!.id);
  }
  return rig;
}

test('after a kill the ids of released segments and of those in the spool are known, oldest first', async () => {
  const { disk } = await twoReleasedOneNot();
  const { eventIds, totals } = await startSpool({}, disk.kill());
  expect(eventIds.restored).toEqual([1, 2, 3, 4, 5, 6]);
  expect(totals.total('eventIdsRestored')).toBe(6);
  expect(eventIds.forgottenCount).toBe(0);
});

test('ids are of the rows that are kept: a torn batch takes its ids with it', async () => {
  const { spool, disk } = await startSpool();
  await append(spool, { rows: 2, eventIds: [1, 2], frames: [{ seq: 1 }] });
  await append(spool, { rows: 2, eventIds: [3, 4], frames: [{ seq: 2 }] });
  const data = disk.files().find((name) => name.endsWith('.data'))!;
  const torn = disk.kill();
  torn.setContent(data, torn.content(data).slice(0, -1));
  const rig = await startSpool({}, torn);
  expect(rig.eventIds.restored).toEqual([1, 2]);
  expect(rig.spool.lastSeq('acme', 'p')).toBe(1);
});

test('a batch that could not be synced leaves no id behind', async () => {
  const { spool, disk } = await startSpool();
  await append(spool, { eventIds: [1], frames: [{ seq: 1 }] });
  disk.failOnce('datasync', 'EIO');
  await expect(append(spool, { eventIds: [2], frames: [{ seq: 2 }] })).rejects.toThrow();
  await settle();
  await append(spool, { eventIds: [3], frames: [{ seq: 2 }] });
  const { eventIds } = await startSpool({}, disk.kill());
  expect(eventIds.restored).toEqual([1, 3]);
});

test('batches without ids, with some and with many are told apart', async () => {
  const { spool, disk } = await startSpool();
  const many = Array.from({ length: 20_000 }, (_, index) => 1_000 + index);
  const frames = [
    { tenant: 'acme', producer: '', seq: 0 },
    { tenant: 'globex', producer: 'p', seq: 7 },
  ];
  await append(spool, { rows: 3, frames });
  await append(spool, { rows: 3, eventIds: [9], frames });
  await append(spool, { rows: 20_000, eventIds: many, frames });
  expect((await startSpool({}, disk.kill())).eventIds.restored).toEqual([9, ...many]);
});

test('ids of a quarantined segment stay known', async () => {
  const { spool, disk } = await twoReleasedOneNot();
  await spool.quarantine(spool.peek()!.id, 'store_rejected', null);
  expect((await startSpool({}, disk.kill())).eventIds.restored).toEqual([1, 2, 3, 4, 5, 6]);
});

test('a power cut at any step of a release forgets no id', async () => {
  for (let steps = 0, done = false; !done; steps++) {
    done = true;
    for (let seed = 1; seed <= 8; seed++) {
      const { spool, disk } = await twoReleasedOneNot();
      let left = steps;
      let crashed: FaultyFileSystem | null = null;
      disk.addFault(() => {
        if (left-- > 0) return null;
        crashed ??= disk.crash(seededRandom(seed));
        return 'EIO';
      });
      await spool.release(spool.peek()!.id).catch(() => {});
      if (crashed !== null) done = false;
      const { eventIds } = await startSpool({}, crashed ?? disk.crash(seededRandom(seed)));
      expect([...new Set(eventIds.restored)], `seed ${seed} step ${steps}`).toEqual([1, 2, 3, 4, 5, 6]);
    }
  }
});

test('the torn tail of an append is no part of the journal, and ids appended behind it are', async () => {
  const { disk } = await twoReleasedOneNot();
  const whole = disk.content(journalPath);
  for (let bytes = 0; bytes < whole.length; bytes++) {
    const torn = disk.kill();
    torn.setContent(journalPath, whole.slice(0, bytes));
    const rig = await startSpool({}, torn);
    const kept = bytes < whole.length / 2 ? [] : [1, 2];
    expect(rig.eventIds.restored, `${bytes} bytes`).toEqual([...kept, 5, 6]);
    expect(rig.eventIds.forgottenCount).toBe(0);
    await settle();
    await rig.spool.release(rig.spool.peek()!.id);
    expect((await startSpool({}, torn.kill())).eventIds.restored, `${bytes} bytes`).toEqual([...kept, 5, 6]);
  }
});

test('a flipped byte costs the ids of its record, which are counted as forgotten', async () => {
  const { disk } = await twoReleasedOneNot();
  const whole = disk.content(journalPath);
  for (let at = 0; at < whole.length / 2; at++) {
    const damaged = disk.kill();
    const content = Uint8Array.from(whole);
    content[at]! ^= 0x10;
    damaged.setContent(journalPath, content);
    const { eventIds } = await startSpool({}, damaged);
    expect(eventIds.restored, `byte ${at}`).toEqual([3, 4, 5, 6]);
    expect(eventIds.forgottenCount).toBeGreaterThanOrEqual(2);
  }
});

/** A journal by itself, that remembers 100 ids. */
async function openJournal(disk: FaultyFileSystem) {
  const eventIds = new EventIdNotes();
  const totals = new SpoolTotals();
  const deps = { fileSystem: disk, logger: silentLogger, instruments: totals.instruments, eventIds };
  const journal = await EventIdJournal.open(deps, { directory: spoolDirectory, lastFile: 0, idsMax: 100 });
  return { journal, eventIds };
}

function idsFrom(first: number, count: number) {
  const low = Uint32Array.from({ length: count }, (_, index) => first + index);
  return { low, high: low.map((id) => id + 1) };
}

test.each(['the same process', 'the next process'])(
  'a file that is exactly full takes no more ids, of %s',
  async (of) => {
    const disk = new FaultyFileSystem();
    let { journal } = await openJournal(disk);
    await journal.append([idsFrom(1, 49)]);
    await journal.append([idsFrom(50, 1)]);
    expect(journal.lastFile).toBe(1);
    await disk.syncDirectory(spoolDirectory);
    if (of === 'the next process') ({ journal } = await openJournal(disk.kill()));
    await journal.append([idsFrom(51, 1)]);
    expect(journal.lastFile).toBe(2);
  },
);

test('the journal stays bounded and keeps at least the newest half, over restarts and failing disks', async () => {
  const seed = testSeed(41);
  const random = seededRandom(seed);
  let disk = new FaultyFileSystem();
  let { journal } = await openJournal(disk);
  journal.restore();
  let next = 1;
  for (let step = 0; step < 600; step++) {
    const count = randomInteger(random, { min: 1, max: 12 });
    if (random() < 0.1) disk.failOnce(random() < 0.5 ? 'write' : 'datasync', 'ENOSPC');
    const ids = [idsFrom(next, count), idsFrom(next + count, 1)];
    const append = () => journal.append(ids);
    await append().catch(append);
    next += count + 1;
    const bytes = disk.files().reduce((sum, path) => sum + disk.content(path).length, 0);
    // 1.5 × 100 ids of 8 bytes, a record of 13 ids on top, and 12 bytes of head a record, twice for a failed one.
    expect(bytes, `seed ${seed} step ${step}`).toBeLessThan(1.5 * 800 + 116 + 24 * 80);
    expect(disk.files().length).toBeLessThanOrEqual(12);
    if (random() >= 0.1) continue;
    await disk.syncDirectory(spoolDirectory);
    disk = random() < 0.5 ? disk.crash(random) : disk.kill();
    const reopened = await openJournal(disk);
    journal = reopened.journal;
    journal.restore();
    const restored = new Set(reopened.eventIds.restored);
    for (let id = Math.max(1, next - 50); id < next; id++) expect(restored.has(id), `seed ${seed} id ${id}`).toBe(true);
    expect(reopened.eventIds.restored.length).toBeLessThan(100 + 13);
  }
});
