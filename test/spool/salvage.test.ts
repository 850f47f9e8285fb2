import { expect, test } from 'vitest';
import type { Random } from '../../src/core/clock.js';
import { InsertNoteFile } from '../../src/spool/insert-note-file.js';
import type { QuarantineNote } from '../../src/spool/quarantine-note.js';
import type { Damage, RecordPlace, Written } from '../support/damaged-spool.js';
import { cut, flip, rowsText, writeThreeSegments } from '../support/damaged-spool.js';
import type { FaultyFileSystem } from '../support/faulty-file-system.js';
import { randomInteger, seededRandom, testSeed } from '../support/seeded-random.js';
import type { SpoolRig } from '../support/spool-rig.js';
import { append, settle, spoolDirectory, startSpool } from '../support/spool-rig.js';

const seed = testSeed(20_261_126);

interface Delivered {
  /** Batches in the order of their delivery. */
  readonly batches: readonly number[];
  readonly rows: number;
}

/** Takes everything from the queue, as the store would. */
async function drain({ spool, disk }: SpoolRig): Promise<Delivered> {
  const batches: number[] = [];
  let rows = 0;
  for (await settle(4); spool.peek() !== null; await settle(4)) {
    const segment = spool.peek()!;
    const text = Buffer.from(disk.content(segment.dataPath)).toString('latin1');
    expect(text.length).toBe(segment.rows * 10);
    const each = [...text.matchAll(/(\d{4})\.\d{4}\|/g)].map((match) => Number(match[1]));
    expect(each).toHaveLength(segment.rows);
    batches.push(...new Set(each));
    rows += segment.rows;
    // The disk may refuse once.
    await spool.release(segment.id).catch(() => spool.release(segment.id));
  }
  return { batches, rows };
}

async function afterDamage(from: Written, ...damage: readonly Damage[]): Promise<SpoolRig> {
  const disk = from.disk.kill();
  for (const each of damage) each(disk);
  return await startSpool({}, disk);
}

function noteOf(disk: FaultyFileSystem, id: string): QuarantineNote {
  return JSON.parse(Buffer.from(disk.content(`/spool/${id}.quarantine.json`)).toString());
}

/** What the spool says of its events adds up: found = delivered + aside. */
function expectBalance({ totals }: SpoolRig, delivered: Delivered): void {
  expect(totals.total('eventsRecovered')).toBe(delivered.rows + totals.total('eventsQuarantined'));
}

/**
 * After another restart everything is as it was: nothing comes twice, what lies aside is known, and so are the ids and
 * positions of everything acknowledged. `unreadable`: a batch whose log record is damaged; nobody can know its id.
 */
async function expectSame(rig: SpoolRig, unreadable?: number): Promise<void> {
  const { quarantinedSegments, quarantinedEvents } = rig.spool.stats();
  const next = await startSpool({}, rig.disk.kill());
  expect((await drain(next)).batches).toEqual([]);
  expect(next.spool.stats()).toMatchObject({ quarantinedSegments, quarantinedEvents, events: 0, bytes: 0 });
  expect(next.totals.total('eventsQuarantined')).toBe(0);
  const ids = [1, 2, 3, 4, 5, 6, 7].filter((batch) => batch !== unreadable);
  expect([...new Set(next.eventIds.restored)].sort()).toEqual(ids);
  expect(next.spool.lastSeq('acme', 'p')).toBe(7);
}

test('a flipped byte of a record costs that record: the others are delivered once and in order', async () => {
  const segment = await writeThreeSegments('closed');
  for (const [index, place] of segment.places.entries()) {
    const others = [1, 2, 3, 4, 5, 6, 7].filter((batch) => batch !== index + 2);
    const points = [
      ...[place.data[0], Math.floor((place.data[0] + place.data[1]) / 2), place.data[1] - 1].map(
        (at) => [segment.data, at] as const,
      ),
      ...range(place.log[0], place.log[1])
        .filter((at) => at % 3 === index % 3)
        .map((at) => [segment.log, at] as const),
    ];
    for (const [path, at] of points) {
      const rig = await afterDamage(segment, flip(path, at));
      const delivered = await drain(rig);
      expect({ path, at, batches: delivered.batches }).toEqual({ path, at, batches: others });
      const aside = { quarantinedSegments: 1, quarantinedEvents: place.rows, events: 0 };
      expect({ path, at, ...rig.spool.stats() }).toMatchObject({ path, at, ...aside });
      expect(rig.totals.total('segmentsQuarantined', 'damaged')).toBe(1);
      expectBalance(rig, delivered);
      await expectSame(rig, path === segment.log ? index + 2 : undefined);
    }
  }
});

