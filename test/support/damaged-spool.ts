import { scanLog } from '../../src/spool/log-scan.js';
import type { FaultyFileSystem } from './faulty-file-system.js';
import { append, settle, startSpool } from './spool-rig.js';

export interface Written {
  readonly disk: FaultyFileSystem;
  /** Of the segment that is damaged: not the oldest, which may have been offered to the store. */
  readonly id: string;
  readonly data: string;
  readonly log: string;
  /** Where each of its records lies, in both files, by position. */
  readonly places: readonly RecordPlace[];
  readonly headerBytes: number;
}

export interface RecordPlace {
  readonly log: readonly [number, number];
  readonly data: readonly [number, number];
  readonly rows: number;
}

const rowsOfBatch = [1, 2, 3, 4, 5];

/** A row names its batch: batch 1 is the segment before, 2 to 6 the one that is damaged, 7 the one behind it. */
export function rowsText(batch: number, rows: number): Buffer {
  return Buffer.from(`${String(batch).padStart(4, '0')}.${String(rows).padStart(4, '0')}|`.repeat(rows));
}

/** Three segments; `end`: how the last process ended. */
export async function writeThreeSegments(end: 'closed' | 'killed'): Promise<Written> {
  const { spool, disk, clock } = await startSpool();
  const put = (batch: number, rows: number) =>
    append(spool, { rows, content: rowsText(batch, rows), frames: [{ seq: batch }], eventIds: [batch] });
  const nextSegment = async () => {
    clock.advance(10_000);
    await settle(2);
  };
  await put(1, 1);
  await nextSegment();
  for (const [index, rows] of rowsOfBatch.entries()) await put(index + 2, rows);
  const [data, log] = disk
    .files()
    .filter((name) => /\.(data|log)$/.test(name))
    .slice(2);
  if (end === 'closed') {
    await nextSegment();
    await put(7, 1);
    await spool.stop(1_000);
  }
  const id = /\/([^/]+)\.log$/.exec(log!)![1]!;
  const scan = scanLog(Buffer.from(disk.content(log!)), id, null);
  if (scan.status !== 'valid') throw new Error('the segment is not what the test means');
  const places = scan.records.map((record) => ({
    log: [record.logOffset, record.endOffset] as const,
    data: [record.dataOffset, record.dataOffset + record.dataLength] as const,
    rows: record.rowCount,
  }));
  return { disk: disk.kill(), id, data: data!, log: log!, places, headerBytes: scan.headerBytes };
}

export type Damage = (disk: FaultyFileSystem) => void;

export function flip(path: string, at: number): Damage {
  return (disk) => {
    const content = Uint8Array.from(disk.content(path));
    content[at]! ^= 1 << (at % 8);
    disk.setContent(path, content);
  };
}

export function cut(path: string, bytes: number): Damage {
  return (disk) => disk.setContent(path, disk.content(path).slice(0, bytes));
}
