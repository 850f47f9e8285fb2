import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nodeFileSystem } from '../../src/spool/file-system.js';
import { FaultyFileSystem } from '../support/faulty-file-system.js';
import {
  append,
  createSpoolOn,
  mustAppend,
  settle,
  spoolBatch,
  spoolDirectory,
  startSpool,
  startSpoolOn,
} from '../support/spool-rig.js';
import { tempDir } from '../support/temp-dir.js';

test('a batch is acknowledged only after its rows, its log record and the directory are synced', async () => {
  const { spool, disk } = await startSpool();
  const syncs = () => ['datasync', 'syncDirectory'].map((operation) => disk.counts.get(operation as 'datasync') ?? 0);
  const before = syncs();
  let open = () => {};
  disk.syncGate = new Promise((resolve) => {
    open = resolve;
  });
  let acknowledged = false;
  const durable = mustAppend(spool, spoolBatch()).then(() => {
    acknowledged = true;
  });
  await settle();
  expect(acknowledged).toBe(false);
  open();
  await durable;
  expect(syncs()).toEqual([before[0]! + 2, before[1]! + 1]);
});

test('batches that arrive while a group is synced share the next sync', async () => {
  const { spool, totals } = await startSpool();
  const acks = Array.from({ length: 20 }, (_, index) =>
    mustAppend(spool, spoolBatch({ frames: [{ seq: index + 1 }] })),
  );
  await Promise.all(acks);
  expect(totals.total('syncGroupBatches')).toBe(2);
});

test('a group waits for its age, and goes at once when it has enough bytes', async () => {
  const { spool, clock, totals } = await startSpool({ groupAgeMsMax: 2, groupBytesMax: 1_000 });
  const first = mustAppend(spool, spoolBatch());
  await settle();
  expect(totals.total('syncGroupBatches')).toBe(0);
  clock.advance(2);
  await first;
  await append(spool, { bytes: 2_000, frames: [{ seq: 2 }] });
  expect(totals.total('syncGroupBatches')).toBe(2);
});

test('the data file is the rows of all batches end to end, and the reader learns what is in it', async () => {
  const directory = join(tempDir(), 'spool');
  const { spool, clock } = await startSpoolOn(nodeFileSystem, { directory });
  await Promise.all(
    [1, 2, 3].map((fill) => append(spool, { rows: fill, fill, receivedMs: 1_000 * fill, frames: [{ seq: fill }] })),
  );
  const closed = new Promise<void>((resolve) => spool.onClosed(resolve));
  clock.advance(500);
  await closed;
  const segment = spool.peek();
  expect(segment).toMatchObject({ rows: 6, bytes: 60, firstReceivedMs: 1_000, lastReceivedMs: 3_000 });
  expect(segment?.columns.slice(0, 4)).toEqual(['tenant', 'received', 'conflicting_end', 'type']);
  const expected = Buffer.concat([1, 2, 3].map((fill) => Buffer.alloc(10 * fill, fill)));
  expect(readFileSync(segment!.dataPath)).toEqual(expected);
  await spool.stop(1_000);
});

test('a stop during the start waits for its end, and nothing goes on or is open after it', async () => {
  const disk = new FaultyFileSystem();
  let open = () => {};
  disk.syncGate = new Promise((resolve) => {
    open = resolve;
  });
  const { spool } = createSpoolOn(disk, { directory: spoolDirectory });
  const started = spool.start();
  await settle();
  let hasStopped = false;
  const stopped = spool.stop(1_000).then(() => {
    hasStopped = true;
  });
  await settle();
  expect(hasStopped).toBe(false);
  open();
  await Promise.all([started, stopped]);
  expect(spool.tryAppend(spoolBatch()).status).toBe('stopped');
  expect(disk.openFiles).toBe(0);
});

test('a start that fails leaves no file open once the spool is stopped', async () => {
  for (const operation of ['rename', 'syncDirectory', 'remove'] as const) {
    for (let nth = 1; nth <= 3; nth++) {
      const { disk: before } = await startSpool();
      const disk = before.kill();
      disk.failOnce(operation, 'EIO', nth);
      const { spool } = createSpoolOn(disk, { directory: spoolDirectory });
      await spool.start().catch(() => undefined);
      await spool.stop(1_000);
      expect({ operation, nth, open: disk.openFiles }).toEqual({ operation, nth, open: 0 });
    }
  }
});

test('a spool that is stopped before its start has done nothing, and is not started', async () => {
  const { spool, disk } = createSpoolOn(new FaultyFileSystem(), { directory: spoolDirectory });
  await spool.stop(1_000);
  await expect(spool.start()).rejects.toThrow('not after its stop');
  expect(disk.files()).toEqual([]);
});

test('appends before the start and after the stop are answered with stopped', async () => {
  const { spool } = await startSpool();
  await spool.stop(1_000);
  await spool.stop(1_000);
  expect(spool.tryAppend(spoolBatch()).status).toBe('stopped');
});

test('stopping makes what was appended durable and closes the segment', async () => {
  const { spool, disk, totals } = await startSpool({ groupAgeMsMax: 1_000 });
  const durable = mustAppend(spool, spoolBatch({ rows: 3 }));
  await spool.stop(1_000);
  await durable;
  expect(totals.total('segmentsClosed', 'stop')).toBe(1);
  const next = await startSpool(
    {},
    disk.crash(() => 0),
  );
  await settle();
  expect(next.spool.peek()?.rows).toBe(3);
  expect(next.totals.total('eventsRecovered')).toBe(3);
});

test('a position is known from the append on, per tenant and producer', async () => {
  const { spool } = await startSpool();
  expect(spool.lastSeq('acme', 'p')).toBe(0);
  const durable = mustAppend(
    spool,
    spoolBatch({ frames: [{ seq: 7 }, { tenant: 'other', seq: 2 }, { producer: '', seq: 0 }] }),
  );
  expect(spool.lastSeq('acme', 'p')).toBe(7);
  expect(spool.lastSeq('other', 'p')).toBe(2);
  expect(spool.lastSeq('acme', '')).toBe(0);
  await durable;
  expect(spool.stats().producers).toBe(2);
});

test('appends are refused while too much is pending, and space is announced when it is durable', async () => {
  const disk = new FaultyFileSystem();
  const { spool } = await startSpool({ pendingBytesMax: 1_000 }, disk);
  let open = () => {};
  disk.syncGate = new Promise((resolve) => {
    open = resolve;
  });
  let announced = 0;
  spool.onSpace(() => announced++);
  const first = mustAppend(spool, spoolBatch({ bytes: 900 }));
  expect(spool.tryAppend(spoolBatch({ bytes: 900 })).status).toBe('full');
  expect(spool.fullness()).toBeCloseTo(0.9);
  open();
  await first;
  await settle();
  expect(announced).toBe(1);
  expect(spool.tryAppend(spoolBatch({ bytes: 900 })).status).toBe('appended');
});