test('the note beside a damaged segment says what is missing, where its bytes are, and what is around', async () => {
  const segment = await writeThreeSegments('closed');
  const [place, before, after] = [segment.places[2]!, segment.places[1]!, segment.places[3]!];
  for (const path of [segment.data, segment.log]) {
    const { disk } = await afterDamage(segment, flip(path, path === segment.data ? place.data[0] : place.log[0] + 40));
    await settle(4);
    const note = noteOf(disk, segment.id);
    expect(note).toMatchObject({ reason: 'damaged', rows: 3, rowsKnown: true, rowsKept: 12, partsTotal: 1 });
    const neighbour = (seq: number, { log, rows }: RecordPlace) => ({
      logOffset: log[0],
      rows,
      producers: [{ tenant: 'acme', producer: 'p', firstSeq: seq, lastSeq: seq }],
    });
    const part = note.parts![0]!;
    expect(part.log).toEqual({ offset: place.log[0], bytes: place.log[1] - place.log[0] });
    expect(part.data).toEqual({ offset: place.data[0], bytes: place.data[1] - place.data[0] });
    expect(part.before).toMatchObject(neighbour(3, before));
    expect(part.after).toMatchObject(neighbour(5, after));
    if (path === segment.data) expect(part.record).toMatchObject(neighbour(4, place));
    else expect(part.record).toBeNull();
    const kept = Buffer.from(disk.content(`/spool/${segment.id}.damaged.quarantined`));
    const bad = (of: string, [from, to]: readonly [number, number]) => {
      const bytes = Buffer.from(segment.disk.content(of)).subarray(from, to);
      if (of === path) bytes[of === segment.data ? 0 : 40]! ^= 1 << ((of === segment.data ? from : from + 40) % 8);
      return bytes;
    };
    expect(kept).toEqual(Buffer.concat([bad(segment.log, place.log), bad(segment.data, place.data)]));
    expect(disk.files().some((name) => name === segment.data || name === segment.log)).toBe(false);
  }
});

test('of a closed segment whose data file is cut the records that are whole are kept', async () => {
  const segment = await writeThreeSegments('closed');
  for (const bytes of range(segment.places[0]!.data[1], segment.places[4]!.data[1])) {
    const rig = await afterDamage(segment, cut(segment.data, bytes));
    const whole = segment.places.flatMap((place, index) => (place.data[1] <= bytes ? [index + 2] : []));
    const delivered = await drain(rig);
    expect({ bytes, batches: delivered.batches }).toEqual({ bytes, batches: [1, ...whole, 7] });
    expect(rig.spool.stats().quarantinedEvents).toBe(15 - delivered.rows + 2);
    expectBalance(rig, delivered);
    await expectSame(rig);
  }
});

test('what was salvaged and is damaged again is salvaged again, and the rows of both times add up', async () => {
  const segment = await writeThreeSegments('closed');
  const first = await afterDamage(segment, flip(segment.data, segment.places[4]!.data[0]));
  await settle(4);
  expect(first.spool.stats()).toMatchObject({ quarantinedSegments: 1, quarantinedEvents: 5 });
  const disk = first.disk.kill();
  const successor = disk.files().filter((name) => name.endsWith('.log'))[1]!;
  expect(successor).not.toBe(segment.log);
  // The records before the damage lie where they lay.
  flip(successor, segment.places[1]!.log[0] + 30)(disk);
  const rig = await startSpool({}, disk);
  expect((await drain(rig)).batches).toEqual([1, 2, 4, 5, 7]);
  // Only the end record of the successor tells how many rows the record without a readable head had.
  expect(rig.spool.stats()).toMatchObject({ quarantinedSegments: 2, quarantinedEvents: 5 + 2 });
});

