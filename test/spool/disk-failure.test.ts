import { expect, test } from 'vitest';
import { CollectorError } from '../../src/core/errors.js';
import type { FaultyOperation } from '../support/faulty-file-system.js';
import { append, mustAppend, settle, spoolBatch, startSpool } from '../support/spool-rig.js';

async function rejection(promise: Promise<void>): Promise<unknown> {
  return await promise.then(
    () => null,
    (error: unknown) => error,
  );
}

for (const operation of ['open', 'write', 'datasync', 'syncDirectory'] as const) {
  test(`a failed ${operation} acknowledges nothing, takes positions back and begins a new segment`, async () => {
    const { spool, disk, totals } = await startSpool();
    if (operation === 'write' || operation === 'datasync') await append(spool, { frames: [{ seq: 1 }] });
    const before = spool.lastSeq('acme', 'p');
    disk.failOnce(operation, 'EIO');
    const error = await rejection(mustAppend(spool, spoolBatch({ fill: 1, frames: [{ seq: 2 }] })));
    expect(error).toBeInstanceOf(CollectorError);
    expect(error).toMatchObject({ code: 'spool_failed', retryable: true });
    expect(spool.lastSeq('acme', 'p')).toBe(before);
    expect(spool.health().status).toBe('unhealthy');
    await settle();
    await append(spool, { fill: 2, frames: [{ seq: 2 }] });
    expect(spool.health().status).toBe('healthy');
    expect(totals.total('syncFailures')).toBe(1);
    await spool.stop(1_000);
    expect(totals.total('segmentsClosed', 'sync_failed')).toBe(1);
    expect(await deliveredRows(spool, disk)).toBe(before + 1);
  });
}

async function deliveredRows(
  spool: Awaited<ReturnType<typeof startSpool>>['spool'],
  disk: Awaited<ReturnType<typeof startSpool>>['disk'],
): Promise<number> {
  await spool.stop(1_000);
  const next = await startSpool({}, disk);
  let rows = 0;
  for (await settle(3); next.spool.peek() !== null; await settle(3)) {
    const segment = next.spool.peek()!;
    expect(disk.content(segment.dataPath).length).toBe(segment.rows * 10);
    rows += segment.rows;
    await next.spool.release(segment.id);
  }
  expect(next.totals.total('segmentsQuarantined', 'corrupt')).toBe(0);
  return rows;
}

test('what was appended after a group that failed fails with it, in this segment and the next', async () => {
  const { spool, disk } = await startSpool({ segmentRowsMax: 2 });
  disk.failOnce('datasync', 'EIO');
  const acks = [1, 2, 3, 4, 5].map((seq) => mustAppend(spool, spoolBatch({ frames: [{ seq }] })));
  const errors = await Promise.all(acks.map(rejection));
  expect(errors.filter((error) => error instanceof CollectorError)).toHaveLength(5);
  expect(spool.lastSeq('acme', 'p')).toBe(0);
  expect(await deliveredRows(spool, disk)).toBe(0);
});

test('appends are refused until those who wait for lost batches know, and then announced', async () => {
  const { spool, disk } = await startSpool();
  let announced = 0;
  spool.onSpace(() => announced++);
  disk.failOnce('datasync', 'EIO');
  const lost = rejection(mustAppend(spool, spoolBatch({ frames: [{ seq: 1 }] })));
  await lost;
  expect(spool.tryAppend(spoolBatch({ frames: [{ seq: 2 }] })).status).toBe('full');
  await settle();
  expect(announced).toBe(1);
  expect(spool.tryAppend(spoolBatch({ frames: [{ seq: 1 }] })).status).toBe('appended');
});

test('batches of a failed group and their resends are delivered once, also over a crash before the cut', async () => {
  for (const refused of ['truncate', 'open'] as FaultyOperation[]) {
    const { spool, disk } = await startSpool();
    await append(spool, { fill: 1, frames: [{ seq: 1 }] });
    disk.failOnce('datasync', 'EIO');
    const path = disk.files().find((name) => name.endsWith('.data'))!;
    disk.addFault((operation, on) => (operation === refused && on === path ? 'EROFS' : null));
    await rejection(mustAppend(spool, spoolBatch({ fill: 2, frames: [{ seq: 2 }] })));
    await settle();
    expect(spool.health()).toMatchObject({ status: 'unhealthy' });
    await append(spool, { fill: 2, frames: [{ seq: 2 }] });
    // Nothing is handed out before the damaged segment is cut.
    expect(spool.peek()).toBeNull();
    expect(await deliveredRows((await startSpool({}, disk.kill())).spool, disk.kill())).toBe(2);
  }
});

