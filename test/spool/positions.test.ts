import { expect, test } from 'vitest';
import { silentLogger } from '../../src/core/logger.js';
import { PositionTable } from '../../src/spool/position-table.js';
import { ProducerHash } from '../../src/spool/producer-hash.js';
import { FaultyFileSystem } from '../support/faulty-file-system.js';
import { randomInteger, seededRandom } from '../support/seeded-random.js';
import { append, settle, spoolDirectory, startSpool } from '../support/spool-rig.js';

const day = 86_400_000;

test('fingerprints are HalfSipHash-2-4: the vectors of its authors', () => {
  const hash = new ProducerHash(0x03020100, 0x07060504);
  const bytes = Buffer.from([0, 1, 2, 3]);
  const vectors = ['218d1f59b9b83cc8', '064f39ef7c50eb57', 'd5e78a175be52ea1'];
  for (const [pairs, expected] of vectors.entries()) {
    hash.hash(bytes.subarray(0, 2 * pairs).toString('utf16le'));
    const result = Buffer.alloc(8);
    result.writeUInt32LE(hash.low, 0);
    result.writeUInt32LE(hash.high, 4);
    expect(result.toString('hex')).toBe(expected);
  }
});

test('the position table answers as a map does, through growth, deletion and collisions', () => {
  const random = seededRandom(11);
  const table = new PositionTable(100_000, () => {});
  const model = new Map<string, number>();
  let wrong = 0;
  for (let step = 1; step <= 60_000; step++) {
    // Few distinct low halves, so that entries share slots.
    const [low, high] = [
      randomInteger(random, { min: 0, max: 40 }) * 4_096,
      randomInteger(random, { min: 0, max: 200 }),
    ];
    const key = `${low}:${high}`;
    if (random() < 0.3) {
      table.restore(low, high, 0);
      model.delete(key);
    } else {
      if (table.advance(low, high, step, 0) !== (model.get(key) ?? 0)) wrong++;
      model.set(key, step);
    }
  }
  expect(table.size).toBe(model.size);
  for (const [key, seq] of model) {
    const [low, high] = key.split(':').map(Number);
    if (table.seqOf(low!, high!) !== seq) wrong++;
  }
  expect(wrong).toBe(0);
});

test('a full table forgets the producers used longest ago, and counts them', async () => {
  const { spool, totals } = await startSpool({ producersMax: 3 });
  const minute = 60_000;
  for (const [index, producer] of ['a', 'b', 'c', 'a', 'd'].entries()) {
    await append(spool, { receivedMs: index * minute, frames: [{ producer, seq: index + 1 }] });
  }
  expect(['a', 'b', 'c', 'd'].map((producer) => spool.lastSeq('acme', producer))).toEqual([4, 0, 3, 5]);
  expect(totals.total('producersForgotten')).toBe(1);
  expect(spool.stats().producers).toBe(3);
});

test('a producer that is silent for seven days is forgotten, and counted', async () => {
  const { spool, clock, totals } = await startSpool();
  await append(spool, { receivedMs: clock.nowMs(), frames: [{ producer: 'old', seq: 1 }] });
  clock.advance(7 * day + 1_000);
  await settle();
  await append(spool, { receivedMs: clock.nowMs(), frames: [{ producer: 'new', seq: 1 }] });
  clock.advance(4_000);
  await settle();
  expect([spool.lastSeq('acme', 'old'), spool.lastSeq('acme', 'new')]).toEqual([0, 1]);
  expect(totals.total('producersForgotten')).toBe(1);
});

test('positions outlive their segments, releases and restarts', async () => {
  let disk = new FaultyFileSystem();
  for (let run = 1; run <= 4; run++) {
    const { spool } = await startSpool({ segmentRowsMax: 2 }, disk);
    await settle(3);
    for (let producer = 0; producer < 5; producer++) {
      expect(spool.lastSeq('acme', `p${producer}`)).toBe((run - 1) * 10);
      await append(spool, { frames: [{ producer: `p${producer}`, seq: run * 10 }] });
    }
    await settle(3);
    while (spool.peek() !== null) await spool.release(spool.peek()!.id);
    disk = disk.crash(seededRandom(run));
  }
});

