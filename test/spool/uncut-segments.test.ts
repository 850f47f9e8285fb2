import { expect, test } from 'vitest';
import type { FaultyFileSystem } from '../support/faulty-file-system.js';
import { append, mustAppend, type SpoolRig, settle, spoolBatch, startSpool } from '../support/spool-rig.js';

/** What a later segment's header remembers of where the segments before it end. */

async function rowsLeft(disk: FaultyFileSystem): Promise<string> {
  const { spool, totals } = await startSpool({}, disk);
  let rows = '';
  for (await settle(); spool.peek() !== null; await settle()) {
    const { id, dataPath } = spool.peek()!;
    rows += Buffer.from(disk.content(dataPath)).toString();
    await spool.release(id);
  }
  expect(totals.total('segmentsQuarantined', 'corrupt')).toBe(0);
  return rows;
}

function text(content: string, seq: number) {
  return { rows: 1, content: Buffer.from(content), frames: [{ seq }] };
}

async function loseNext({ spool, disk }: SpoolRig, content: string, seq: number): Promise<void> {
  disk.failOnce('datasync', 'EIO');
  await expect(mustAppend(spool, spoolBatch(text(content, seq)))).rejects.toThrow();
  await settle();
}

test('a segment tells where every uncut one before it ends, though others failed in between', async () => {
  const rig = await startSpool();
  const { spool, disk } = rig;
  await append(spool, text('one;', 1));
  const first = disk.files().find((name) => name.endsWith('.data'))!;
  disk.addFault((operation, path) => (operation === 'truncate' && path === first ? 'EROFS' : null));
  // Lost in the first segment, whose bytes can still be read; then in a second, of which nothing is left.
  await loseNext(rig, 'two;', 2);
  expect(Buffer.from(disk.content(first)).toString()).toBe('one;two;');
  await loseNext(rig, 'two;', 2);
  await append(spool, text('two;', 2));
  expect(await rowsLeft(disk.kill())).toBe('one;two;');
});

test('of several uncut segments in a row each is cut where it ends', async () => {
  const rig = await startSpool();
  const { spool, disk } = rig;
  disk.addFault((operation, path) => (operation === 'truncate' && path.endsWith('.data') ? 'EROFS' : null));
  for (let seq = 1; seq <= 3; seq++) {
    await append(spool, text(`${seq};`, seq));
    await loseNext(rig, `lost ${seq};`, seq + 1);
    await loseNext(rig, `lost ${seq};`, seq + 1);
  }
  await append(spool, text('4;', 4));
  expect(await rowsLeft(disk.kill())).toBe('1;2;3;4;');
});

test('damaged rows are quarantined, not cut as torn, where a later segment tells they were acknowledged', async () => {
  const { spool, disk, clock } = await startSpool();
  await append(spool, text('acknowledged;', 1));
  const data = disk.files().find((name) => name.endsWith('.data'))!;
  const log = disk.files().find((name) => name.endsWith('.log'))!;
  // Its end record is never written.
  const heal = disk.addFault((operation, path) => (operation === 'write' && path === log ? 'EIO' : null));
  clock.advance(500);
  await settle();
  heal();
  await append(spool, text('later;', 2));
  const next = disk.kill();
  const content = Uint8Array.from(next.content(data));
  content[3]! ^= 1;
  next.setContent(data, content);
  const { spool: recovered, totals } = await startSpool({}, next);
  await settle();
  expect(totals.total('segmentsQuarantined', 'corrupt')).toBe(1);
  expect(totals.total('tornBytes')).toBe(0);
  expect(next.files()).toContain(`${data}.quarantined`);
  expect(recovered.lastSeq('acme', 'p')).toBe(2);
});
