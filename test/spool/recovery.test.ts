import { expect, test } from 'vitest';
import { FaultyFileSystem } from '../support/faulty-file-system.js';
import type { SpoolRig } from '../support/spool-rig.js';
import { append, settle, startSpool } from '../support/spool-rig.js';

interface Written {
  readonly disk: FaultyFileSystem;
  readonly data: string;
  readonly log: string;
  /** Bytes of the log and of the data after each batch. */
  readonly logEnds: readonly number[];
  readonly dataEnds: readonly number[];
}

const batches = 5;

/** A segment of five batches, each a group of its own, as a killed process leaves it or closed in order. */
async function written(state: 'killed' | 'closed'): Promise<Written> {
  const { spool, disk } = await startSpool();
  const logEnds: number[] = [];
  const dataEnds: number[] = [];
  const [data, log] = ['.data', '.log'];
  const path = (suffix: string) => disk.files().find((name) => name.endsWith(suffix))!;
  for (let seq = 1; seq <= batches; seq++) {
    await append(spool, { rows: seq, fill: seq, frames: [{ seq }] });
    logEnds.push(disk.content(path(log)).length);
    dataEnds.push(disk.content(path(data)).length);
  }
  if (state === 'closed') await spool.stop(1_000);
  return { disk: disk.kill(), data: path(data), log: path(log), logEnds, dataEnds };
}

/** Recovers after `damage`; reports how many batches are delivered, or what became of the segment. */
async function recovered(
  from: Written,
  damage: (disk: FaultyFileSystem) => void,
): Promise<SpoolRig & { outcome: string }> {
  const disk = from.disk.kill();
  damage(disk);
  const rig = await startSpool({}, disk);
  await settle(3);
  const segment = rig.spool.peek();
  if (segment === null) {
    const quarantined = rig.totals.total('segmentsQuarantined', 'corrupt');
    return { ...rig, outcome: quarantined === 1 ? 'quarantined' : 'gone' };
  }
  const content = Buffer.from(disk.content(segment.dataPath));
  const kept = from.dataEnds.indexOf(content.length) + 1;
  const expected = Buffer.concat(Array.from({ length: kept }, (_, index) => Buffer.alloc(10 * (index + 1), index + 1)));
  expect(content).toEqual(expected);
  expect(rig.spool.lastSeq('acme', 'p')).toBe(kept);
  expect(segment.rows * 10).toBe(content.length);
  return { ...rig, outcome: `${kept} batches` };
}

function cut(path: string, bytes: number): (disk: FaultyFileSystem) => void {
  return (disk) => disk.setContent(path, disk.content(path).slice(0, bytes));
}

function flip(path: string, at: number): (disk: FaultyFileSystem) => void {
  return (disk) => {
    const content = Uint8Array.from(disk.content(path));
    content[at]! ^= 1 << (at % 8);
    disk.setContent(path, content);
  };
}