test('bytes behind the end of a closed segment are put aside, and all of its records are kept', async () => {
  const segment = await writeThreeSegments('closed');
  const rig = await afterDamage(segment, (disk) => {
    disk.setContent(segment.data, Buffer.concat([disk.content(segment.data), Buffer.from('more')]));
  });
  expect((await drain(rig)).batches).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(Buffer.from(rig.disk.content(`/spool/${segment.id}.damaged.quarantined`)).toString()).toBe('more');
  expect(rig.spool.stats()).toMatchObject({ quarantinedSegments: 1, quarantinedEvents: 0 });
  await expectSame(rig);
});

test('a segment with a damaged header, or without an intact record, is quarantined whole', async () => {
  const segment = await writeThreeSegments('closed');
  const cases: Damage[] = [
    ...[0, 5, 9, 300, segment.headerBytes - 1].map((at) => flip(segment.log, at)),
    cut(segment.data, segment.places[0]!.data[1] - 1),
    (disk) => disk.deleteFile(segment.data),
    cut(segment.data, 0),
  ];
  for (const [index, damage] of cases.entries()) {
    const rig = await afterDamage(segment, damage);
    expect((await drain(rig)).batches).toEqual([1, 7]);
    expect(rig.totals.total('segmentsQuarantined', 'corrupt')).toBe(1);
    expect(rig.disk.files()).toContain(`${segment.log}.quarantined`);
    expect(noteOf(rig.disk, segment.id)).toEqual({ reason: 'corrupt' });
    expect(rig.spool.stats()).toMatchObject({ quarantinedSegments: 1, quarantinedEvents: 15 });
    expect({ index, ids: [...new Set(rig.eventIds.restored)].sort() }).toEqual({ index, ids: [1, 2, 3, 4, 5, 6, 7] });
    await expectSame(rig);
  }
});

test('an emptied log of a segment that is not the newest is damage, not a segment in creation', async () => {
  const segment = await writeThreeSegments('closed');
  const rig = await afterDamage(segment, (disk) => {
    // No header tells where the first one ends.
    const oldest = disk.files().find((name) => name.endsWith('.log'))!;
    for (const path of [oldest, segment.log]) cut(path, 0)(disk);
  });
  expect(rig.totals.total('segmentsQuarantined', 'corrupt')).toBe(2);
  expect((await drain(rig)).batches).toEqual([7]);
  expect(rig.disk.files().filter((name) => name.endsWith('.data.quarantined'))).toHaveLength(2);
});

test('of a segment that was open at a kill, what is intact before its last group is kept', async () => {
  const segment = await writeThreeSegments('killed');
  for (const [index, place] of segment.places.slice(0, -1).entries()) {
    for (const damage of [flip(segment.data, place.data[0]), flip(segment.log, place.log[0] + 30)]) {
      const rig = await afterDamage(segment, damage);
      expect((await drain(rig)).batches).toEqual([1, 2, 3, 4, 5, 6].filter((batch) => batch !== index + 2));
      expect(rig.spool.stats().quarantinedSegments).toBe(1);
      const last = { batches: (await drain(await startSpool({}, rig.disk.kill()))).batches };
      expect(last.batches).toEqual([]);
    }
  }
});

test('with damage and a torn last group the damage lies aside and the torn bytes are cut', async () => {
  const segment = await writeThreeSegments('killed');
  const [bad, last] = [segment.places[1]!, segment.places[4]!];
  const rig = await afterDamage(segment, flip(segment.log, bad.log[0] + 30), cut(segment.data, last.data[1] - 3));
  expect((await drain(rig)).batches).toEqual([1, 2, 4, 5]);
  expect(rig.totals.total('tornBytes')).toBe(last.log[1] - last.log[0] + last.data[1] - last.data[0] - 3);
  expect(rig.spool.stats().quarantinedSegments).toBe(1);
});