test('the journal is rewritten when it has twice the size of what is live, and nothing is lost by it', async () => {
  const { spool, disk } = await startSpool({ segmentRowsMax: 4_000, segmentBytesMax: 1e9 });
  const producers = Array.from({ length: 4_000 }, (_, index) => `producer-${index}`);
  let largest = 0;
  let rewritten = 0;
  for (let seq = 1; seq <= 20; seq++) {
    const before = disk.content('/spool/positions').length;
    await append(spool, { rows: 4_000, bytes: 10, frames: producers.map((producer) => ({ producer, seq, rows: 1 })) });
    await settle(3);
    if (spool.peek() !== null) await spool.release(spool.peek()!.id);
    const after = disk.content('/spool/positions').length;
    largest = Math.max(largest, after);
    if (after < before) rewritten++;
  }
  expect(rewritten).toBeGreaterThan(0);
  // 1 MiB below which it is never rewritten, and one segment's positions.
  expect(largest).toBeLessThan(1_048_576 + 100_000);
  await spool.stop(1_000);
  const next = await startSpool(
    {},
    disk.crash(() => 0),
  );
  expect(producers.filter((producer) => next.spool.lastSeq('acme', producer) !== 20)).toEqual([]);
});

test('a crash while the journal is rewritten leaves the old one or the new one', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const { spool, disk } = await startSpool();
    await append(spool, { rows: 0, bytes: 0, frames: [{ seq: 3, rows: 0 }] });
    await spool.stop(1_000);
    const next = disk.kill();
    let left = seed % 6;
    let crashed: FaultyFileSystem | null = null;
    next.addFault(() => {
      if (left-- > 0) return null;
      crashed ??= next.crash(seededRandom(seed));
      return 'EIO';
    });
    await startSpool({}, next).catch(() => {});
    const rig = await startSpool({}, crashed ?? next.crash(seededRandom(seed)));
    expect(rig.spool.lastSeq('acme', 'p')).toBe(3);
    expect(rig.disk.files()).toEqual(['/spool/positions']);
  }
});

test('a journal that is damaged before its tail is kept aside and what can be read of it is used', async () => {
  const { spool, disk } = await startSpool({ segmentRowsMax: 1 });
  for (let index = 0; index < 3; index++) await append(spool, { frames: [{ producer: `p${index}`, seq: 4 }] });
  await settle(3);
  while (spool.peek() !== null) await spool.release(spool.peek()!.id);
  const content = Uint8Array.from(disk.content('/spool/positions'));
  content[30]! ^= 1;
  disk.setContent('/spool/positions', content);
  const next = await startSpool({}, disk.kill());
  expect(next.disk.files()).toContain('/spool/positions.quarantined');
  expect(next.spool.lastSeq('acme', 'p0')).toBe(0);
  expect(next.spool.lastSeq('acme', 'p1')).toBe(4);
});

test('a torn append at the end of the journal is dropped without a word', async () => {
  const { spool, disk } = await startSpool();
  await append(spool, { rows: 0, bytes: 0, frames: [{ seq: 3, rows: 0 }] });
  await spool.stop(1_000);
  const whole = disk.content('/spool/positions');
  for (let cut = 1; cut < 28; cut++) {
    const torn = disk.kill();
    torn.setContent('/spool/positions', Buffer.concat([whole, whole.subarray(20, 48 - cut)]));
    const next = await startSpool({}, torn);
    expect(next.spool.lastSeq('acme', 'p')).toBe(3);
    expect(next.disk.files()).toEqual(['/spool/positions']);
  }
});

test('tenants and producers of any script are told apart after a restart', async () => {
  const { spool, disk } = await startSpool();
  const frames = [
    { tenant: 'größe', producer: 'ключ', seq: 1 },
    { tenant: 'größe', producer: '鍵', seq: 2 },
    { tenant: '', producer: '鍵', seq: 3 },
  ];
  await append(spool, { rows: 3, frames });
  const next = await startSpool({}, disk.kill());
  expect(frames.map(({ tenant, producer }) => next.spool.lastSeq(tenant, producer))).toEqual([1, 2, 3]);
});

