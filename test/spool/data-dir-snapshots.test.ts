import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { tryLoadFileLock } from '../../src/clickhouse/embedded/sandbox/native-calls.js';
import { silentLogger } from '../../src/core/logger.js';
import { DataDirSnapshots, holdSnapshot } from '../../src/spool/data-dir-snapshots.js';
import { createFileLocker } from '../../src/spool/file-locker.js';
import { FakeClock } from '../support/fake-clock.js';
import { tempDir } from '../support/temp-dir.js';

const locker = createFileLocker({ lock: tryLoadFileLock() });

async function rig() {
  const dataDir = tempDir();
  mkdirSync(join(dataDir, 'spool'));
  writeFileSync(join(dataDir, 'format.json'), '{}');
  const clock = new FakeClock();
  const dropped = { count: 0 };
  const snapshots = new DataDirSnapshots(
    {
      clock,
      locker,
      logger: silentLogger,
      instruments: { abandoned: { inc: () => void dropped.count++ } },
      spool: { rotate: async () => {}, whileStaying: (work) => work(new Set()) },
      delivery: { whileHeld: (work) => work() },
      freezeStore: async ({ target }) => void mkdirSync(target),
    },
    dataDir,
  );
  await snapshots.start();
  onTestFinished(() => snapshots.stop());
  /** Lets the lock be looked at, unless the look before is not over yet: the lock is a file. */
  const pass = async (ms: number) => {
    clock.advance(ms);
    for (let turn = 0; turn < 50; turn++) await setImmediate();
  };
  const isThere = (id: string) => existsSync(join(dataDir, 'snapshot', id, 'format.json'));
  return { dataDir, snapshots, dropped, pass, isThere };
}

test('an image is dropped when nobody has its lock any more, and is counted', async () => {
  const { dataDir, snapshots, dropped, pass, isThere } = await rig();
  const { id } = await snapshots.take();
  const held = await holdSnapshot(locker, dataDir, id);
  for (let look = 0; look < 100; look++) await pass(5_000);
  expect([isThere(id), dropped.count]).toEqual([true, 0]);
  held.release();
  const left = async () => {
    await pass(5_000);
    return [readdirSync(join(dataDir, 'snapshot')), dropped.count];
  };
  await expect.poll(left).toEqual([[], 1]);
});

test('one that was never locked stays until it is dropped, and then nothing is looked at', async () => {
  const { dataDir, snapshots, dropped, pass, isThere } = await rig();
  const { id } = await snapshots.take();
  for (let look = 0; look < 100; look++) await pass(5_000);
  expect(isThere(id)).toBe(true);
  expect(await snapshots.drop(id)).toBe(true);
  expect(await snapshots.drop(id)).toBe(false);
  await pass(5_000);
  expect([readdirSync(join(dataDir, 'snapshot')), dropped.count]).toEqual([[], 0]);
});

test('a lock of the image before says nothing of the one that took its place', async () => {
  const { dataDir, snapshots, dropped, pass, isThere } = await rig();
  const first = await snapshots.take();
  const held = await holdSnapshot(locker, dataDir, first.id);
  const second = await snapshots.take();
  held.release();
  await pass(5_000);
  await pass(5_000);
  expect([isThere(first.id), isThere(second.id), dropped.count]).toEqual([false, true, 0]);
  // Locked, the second is its own.
  const own = await holdSnapshot(locker, dataDir, second.id);
  await pass(5_000);
  expect(isThere(second.id)).toBe(true);
  own.release();
  const left = async () => {
    await pass(5_000);
    return [isThere(second.id), dropped.count];
  };
  await expect.poll(left).toEqual([false, 1]);
});