test('a segment that the store may have seen is never changed: it is quarantined whole', async () => {
  const segment = await writeThreeSegments('closed');
  const oldest = segment.disk.files().find((name) => name.endsWith('.data'))!;
  const rig = await afterDamage(segment, flip(oldest, 0));
  expect((await drain(rig)).batches).toEqual([2, 3, 4, 5, 6, 7]);
  expect(rig.totals.total('segmentsQuarantined', 'corrupt')).toBe(1);
  for (const sidecar of ['restored', 'arrived', 'seen']) {
    const marked = await afterDamage(segment, flip(segment.data, 0), flip(segment.data, 99), (disk) => {
      disk.setContent(`/spool/${segment.id}.${sidecar}`, Buffer.alloc(0));
    });
    expect((await drain(marked)).batches).toEqual([1, 7]);
    expect(marked.totals.total('segmentsQuarantined', 'corrupt')).toBe(1);
  }
});

test('who knows which segment was offered to the store decides what may be salvaged', async () => {
  const segment = await writeThreeSegments('closed');
  const disk = segment.disk.kill();
  const oldest = disk.files().find((name) => name.endsWith('.data'))!;
  disk.setContent(oldest, Buffer.concat([disk.content(oldest), Buffer.alloc(1)]));
  const asked: string[] = [];
  const rig = await startSpool({}, disk, {
    wasOffered: async (id) => {
      asked.push(id);
      return id === segment.id;
    },
  });
  expect(asked).toHaveLength(3);
  expect((await drain(rig)).batches).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(rig.totals.total('segmentsQuarantined', 'damaged')).toBe(1);
  flip(segment.data, 0)(segment.disk);
  const other = await startSpool({}, segment.disk.kill(), { wasOffered: async (id) => id === segment.id });
  expect((await drain(other)).batches).toEqual([1, 7]);
});

test('the note of the last insert tells that the oldest segment was not offered, when it names another', async () => {
  const segment = await writeThreeSegments('closed');
  const notedThenDamaged = async (segmentId: string | null) => {
    const disk = segment.disk.kill();
    const oldest = disk.files().find((name) => name.endsWith('.data'))!;
    disk.setContent(oldest, Buffer.concat([disk.content(oldest), Buffer.alloc(1)]));
    const notes = new InsertNoteFile({ fileSystem: disk }, spoolDirectory);
    if (segmentId !== null) await notes.write({ segmentId, content: '' });
    const id = /([^/]+)\.data$/.exec(oldest)![1]!;
    if (segmentId === 'the oldest') await notes.write({ segmentId: id, content: '' });
    const found = new InsertNoteFile({ fileSystem: disk }, spoolDirectory);
    return (await drain(await startSpool({}, disk, { wasOffered: (each) => found.wasNoted(each) }))).batches;
  };
  expect(await notedThenDamaged('one before')).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(await notedThenDamaged('the oldest')).toEqual([2, 3, 4, 5, 6, 7]);
  expect(await notedThenDamaged(null)).toEqual([2, 3, 4, 5, 6, 7]);
});

test('rows that go bad after the start are found before the reader gets them; the rest is salvaged', async () => {
  const { spool, disk, clock } = await startSpool();
  for (let batch = 1; batch <= 12; batch++) {
    await append(spool, { rows: 2, content: rowsText(batch, 2), frames: [{ seq: batch }], eventIds: [batch] });
    if (batch % 2 === 1) continue;
    clock.advance(60_000);
    await settle(2);
  }
  const rig = await startSpool({}, disk.kill());
  await settle(4);
  const datas = rig.disk.files().filter((name) => name.endsWith('.data'));
  flip(datas[4]!, 3)(rig.disk);
  flip(datas[5]!, 23)(rig.disk);
  const delivered = await drain(rig);
  expect(delivered.batches).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 10, 11]);
  expect(rig.spool.stats()).toMatchObject({ quarantinedSegments: 2, quarantinedEvents: 4, events: 0, bytes: 0 });
  expectBalance(rig, delivered);
});