test('a segment that cannot be cut is tried again, and delivery goes on in order when it can', async () => {
  const { spool, disk, clock } = await startSpool({ segmentRowsMax: 1 });
  const path = () => disk.files().find((name) => name.endsWith('.data'))!;
  await append(spool, { fill: 1, rows: 1, frames: [{ seq: 1 }] });
  await append(spool, { rows: 0, bytes: 0, frames: [{ seq: 2, rows: 0 }] });
  const heal = disk.addFault((operation, on) => (operation === 'truncate' && on === path() ? 'EIO' : null));
  disk.failOnce('datasync', 'EIO');
  await rejection(mustAppend(spool, spoolBatch({ rows: 0, bytes: 0, frames: [{ seq: 3, rows: 0 }] })));
  await settle();
  await append(spool, { fill: 3, frames: [{ seq: 3 }] });
  await append(spool, { fill: 4, frames: [{ seq: 4 }] });
  await settle();
  expect(spool.peek()).toBeNull();
  heal();
  clock.advance(1_000);
  await settle();
  expect(disk.content(spool.peek()!.dataPath)[0]).toBe(1);
  await spool.release(spool.peek()!.id);
  await settle();
  expect(disk.content(spool.peek()!.dataPath)[0]).toBe(3);
});

test('a disk without space refuses appends, loses nothing, and takes them again when there is space', async () => {
  const { spool, disk, clock } = await startSpool();
  let announced = 0;
  spool.onSpace(() => announced++);
  await append(spool, { frames: [{ seq: 1 }] });
  const free = disk.addFault((operation) => (operation === 'write' ? 'ENOSPC' : null));
  expect(await rejection(mustAppend(spool, spoolBatch({ frames: [{ seq: 2 }] })))).toMatchObject({
    code: 'spool_failed',
  });
  await settle();
  expect(spool.tryAppend(spoolBatch({ frames: [{ seq: 2 }] })).status).toBe('full');
  expect([spool.fullness(), spool.health().details.full]).toEqual([1, 'no_space']);
  free();
  clock.advance(1_000);
  await settle();
  expect(announced).toBe(1);
  await append(spool, { frames: [{ seq: 2 }] });
  expect(await deliveredRows(spool, disk)).toBe(2);
});

test('a release goes on while the disk has no space for the journal, and positions are carried later', async () => {
  const { spool, disk } = await startSpool({ segmentRowsMax: 1 });
  for (let seq = 1; seq <= 3; seq++) await append(spool, { frames: [{ seq }] });
  await settle();
  const free = disk.addFault((operation) => (operation === 'write' ? 'ENOSPC' : null));
  await spool.release(spool.peek()!.id);
  expect(disk.files().filter((name) => name.endsWith('.data'))).toHaveLength(2);
  expect(disk.files().filter((name) => name.endsWith('.released'))).toHaveLength(1);
  free();
  await spool.release(spool.peek()!.id);
  expect(disk.files().filter((name) => name.endsWith('.released'))).toHaveLength(0);
});

test('a release that cannot be made durable is rejected and can be repeated', async () => {
  const { spool, disk } = await startSpool();
  await append(spool);
  await spool.stop(1_000);
  const next = await startSpool({}, disk);
  await settle();
  const { id } = next.spool.peek()!;
  disk.failOnce('syncDirectory', 'EIO');
  expect(await rejection(next.spool.release(id))).toMatchObject({ code: 'spool_failed' });
  expect(next.spool.peek()?.id).toBe(id);
  await next.spool.release(id);
  expect(next.spool.peek()).toBeNull();
  expect(disk.files()).toEqual(['/spool/positions']);
});

test('with too many damaged segments appends are refused', async () => {
  const { spool, disk } = await startSpool();
  disk.addFault((operation) => (operation === 'datasync' || operation === 'remove' ? 'EIO' : null));
  for (let attempt = 0; attempt < 8; attempt++) {
    await rejection(mustAppend(spool, spoolBatch()));
    await settle();
  }
  expect(spool.tryAppend(spoolBatch()).status).toBe('full');
  expect(spool.fullness()).toBe(1);
});

test('a disk that hangs in a write makes the spool unhealthy until the write is done', async () => {
  const { spool, disk, clock } = await startSpool();
  let open = () => {};
  disk.syncGate = new Promise((resolve) => {
    open = resolve;
  });
  const durable = mustAppend(spool, spoolBatch());
  await settle();
  clock.advance(9_000);
  expect(spool.health().status).toBe('healthy');
  clock.advance(3_000);
  expect(spool.health()).toMatchObject({ status: 'unhealthy', reason: expect.stringContaining('for 12 s') });
  open();
  await durable;
  expect(spool.health().status).toBe('healthy');
});

test('a spool that has stopped says so', async () => {
  const { spool } = await startSpool();
  await spool.stop(1_000);
  expect(spool.tryAppend(spoolBatch()).status).toBe('stopped');
  expect(spool.health()).toMatchObject({ status: 'unhealthy', reason: expect.stringContaining('not running') });
});
