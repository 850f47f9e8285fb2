import { expect, test } from 'vitest';
import { QuarantineShelf } from '../../src/spool/quarantine-shelf.js';
import { cut, flip, rowsText, writeThreeSegments } from '../support/damaged-spool.js';
import { FaultyFileSystem } from '../support/faulty-file-system.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';
import { append, settle, spoolDirectory, startSpool } from '../support/spool-rig.js';

const seed = testSeed(20_261_127);

function shelfOf(disk: FaultyFileSystem): QuarantineShelf {
  return new QuarantineShelf({ fileSystem: disk }, spoolDirectory);
}

/** A spool with one segment that the store has refused, and one behind it. */
async function refused(): Promise<{ readonly disk: FaultyFileSystem; readonly id: string }> {
  const { spool, disk, clock } = await startSpool();
  for (let batch = 1; batch <= 2; batch++) {
    const content = rowsText(batch, 2);
    await append(spool, { rows: 2, content, frames: [{ seq: batch }], eventIds: [batch] });
    clock.advance(10_000);
    await settle(2);
  }
  const { id } = spool.peek()!;
  await spool.quarantine(id, 'store_rejected', null);
  return { disk: disk.kill(), id };
}

/** The ids of the batches in the order of their delivery, each segment's once. */
async function delivered(disk: FaultyFileSystem): Promise<string[]> {
  const { spool } = await startSpool({}, disk);
  const texts: string[] = [];
  for (await settle(3); spool.peek() !== null; await settle(3)) {
    const segment = spool.peek()!;
    texts.push(Buffer.from(disk.content(segment.dataPath)).toString().slice(0, 4));
    await spool.release(segment.id);
  }
  return texts;
}

test('what lies aside is listed: why, how much, from when, and whether it is intact', async () => {
  const { disk, id } = await refused();
  const receivedMs = Date.UTC(2026, 0, 15, 12);
  expect(await shelfOf(disk).list()).toEqual([
    {
      id,
      reason: 'store_rejected',
      rows: 2,
      bytes: expect.any(Number),
      firstReceivedMs: receivedMs,
      lastReceivedMs: receivedMs,
      damage: null,
      note: { reason: 'store_rejected' },
    },
  ]);
  expect(await shelfOf(new FaultyFileSystem()).list()).toEqual([]);
});

test('a restored segment keeps its id, is delivered once, and leaves nothing behind', async () => {
  const { disk, id } = await refused();
  await shelfOf(disk).restore(id);
  expect(await shelfOf(disk).list()).toEqual([]);
  const rig = await startSpool({}, disk.kill());
  await settle(3);
  expect(rig.spool.peek()!.id).toBe(id);
  expect(rig.spool.stats()).toMatchObject({ quarantinedSegments: 0, quarantinedEvents: 0, events: 4 });
  expect(rig.totals.total('eventsRecovered')).toBe(4);
  const next = rig.disk.kill();
  expect(await delivered(next)).toEqual(['0001', '0002']);
  expect(next.files().some((name) => name.includes(id))).toBe(false);
  expect(await delivered(next.kill())).toEqual([]);
});

test('a restored segment can be quarantined and restored again', async () => {
  const { disk, id } = await refused();
  await shelfOf(disk).restore(id);
  const rig = await startSpool({}, disk.kill());
  await settle(3);
  await rig.spool.quarantine(id, 'store_rejected', null);
  const next = rig.disk.kill();
  expect(await shelfOf(next).list()).toMatchObject([{ id, reason: 'store_rejected', damage: null }]);
  await shelfOf(next).restore(id);
  expect(await delivered(next.kill())).toEqual(['0001', '0002']);
});