test('a salvage that the disk refuses at run time is tried again, and goes on where it was', async () => {
  const segment = await writeThreeSegments('closed');
  for (const operation of ['open', 'write', 'datasync', 'rename', 'syncDirectory', 'remove'] as const) {
    for (let nth = 1; nth <= 6; nth++) {
      const disk = segment.disk.kill();
      flip(segment.data, segment.places[3]!.data[0])(disk);
      const rig = await startSpool({}, disk);
      let count = 0;
      disk.addFault((each, path) => (each === operation && path !== segment.data && ++count === nth ? 'EIO' : null));
      for (let round = 0; round < 8; round++) {
        await settle(3);
        rig.clock.advance(1_000);
      }
      const delivered = await drain(rig);
      expect({ operation, nth, batches: delivered.batches }).toEqual({ operation, nth, batches: [1, 2, 3, 4, 6, 7] });
      expectBalance(rig, delivered);
      await expectSame(rig);
    }
  }
});

test('a crash at any step of a salvage leaves a segment damaged or salvaged; nothing comes twice', async () => {
  const segment = await writeThreeSegments('closed');
  const random = seededRandom(seed);
  for (const where of ['start', 'run'] as const) {
    for (let stop = 1; ; stop++) {
      const disk = segment.disk.kill();
      if (where === 'run') flip(segment.data, segment.places[2]!.data[0])(disk);
      else flip(segment.log, segment.places[2]!.log[0] + 20)(disk);
      const crashed = await crashAt(disk, stop, random);
      if (crashed === null) break;
      const rig = await startSpool({}, crashed);
      const delivered = await drain(rig);
      expect({ seed, where, stop, batches: delivered.batches }).toEqual({
        ...{ seed, where, stop },
        batches: [1, 2, 3, 5, 6, 7],
      });
      expect(rig.spool.stats()).toMatchObject({ quarantinedSegments: 1, quarantinedEvents: 3 });
      await expectSame(rig, where === 'start' ? 4 : undefined);
    }
  }
});

/** Runs a start and its background check until the change with number `stop`; null when there are not as many. */
async function crashAt(disk: FaultyFileSystem, stop: number, random: Random): Promise<FaultyFileSystem | null> {
  let count = 0;
  let crashed: FaultyFileSystem | null = null;
  disk.addFault((operation, path) => {
    if (operation === 'open' || path.includes('/positions')) return null;
    if (++count === stop) crashed = random() < 0.3 ? disk.kill() : disk.crash(random);
    return null;
  });
  await startSpool({}, disk).catch(() => {});
  await settle(6);
  return crashed;
}

test(`any damage to the records of a segment loses those records and no others (seed ${seed})`, async () => {
  const segment = await writeThreeSegments('closed');
  const random = seededRandom(seed);
  for (let round = 0; round < 300; round++) {
    const damage: Damage[] = [];
    const hit = new Set<number>();
    const flipped = new Set<string>();
    for (let left = randomInteger(random, { min: 1, max: 4 }); left > 0; left--) {
      const inLog = random() < 0.5;
      const index = randomInteger(random, { min: 0, max: 4 });
      const [first, end] = segment.places[index]![inLog ? 'log' : 'data'];
      const at = randomInteger(random, { min: first, max: end - 1 });
      // Flipped twice it would be whole again.
      if (flipped.has(`${inLog} ${at}`)) continue;
      flipped.add(`${inLog} ${at}`);
      damage.push(flip(inLog ? segment.log : segment.data, at));
      hit.add(index + 2);
    }
    if (random() < 0.3) {
      const bytes = randomInteger(random, { min: 0, max: segment.places[4]!.data[1] });
      damage.push(cut(segment.data, bytes));
      for (const [index, { data }] of segment.places.entries()) if (data[1] > bytes) hit.add(index + 2);
    }
    const damaged = segment.disk.kill();
    for (const each of damage) each(damaged);
    const rig = await startSpool({}, damaged.kill());
    const delivered = await drain(rig);
    const context = { seed, round, hit: [...hit].sort() };
    const intact = [1, 2, 3, 4, 5, 6, 7].filter((batch) => !hit.has(batch));
    expect({ ...context, batches: delivered.batches }).toEqual({ ...context, batches: intact });
    expect(rig.spool.stats().quarantinedSegments).toBe(1);
    expectBalance(rig, delivered);
    const next = await startSpool({}, rig.disk.kill());
    expect((await drain(next)).batches).toEqual([]);
    expect(next.spool.stats()).toMatchObject({ quarantinedSegments: 1, events: 0, bytes: 0 });
  }
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