test('the newest time of receipt is known after a restart, of what was released without a producer too', async () => {
  const first = await startSpool();
  const receivedMs = first.clock.nowMs() + 40 * day;
  await append(first.spool, { receivedMs, frames: [{ producer: '', seq: 0 }] });
  first.clock.advance(1_000);
  await settle();
  await first.spool.release(first.spool.peek()!.id);
  await first.spool.stop(1_000);
  for (let start = 0; start < 2; start++) {
    const { spool } = await startSpool({}, first.disk);
    expect(spool.newestReceivedMs).toBe(receivedMs);
    await spool.stop(1_000);
  }
});

test('the newest time of receipt is known after a restart from segments that wait', async () => {
  const first = await startSpool();
  const receivedMs = first.clock.nowMs() + day;
  await append(first.spool, { receivedMs });
  await append(first.spool, { receivedMs: receivedMs - 5 });
  await first.spool.stop(1_000);
  const { spool } = await startSpool({}, first.disk);
  expect(spool.newestReceivedMs).toBe(receivedMs);
});

test('a wall clock forty days ahead forgets no producer, and one that stays there does after a day', async () => {
  const { spool, clock, totals } = await startSpool();
  await append(spool, { receivedMs: clock.nowMs(), frames: [{ producer: 'old', seq: 3 }] });
  const closeOne = async () => {
    await append(spool, { receivedMs: clock.nowMs(), frames: [{ producer: 'new', seq: 1 }] });
    clock.advance(60_000);
    await settle();
  };
  clock.stepWall(40 * day);
  await closeOne();
  expect([spool.lastSeq('acme', 'old'), totals.total('producersForgotten')]).toEqual([3, 0]);
  clock.advance(day);
  await closeOne();
  expect([spool.lastSeq('acme', 'old'), totals.total('producersForgotten')]).toEqual([0, 1]);
});

/** A spool that has released one segment, with an event id, and what the next start says after `damage`. */
async function saidAfter(damage: (disk: FaultyFileSystem) => Promise<void>): Promise<string[]> {
  const first = await startSpool();
  for (const seq of [1, 2]) {
    await append(first.spool, { frames: [{ producer: 'p', seq }], eventIds: [seq] });
    first.clock.advance(1_000);
    await settle();
    await first.spool.release(first.spool.peek()!.id);
  }
  await first.spool.stop(1_000);
  await damage(first.disk);
  const said: string[] = [];
  const note = (_context: object, message: string) => void said.push(message);
  const logger = { ...silentLogger, warn: note, error: note };
  const { spool } = await startSpool({}, first.disk, { logger });
  await spool.stop(1_000);
  return said;
}

async function cutTo(disk: FaultyFileSystem, name: string, bytes: number): Promise<void> {
  const file = await disk.open(`${spoolDirectory}/${name}`, 'update');
  await file.truncate(bytes);
  await file.close();
}

test('a journal that is gone, empty or cut is told at the start, and a whole one is not', async () => {
  expect(await saidAfter(async () => {})).toEqual([]);
  const [ids, positions] = ['event-ids-0000000001', 'positions'];
  expect(await saidAfter((disk) => disk.remove(`${spoolDirectory}/${positions}`))).toEqual([
    'the position journal is missing; frames and requests that are sent again may be counted again',
  ]);
  expect(await saidAfter((disk) => cutTo(disk, positions, 0))).toEqual([
    expect.stringMatching(/^the position journal is damaged; it is quarantined, and frames and requests that are sent/),
  ]);
  expect(await saidAfter((disk) => cutTo(disk, positions, 40))).toEqual([
    expect.stringMatching(/^the position journal ends /),
  ]);
  expect(await saidAfter((disk) => disk.remove(`${spoolDirectory}/${ids}`))).toEqual([
    'a journal of event ids is missing; events that are sent again by their event id may be counted again',
  ]);
  for (const bytes of [0, 15]) {
    expect(await saidAfter((disk) => cutTo(disk, ids, bytes))).toEqual([
      expect.stringMatching(/^a journal of event ids ends too early; /),
    ]);
  }
});
