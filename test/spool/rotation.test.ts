import { expect, test } from 'vitest';
import { append, mustAppend, settle, spoolBatch, startSpool } from '../support/spool-rig.js';

const second = 1_000;

test('a segment closes before it would pass its rows', async () => {
  const { spool, totals } = await startSpool({ segmentRowsMax: 10 });
  for (let seq = 1; seq <= 3; seq++) await append(spool, { rows: 4, frames: [{ seq }] });
  await settle();
  expect(totals.total('segmentsClosed', 'rows')).toBe(1);
  expect(spool.peek()?.rows).toBe(8);
});

test('a segment closes before it would pass its bytes, and a larger batch gets one of its own', async () => {
  const { spool, totals } = await startSpool({ segmentBytesMax: 10_000 });
  await append(spool, { bytes: 5_000, frames: [{ seq: 1 }] });
  await append(spool, { bytes: 50_000, frames: [{ seq: 2 }] });
  await append(spool, { bytes: 10, frames: [{ seq: 3 }] });
  await settle();
  expect(totals.total('segmentsClosed', 'size')).toBe(2);
  expect(spool.peek()?.bytes).toBe(5_000);
});

test('a segment never crosses the partition of its month', async () => {
  const { spool, totals } = await startSpool();
  const boundaryMs = Date.UTC(2026, 1, 1);
  const batches = [boundaryMs - 2, boundaryMs - 1, boundaryMs, boundaryMs + 1].map((receivedMs, index) =>
    spoolBatch({ receivedMs, frames: [{ seq: index + 1 }] }),
  );
  await Promise.all(batches.map((batch) => mustAppend(spool, batch)));
  await spool.stop(second);
  expect(totals.total('segmentsClosed', 'partition')).toBe(1);
  expect(spool.peek()).toMatchObject({ rows: 2, lastReceivedMs: boundaryMs - 1 });
});

test('a segment closes after the short age while the reader has nothing waiting', async () => {
  const { spool, clock, totals } = await startSpool();
  await append(spool);
  clock.advance(499);
  await settle();
  expect(spool.peek()).toBeNull();
  clock.advance(1);
  await settle();
  expect(spool.peek()?.rows).toBe(1);
  expect(totals.total('segmentsClosed', 'age')).toBe(1);
});

test('a segment may grow older while a closed one waits, and closes when that one is released', async () => {
  const { spool, clock } = await startSpool();
  await append(spool, { frames: [{ seq: 1 }] });
  clock.advance(500);
  await settle();
  const first = spool.peek()!;
  await append(spool, { frames: [{ seq: 2 }] });
  clock.advance(2 * second);
  await append(spool, { frames: [{ seq: 3 }] });
  expect(spool.stats().segments).toBe(2);
  await spool.release(first.id);
  await settle();
  expect(spool.peek()?.rows).toBe(2);
});

test('a segment closes at the long age though a closed one still waits', async () => {
  const { spool, clock, totals } = await startSpool();
  await append(spool, { frames: [{ seq: 1 }] });
  clock.advance(500);
  await settle();
  await append(spool, { frames: [{ seq: 2 }] });
  clock.advance(4 * second);
  await settle();
  expect(totals.total('segmentsClosed', 'age')).toBe(2);
});

test('while others wait segments grow older, so that slow inserts fall behind no further', async () => {
  const { spool, clock, totals } = await startSpool({ segmentRowsMax: 1 });
  for (let seq = 1; seq <= 3; seq++) await append(spool, { frames: [{ seq }] });
  await settle();
  expect(totals.total('segmentsClosed', 'rows')).toBe(2);
  clock.advance(59 * second);
  await settle();
  expect(totals.total('segmentsClosed', 'age')).toBe(0);
  await spool.release(spool.peek()!.id);
  await settle();
  expect(totals.total('segmentsClosed', 'age'), 'one is inserted, none waits').toBe(1);
  await append(spool, { frames: [{ seq: 4 }] });
  clock.advance(60 * second);
  await settle();
  expect(totals.total('segmentsClosed', 'age'), 'two wait').toBe(2);
});

test('a segment with positions but no rows is never handed out, and its positions survive it', async () => {
  const { spool, clock, disk } = await startSpool();
  await append(spool, { rows: 0, bytes: 0, frames: [{ seq: 9, rows: 0 }] });
  clock.advance(4 * second);
  await settle();
  expect(spool.peek()).toBeNull();
  expect(disk.files()).toEqual(['/spool/positions']);
  const next = await startSpool(
    {},
    disk.crash(() => 0),
  );
  expect(next.spool.lastSeq('acme', 'p')).toBe(9);
});

test('rows that follow positions without rows are delivered within the short age', async () => {
  const { spool, clock } = await startSpool();
  await append(spool, { rows: 0, bytes: 0, frames: [{ seq: 1, rows: 0 }] });
  clock.advance(3 * second);
  await append(spool, { rows: 5, frames: [{ seq: 2 }] });
  clock.advance(500);
  await settle();
  expect(spool.peek()?.rows).toBe(5);
});

test('segment ids sort by age also when the wall clock steps back and over a restart', async () => {
  const { spool, clock, disk } = await startSpool({ segmentRowsMax: 1 });
  for (let seq = 1; seq <= 3; seq++) {
    await append(spool, { fill: seq, frames: [{ seq }] });
    clock.stepWall(-3_600_000);
  }
  await spool.stop(second);
  const next = await startSpool({ segmentRowsMax: 1 }, disk);
  for (let seq = 4; seq <= 5; seq++) await append(next.spool, { fill: seq, frames: [{ seq }] });
  await next.spool.stop(second);
  const last = await startSpool({}, disk);
  const order: number[] = [];
  for (await settle(); last.spool.peek() !== null; await settle()) {
    const { id, dataPath } = last.spool.peek()!;
    order.push(disk.content(dataPath)[0]!);
    await last.spool.release(id);
  }
  expect(order).toEqual([1, 2, 3, 4, 5]);
});