/** Every byte of the records, every seventh of the long header before them. */
function damagePoints(segment: Written, to: number): number[] {
  return range(0, to).filter((at) => at >= segment.logEnds[0]! || at % 7 === 0);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

test('recovery of a killed process keeps every acknowledged batch', async () => {
  const segment = await written('killed');
  const { outcome, totals } = await recovered(segment, () => {});
  expect(outcome).toBe('5 batches');
  expect(totals.total('tornBytes')).toBe(0);
  expect(totals.total('eventsRecovered')).toBe(15);
});

test('recovery keeps the valid prefix and cuts a log that ends anywhere in its last three records', async () => {
  const segment = await written('killed');
  for (const bytes of range(segment.logEnds[1]!, segment.logEnds[4]!)) {
    const { outcome, totals } = await recovered(segment, cut(segment.log, bytes));
    const kept = segment.logEnds.filter((end) => end <= bytes).length;
    expect({ bytes, outcome }).toEqual({ bytes, outcome: `${kept} batches` });
    const torn = bytes - segment.logEnds[kept - 1]! + segment.dataEnds[4]! - segment.dataEnds[kept - 1]!;
    expect({ bytes, torn: totals.total('tornBytes') }).toEqual({ bytes, torn });
  }
});

test('recovery cuts the last group when its rows end early, and quarantines when earlier ones do', async () => {
  const segment = await written('killed');
  for (const bytes of range(0, segment.dataEnds[4]!)) {
    const { outcome } = await recovered(segment, cut(segment.data, bytes));
    const expected = bytes >= segment.dataEnds[3]! ? '4 batches' : 'quarantined';
    expect({ bytes, outcome }).toEqual({ bytes, outcome: expected });
  }
});

test('recovery removes a segment whose header never reached the disk', async () => {
  const segment = await written('killed');
  for (const bytes of [0, 1, 11, 12, 500]) {
    const { outcome, disk } = await recovered(segment, (faulty) => {
      cut(segment.log, bytes)(faulty);
      cut(segment.data, 3)(faulty);
    });
    expect(outcome).toBe('gone');
    expect(disk.files()).toEqual(['/spool/positions']);
  }
});

test('a flipped bit anywhere in a log before its last group quarantines the segment', async () => {
  const segment = await written('killed');
  for (const at of damagePoints(segment, segment.logEnds[3]!)) {
    const { outcome } = await recovered(segment, flip(segment.log, at));
    expect({ at, outcome }).toEqual({ at, outcome: 'quarantined' });
  }
});

test('a flipped bit in the last group of a killed process cuts that group and nothing else', async () => {
  const segment = await written('killed');
  for (const at of range(segment.logEnds[3]!, segment.logEnds[4]!)) {
    const { outcome } = await recovered(segment, flip(segment.log, at));
    expect({ at, outcome }).toEqual({ at, outcome: '4 batches' });
  }
});

test('a flipped bit in the log of a closed segment is always found', async () => {
  const segment = await written('closed');
  const bytes = segment.disk.content(segment.log).length;
  for (const at of damagePoints(segment, bytes)) {
    const { outcome } = await recovered(segment, flip(segment.log, at));
    // A bad end record alone leaves every batch intact.
    const expected = at < segment.logEnds[4]! ? 'quarantined' : '5 batches';
    expect({ at, outcome }).toEqual({ at, outcome: expected });
  }
});

test('a flipped bit anywhere in the rows of a closed segment quarantines it before it is handed out', async () => {
  const segment = await written('closed');
  for (const at of range(0, segment.dataEnds[4]!)) {
    const { outcome } = await recovered(segment, flip(segment.data, at));
    expect({ at, outcome }).toEqual({ at, outcome: 'quarantined' });
  }
});

test('a closed segment whose data file is longer or shorter than its end record says is quarantined', async () => {
  const segment = await written('closed');
  const longer = (disk: FaultyFileSystem) =>
    disk.setContent(segment.data, Buffer.concat([disk.content(segment.data), Buffer.alloc(1)]));
  expect((await recovered(segment, longer)).outcome).toBe('quarantined');
  expect((await recovered(segment, cut(segment.data, segment.dataEnds[4]! - 1))).outcome).toBe('quarantined');
});

test('a quarantined segment is renamed, counted, kept over restarts, and its positions hold', async () => {
  const segment = await written('closed');
  const { disk, spool, totals } = await recovered(segment, flip(segment.data, 5));
  const note = segment.data.replace(/data$/, 'quarantine.json');
  const names = [`${segment.data}.quarantined`, `${segment.log}.quarantined`, note, '/spool/positions'];
  expect(disk.files()).toEqual(names.sort());
  expect(totals.total('eventsQuarantined')).toBe(15);
  expect(spool.stats()).toMatchObject({ events: 0, bytes: 0, quarantinedSegments: 1, quarantinedEvents: 15 });
  expect(spool.health()).toMatchObject({ status: 'degraded' });
  const next = await startSpool({}, disk.kill());
  expect(next.spool.stats()).toMatchObject({ quarantinedSegments: 1, quarantinedEvents: 15 });
  expect(next.totals.total('segmentsQuarantined', 'corrupt')).toBe(0);
  expect(next.spool.lastSeq('acme', 'p')).toBe(5);
});

test('a crash between the two renames of a quarantine is finished at the next start', async () => {
  const segment = await written('closed');
  const disk = segment.disk.kill();
  await disk.rename(segment.data, `${segment.data}.quarantined`);
  const { spool } = await startSpool({}, disk);
  expect(disk.files()).toContain(`${segment.log}.quarantined`);
  expect(spool.stats()).toMatchObject({ segments: 0, quarantinedSegments: 1, quarantinedEvents: 15 });
});

test('a data file without log is quarantined, and removed when it is empty', async () => {
  const segment = await written('closed');
  const { outcome } = await recovered(segment, (disk) => disk.deleteFile(segment.log));
  expect(outcome).toBe('quarantined');
  const empty = await recovered(segment, (disk) => {
    disk.deleteFile(segment.log);
    disk.setContent(segment.data, Buffer.alloc(0));
  });
  expect(empty.outcome).toBe('gone');
  expect(empty.disk.files()).toEqual(['/spool/positions']);
});

test('a log that names rows whose data file is gone is quarantined', async () => {
  const segment = await written('closed');
  const { outcome, disk } = await recovered(segment, (faulty) => faulty.deleteFile(segment.data));
  expect(outcome).toBe('quarantined');
  expect(disk.files()).toContain(`${segment.log}.quarantined`);
});

test('a log whose data file never got into the directory was never acknowledged, and is removed', async () => {
  const { spool, disk } = await startSpool();
  await append(spool);
  const next = disk.kill();
  next.deleteFile(next.files().find((name) => name.endsWith('.data'))!);
  const { totals, spool: recoveredSpool } = await startSpool({}, next);
  expect(next.files()).toEqual(['/spool/positions']);
  expect(recoveredSpool.lastSeq('acme', 'p')).toBe(0);
  expect(totals.total('tornBytes')).toBeGreaterThan(0);
});

test('recovered segments are delivered in the order they were written', async () => {
  const { spool, disk } = await startSpool({ segmentRowsMax: 1 });
  for (let seq = 1; seq <= 7; seq++) await append(spool, { fill: seq, frames: [{ seq }] });
  const next = await startSpool({}, disk.kill());
  const order: number[] = [];
  for (await settle(2); next.spool.peek() !== null; await settle(2)) {
    const { id, dataPath } = next.spool.peek()!;
    order.push(next.disk.content(dataPath)[0]!);
    await next.spool.release(id);
  }
  expect(order).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test('rows of closed segments are checked a few segments ahead of the reader, not all at the start', async () => {
  const { spool, disk } = await startSpool({ segmentRowsMax: 1 });
  for (let seq = 1; seq <= 10; seq++) await append(spool, { frames: [{ seq }] });
  await spool.stop(1_000);
  const next = disk.kill();
  const opened = new Map<string, number>();
  next.addFault((operation, path) => {
    if (operation === 'open' && path.endsWith('.data')) opened.set(path, (opened.get(path) ?? 0) + 1);
    return null;
  });
  const paths = next.files().filter((name) => name.endsWith('.data'));
  const rig = await startSpool({}, next);
  await settle(5);
  // Once each for their size, and once more to check the rows.
  expect(paths.map((path) => opened.get(path))).toEqual([2, 2, 2, 1, 1, 1, 1, 1, 1, 1]);
  await rig.spool.release(rig.spool.peek()!.id);
  await settle(5);
  expect(paths.map((path) => opened.get(path))).toEqual([2, 2, 2, 2, 1, 1, 1, 1, 1, 1]);
});

test('files of others are left alone', async () => {
  const disk = new FaultyFileSystem();
  disk.setContent('/spool/notes.txt', Buffer.from('mine'));
  const { spool } = await startSpool({}, disk);
  await append(spool);
  await spool.stop(1_000);
  expect(disk.files()).toContain('/spool/notes.txt');
});
