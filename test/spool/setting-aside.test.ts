import { expect, test } from 'vitest';
import { silentLogger } from '../../src/core/logger.js';
import { InsertNoteFile } from '../../src/spool/insert-note-file.js';
import { QuarantineShelf } from '../../src/spool/quarantine-shelf.js';
import { setAside } from '../../src/spool/setting-aside.js';
import { flip, writeThreeSegments } from '../support/damaged-spool.js';
import type { FaultyFileSystem } from '../support/faulty-file-system.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';
import { settle, spoolDirectory, startSpool } from '../support/spool-rig.js';

const seed = testSeed(20_261_128);
const options = { directory: spoolDirectory, producersMax: 10_000, eventIdsMax: 1_000 };

/** Three segments that wait: the batches 1, 2 to 6 (`id`), and 7; `noted`: which of them the last insert was of. */
async function waiting(noted: 'none' | 'middle' | 'unknown' = 'none') {
  const { disk, id } = await writeThreeSegments('closed');
  if (noted === 'unknown') return { disk, id };
  const notes = new InsertNoteFile({ fileSystem: disk }, spoolDirectory);
  await notes.write({ segmentId: noted === 'middle' ? id : 'another', content: '' });
  await notes.stop();
  return { disk, id };
}

const put = (disk: FaultyFileSystem, id: string) => setAside({ fileSystem: disk, logger: silentLogger }, options, id);

function shelfOf(disk: FaultyFileSystem): QuarantineShelf {
  return new QuarantineShelf({ fileSystem: disk }, spoolDirectory);
}

/** The first batch of each segment in the order of their delivery. */
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

test('a segment that waits is set aside, what is behind it goes on, and it comes back once', async () => {
  const { disk, id } = await waiting();
  expect(await put(disk, id)).toBe(15);
  expect(await shelfOf(disk).list()).toMatchObject([{ id, reason: 'by_hand', rows: 15, damage: null }]);
  const next = disk.kill();
  expect(await delivered(next)).toEqual(['0001', '0007']);
  await shelfOf(next).restore(id);
  expect(await delivered(next.kill())).toEqual(['0002']);
});

test('what was acknowledged in it is still known: positions, event ids, and how much lies aside', async () => {
  const { disk, id } = await waiting();
  await put(disk, id);
  // The last of the three as well: the position of its batch is in no log any more.
  const last = disk
    .files()
    .find((name) => name.endsWith('.log') && !name.includes(id) && name > `${spoolDirectory}/${id}`);
  await put(disk, /\/([^/]+)\.log$/.exec(last!)![1]!);
  const rig = await startSpool({}, disk.kill());
  expect(rig.spool.lastSeq('acme', 'p')).toBe(7);
  expect(rig.eventIds.restored.toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(rig.spool.stats()).toMatchObject({ events: 1, quarantinedSegments: 2, quarantinedEvents: 16 });
});

test.each(['middle', 'unknown'] as const)('one whose insert may have begun stays where it is (%s)', async (noted) => {
  const { disk, id } = await waiting(noted);
  const refusal = await put(disk, id).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ code: 'config_invalid', message: expect.stringContaining('may have begun') });
  expect(await shelfOf(disk).list()).toEqual([]);
  expect(await delivered(disk.kill())).toEqual(['0001', '0002', '0007']);
});

test('an id of nothing that waits is refused, and so is a segment that turns out to be damaged', async () => {
  const { disk, id } = await waiting();
  for (const each of [id.replace(/.$/, 'g'), id.replace(/^./, 'f'), '', '../positions']) {
    await expect(put(disk, each)).rejects.toMatchObject({ code: 'config_invalid' });
  }
  await put(disk, id);
  await expect(put(disk, id)).rejects.toMatchObject({ code: 'config_invalid' });
  expect(await delivered(disk.kill())).toEqual(['0001', '0007']);

  const other = await waiting();
  flip(other.disk.files().find((name) => name.endsWith(`${other.id}.log`))!, 100)(other.disk);
  await expect(put(other.disk, other.id)).rejects.toMatchObject({ code: 'segment_corrupt' });
});

test('a crash at any step leaves the segment in the queue or aside, with all that it holds', async () => {
  const from = await waiting();
  const random = seededRandom(seed);
  let aside = 0;
  let steps = 0;
  for (let stop = 1; ; stop++) {
    const disk = from.disk.kill();
    let count = 0;
    let crashed: FaultyFileSystem | null = null;
    disk.addFault(() => {
      if (++count === stop) crashed = random() < 0.3 ? disk.kill() : disk.crash(random);
      return null;
    });
    await put(disk, from.id).catch(() => {});
    if (crashed === null) break;
    steps = stop;
    const after: FaultyFileSystem = crashed;
    const rig = await startSpool({}, after.kill());
    expect({ seed, stop, seq: rig.spool.lastSeq('acme', 'p') }).toEqual({ seed, stop, seq: 7 });
    // A record of ids that a crash made be written twice does no harm.
    expect({ seed, stop, ids: new Set(rig.eventIds.restored).size }).toEqual({ seed, stop, ids: 7 });
    const started = after.kill();
    const once = await delivered(started);
    if (once.length === 3) {
      expect({ seed, stop, once }).toEqual({ seed, stop, once: ['0001', '0002', '0007'] });
      continue;
    }
    aside += 1;
    expect({ seed, stop, once }).toEqual({ seed, stop, once: ['0001', '0007'] });
    await shelfOf(started).restore(from.id);
    expect({ seed, stop, again: await delivered(started.kill()) }).toEqual({ seed, stop, again: ['0002'] });
  }
  expect(aside).toBeGreaterThan(0);
  expect(steps).toBeGreaterThan(aside);
});
