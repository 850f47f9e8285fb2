import { expect, test } from 'vitest';
import { FaultyFileSystem } from '../support/faulty-file-system.js';
import { append, settle, spoolBatch, startSpool } from '../support/spool-rig.js';

const kilobyte = 1_000;
const bytesResumeRatio = 0.9;

test('at its quota the spool refuses appends, and accepts them again below the low mark', async () => {
  const { spool } = await startSpool({ bytesMax: 50 * kilobyte, segmentBytesMax: 6 * kilobyte });
  let announced = 0;
  spool.onSpace(() => announced++);
  let seq = 0;
  let fullness = -1;
  while (spool.fullness() < 1) {
    expect(spool.fullness()).toBeGreaterThan(fullness);
    fullness = spool.fullness();
    await append(spool, { bytes: 3 * kilobyte, frames: [{ seq: ++seq }] });
  }
  expect(seq).toBeGreaterThan(8);
  expect(spool.tryAppend(spoolBatch()).status).toBe('full');
  expect(spool.health()).toMatchObject({ status: 'unhealthy', details: { full: 'quota' } });
  await settle();
  await spool.release(spool.peek()!.id);
  await settle();
  await spool.release(spool.peek()!.id);
  await settle();
  expect(announced).toBe(1);
  expect(spool.tryAppend(spoolBatch({ frames: [{ seq: seq + 1 }] })).status).toBe('appended');
  expect(spool.health()).toMatchObject({ status: 'healthy', reason: null });
});

test('between its marks the spool stays as it is: full until the low one, open until the high one', async () => {
  const { spool } = await startSpool({
    bytesMax: 200 * kilobyte,
    bytesResumeRatio,
    segmentBytesMax: 2 * kilobyte,
  });
  let announced = 0;
  spool.onSpace(() => announced++);
  let seq = 0;
  while (spool.fullness() < 1) await append(spool, { bytes: 2 * kilobyte, frames: [{ seq: ++seq }] });
  const marks: number[] = [];
  while (announced === 0) {
    expect(spool.tryAppend(spoolBatch({ frames: [{ seq: seq + 1 }] })).status).toBe('full');
    await settle();
    await spool.release(spool.peek()!.id);
    await settle();
    marks.push(spool.stats().bytes / (200 * kilobyte));
  }
  // Below the high mark it was full for a while, and it opened at the first look below the low one.
  expect(marks.filter((mark) => mark < 1 && mark >= bytesResumeRatio).length).toBeGreaterThan(1);
  expect(marks.slice(0, -1).every((mark) => mark >= bytesResumeRatio)).toBe(true);
  expect(marks.at(-1)).toBeLessThan(bytesResumeRatio);
  await append(spool, { bytes: 2 * kilobyte, frames: [{ seq: ++seq }] });
  expect(spool.stats().bytes / (200 * kilobyte)).toBeGreaterThan(bytesResumeRatio - 0.05);
  expect(spool.tryAppend(spoolBatch({ frames: [{ seq: ++seq }] })).status).toBe('appended');
});

test('bytes are counted down to zero when everything is released', async () => {
  const { spool, clock } = await startSpool();
  for (let seq = 1; seq <= 5; seq++) {
    await append(spool, { bytes: 777, frames: [{ seq }] });
    clock.advance(500);
    await settle();
  }
  expect(spool.stats().bytes).toBeGreaterThan(5 * 777);
  clock.advance(4_000);
  await settle();
  while (spool.peek() !== null) await spool.release(spool.peek()!.id);
  expect(spool.stats()).toMatchObject({ bytes: 0, segments: 0, fullness: 0 });
});

test('bytes of a recovered spool count', async () => {
  const { spool, disk } = await startSpool();
  await append(spool, { bytes: 20 * kilobyte });
  await spool.stop(kilobyte);
  const next = await startSpool({ bytesMax: 10 * kilobyte }, disk);
  expect(next.spool.tryAppend(spoolBatch()).status).toBe('full');
});

test('an almost full disk refuses appends and is looked at again by itself', async () => {
  const disk = new FaultyFileSystem();
  disk.space = { ...disk.space, usedBytes: 80, availableBytes: 20 };
  const { spool, clock } = await startSpool({}, disk);
  disk.space = { ...disk.space, usedBytes: 91 * kilobyte, availableBytes: 9 * kilobyte };
  clock.advance(1_000);
  spool.tryAppend(spoolBatch());
  await settle();
  let announced = 0;
  spool.onSpace(() => announced++);
  expect(spool.tryAppend(spoolBatch()).status).toBe('full');
  expect(spool.health()).toMatchObject({ status: 'unhealthy', reason: expect.stringContaining('disk') });
  // Between the marks nothing changes.
  disk.space = { ...disk.space, usedBytes: 89 * kilobyte, availableBytes: 11 * kilobyte };
  clock.advance(1_000);
  await settle();
  expect(spool.tryAppend(spoolBatch()).status).toBe('full');
  disk.space = { ...disk.space, usedBytes: 80 * kilobyte, availableBytes: 20 * kilobyte };
  clock.advance(1_000);
  await settle();
  expect(announced).toBe(1);
  expect(spool.fullness()).toBeLessThan(1);
});

test('the disk is looked at once a second, not once an append', async () => {
  const { spool, disk, clock } = await startSpool();
  let looks = 0;
  const diskSpace = disk.diskSpace.bind(disk);
  disk.diskSpace = () => {
    looks++;
    return diskSpace();
  };
  for (let seq = 1; seq <= 100; seq++) await append(spool, { frames: [{ seq }] });
  expect(looks).toBe(0);
  clock.advance(1_000);
  for (let seq = 101; seq <= 200; seq++) await append(spool, { frames: [{ seq }] });
  expect(looks).toBe(1);
});

test('a disk that has bytes but can hold no more files is not tried again before it can', async () => {
  const { spool, disk, clock } = await startSpool();
  let announced = 0;
  spool.onSpace(() => announced++);
  const free = disk.addFault((operation) => (operation === 'write' ? 'ENOSPC' : null));
  disk.space = { ...disk.space, availableFiles: 0 };
  await expect(append(spool, { frames: [{ seq: 1 }] })).rejects.toMatchObject({ code: 'spool_failed' });
  expect(spool.tryAppend(spoolBatch()).status).toBe('full');
  for (const availableFiles of [0, 100]) {
    disk.space = { ...disk.space, availableFiles };
    clock.advance(1_000);
    await settle();
    expect(announced).toBe(0);
  }
  clock.advance(30_000);
  await settle();
  expect(spool.health()).toMatchObject({ status: 'unhealthy', reason: expect.stringContaining('df -i') });
  free();
  disk.space = { ...disk.space, availableFiles: 1_000 };
  clock.advance(1_000);
  await settle();
  expect(announced).toBe(1);
  await append(spool, { frames: [{ seq: 1 }] });
});

test('a file system that tells of no files it could hold, and holds them, is tried again', async () => {
  const disk = new FaultyFileSystem();
  disk.space = { ...disk.space, availableFiles: 0 };
  const { spool, clock } = await startSpool({}, disk);
  const free = disk.addFault((operation) => (operation === 'write' ? 'ENOSPC' : null));
  await expect(append(spool, { frames: [{ seq: 1 }] })).rejects.toMatchObject({ code: 'spool_failed' });
  free();
  clock.advance(1_000);
  await settle();
  await append(spool, { frames: [{ seq: 1 }] });
});