test('a crash at any step of a restore leaves the segment aside or in the queue, and it can be repeated', async () => {
  const from = await refused();
  const random = seededRandom(seed);
  for (let stop = 1; ; stop++) {
    const disk = from.disk.kill();
    let count = 0;
    let crashed: FaultyFileSystem | null = null;
    disk.addFault(() => {
      if (++count === stop) crashed = random() < 0.3 ? disk.kill() : disk.crash(random);
      return null;
    });
    await shelfOf(disk)
      .restore(from.id)
      .catch(() => {});
    if (crashed === null) break;
    const after: FaultyFileSystem = crashed;
    const started = after.kill();
    const once = await delivered(started);
    expect({ seed, stop, once }).toEqual({ seed, stop, once: expect.arrayContaining(['0002']) });
    if (once.length === 1) {
      // Another start has finished its quarantine.
      await shelfOf(started).restore(from.id);
      expect({ seed, stop, again: await delivered(started.kill()) }).toEqual({ seed, stop, again: ['0001'] });
    } else expect({ seed, stop, once }).toEqual({ seed, stop, once: ['0001', '0002'] });
    const repeated = after.kill();
    if ((await shelfOf(repeated).list()).length > 0) await shelfOf(repeated).restore(from.id);
    expect({ seed, stop, repeated: await delivered(repeated) }).toEqual({ seed, stop, repeated: ['0001', '0002'] });
  }
});

test('a segment that is still damaged is not restored, and the refusal says what is wrong', async () => {
  const { disk, id } = await refused();
  const path = `${spoolDirectory}/${id}`;
  const data = `${path}.data.quarantined`;
  const log = `${path}.log.quarantined`;
  const cases: [(disk: FaultyFileSystem) => void, string][] = [
    [flip(data, 3), 'the rows at byte 0 of its data file are damaged'],
    [cut(data, 7), 'its data file has 7 bytes instead of 20'],
    [(faulty) => faulty.setContent(data, Buffer.concat([faulty.content(data), Buffer.alloc(1)])), 'has 21 bytes'],
    [(faulty) => faulty.deleteFile(data), 'its data file is missing'],
    [(faulty) => faulty.deleteFile(log), 'its log is missing'],
    [flip(log, 20), 'its log is damaged'],
    [cut(log, 0), 'its log is damaged'],
  ];
  for (const [damage, message] of cases) {
    const damaged = disk.kill();
    damage(damaged);
    const files = damaged.files();
    const refusal = await shelfOf(damaged)
      .restore(id)
      .catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'segment_corrupt', message: expect.stringContaining(message) });
    expect(damaged.files()).toEqual(files);
    expect((await shelfOf(damaged).list())[0]!.damage).toContain(message);
  }
});

test('an id that is not quarantined, or no id at all, is refused and changes nothing', async () => {
  const { disk, id } = await refused();
  const other = disk
    .files()
    .find((name) => name.endsWith('.log'))!
    .slice(spoolDirectory.length + 1, -4);
  for (const each of [other, id.replace(/.$/, 'g'), '', '../positions']) {
    await expect(shelfOf(disk).restore(each)).rejects.toMatchObject({ code: 'config_invalid' });
  }
  expect(await delivered(disk)).toEqual(['0002']);
});

test('the damaged part of a salvaged segment is listed with what is missing, and cannot be restored', async () => {
  const segment = await writeThreeSegments('closed');
  const disk = segment.disk.kill();
  flip(segment.data, segment.places[2]!.data[0])(disk);
  const rig = await startSpool({}, disk);
  await settle(4);
  const listed = await shelfOf(rig.disk).list();
  expect(listed).toMatchObject([{ id: segment.id, reason: 'damaged', rows: 3 }]);
  expect(listed[0]!.damage).toContain(`went on as ${listed[0]!.note!.salvagedAs}`);
  await expect(shelfOf(rig.disk).restore(segment.id)).rejects.toMatchObject({ code: 'segment_corrupt' });
});

test('files of others beside a segment stay where they are, what the store has of it is told and goes', async () => {
  const { disk, id } = await refused();
  const remark = `${spoolDirectory}/${id}.remark`;
  disk.setContent(remark, Buffer.from('look at it on Monday'));
  disk.setContent(`${spoolDirectory}/${id}.arrived`, Buffer.from('three tables'));
  await shelfOf(disk).restore(id);
  const { spool, disk: next } = await startSpool({}, disk.kill());
  await settle(3);
  expect(spool.peek()).toMatchObject({ id, arrived: 'three tables' });
  await spool.release(id);
  expect(next.files().filter((path) => path.includes(id))).toEqual([remark]);
  expect(Buffer.from(next.content(remark)).toString()).toBe('look at it on Monday');
});
