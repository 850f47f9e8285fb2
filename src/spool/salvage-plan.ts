import type { OpenFile } from './file-system.js';
import type { DamagedScan } from './log-scan.js';
import { rowsOf } from './log-scan.js';
import type { ByteRange } from './row-check.js';
import { rowsMatch } from './row-check.js';
import type { BatchRecord, LogHeader } from './segment-log.js';

/** Bytes of a segment that cannot be delivered. */
export interface DamagedPart {
  /** In the log and in the data file; either may be empty, or reach beyond the end of its file. */
  readonly log: ByteRange;
  readonly data: ByteRange;
  /** Its log record can be read, its rows cannot. Null: what lies here has no readable record. */
  readonly record: BatchRecord | null;
  /** Null without a readable record. */
  readonly rows: number | null;
  /** The nearest records that can be read. */
  readonly before: BatchRecord | null;
  readonly after: BatchRecord | null;
}

export interface SalvagePlan {
  readonly header: LogHeader;
  /** Intact, oldest first. */
  readonly kept: readonly BatchRecord[];
  readonly parts: readonly DamagedPart[];
  /** Rows of the damaged parts, as far as they are known. */
  readonly damagedRows: number;
  readonly isRowsKnown: boolean;
  /** Bytes behind the last record that a crash left; never acknowledged. */
  readonly tornBytes: number;
}

/**
 * Tells the intact records of a damaged segment from what is damaged. Null when there is nothing to keep, or when what
 * can be read contradicts itself: then the segment is one piece.
 */
export async function planSalvage(scan: DamagedScan, data: OpenFile, logBytes: number): Promise<SalvagePlan | null> {
  const { header } = scan;
  if (header === null) return null;
  const sorted = await sortRecords(scan, data);
  if (sorted === null || rowsOf(sorted.kept) === 0) return null;
  const dataBytes = await data.size();
  const parts = damagedParts(scan, sorted, { log: logBytes, data: dataBytes });
  if (parts.length === 0) return null;
  const unreadable = parts.filter(({ rows }) => rows === null).length === 0 ? 0 : unreadableRows(scan, sorted.readable);
  const damagedRows = parts.reduce((sum, { rows }) => sum + (rows ?? 0), unreadable ?? 0);
  const { torn } = sorted;
  const tornBytes = torn === null ? 0 : logBytes - torn.log + Math.max(0, dataBytes - torn.data);
  return { header, kept: sorted.kept, parts, damagedRows, isRowsKnown: unreadable !== null, tornBytes };
}

interface SortedRecords {
  readonly kept: readonly BatchRecord[];
  /** Every record that can be read and was acknowledged, kept or not. */
  readonly readable: readonly BatchRecord[];
  /** Where a last group that a crash tore begins to be bad. */
  readonly torn: { readonly log: number; readonly data: number } | null;
}

async function sortRecords(scan: DamagedScan, data: OpenFile): Promise<SortedRecords | null> {
  const kept: BatchRecord[] = [];
  const readable: BatchRecord[] = [];
  let logAt = scan.headerBytes;
  let dataAt = 0;
  for (const record of scan.records) {
    if (record.logOffset >= scan.logBytes) break;
    if (record.logOffset < logAt || record.dataOffset < dataAt) return null;
    const matches = await rowsMatch(data, record);
    if (record.logOffset >= scan.unsureFrom) {
      // What a crash left of the last group is its intact beginning: a frame is never kept without the one before it.
      const follows = record.logOffset === Math.max(logAt, scan.unsureFrom);
      if (!follows || !matches) break;
    }
    readable.push(record);
    if (matches) kept.push(record);
    logAt = record.endOffset;
    dataAt = record.dataOffset + record.dataLength;
  }
  const isTorn = scan.unsureFrom < scan.logBytes;
  return { kept, readable, torn: isTorn ? { log: Math.max(logAt, scan.unsureFrom), data: dataAt } : null };
}

function damagedParts(
  scan: DamagedScan,
  { kept, readable, torn }: SortedRecords,
  sizes: { readonly log: number; readonly data: number },
): DamagedPart[] {
  const parts: DamagedPart[] = [];
  const intact = new Set(kept);
  let logAt = scan.headerBytes;
  let dataAt = 0;
  let before: BatchRecord | null = null;
  const gap = (logEnd: number, dataEnd: number, after: BatchRecord | null) => {
    if (logEnd <= logAt && dataEnd <= dataAt) return;
    const ranges = { log: range(logAt, logEnd), data: range(dataAt, dataEnd) };
    parts.push({ ...ranges, record: null, rows: logEnd > logAt ? null : 0, before, after });
  };
  for (const [index, record] of readable.entries()) {
    gap(record.logOffset, record.dataOffset, record);
    logAt = record.endOffset;
    dataAt = record.dataOffset + record.dataLength;
    if (!intact.has(record)) {
      const ranges = { log: range(record.logOffset, logAt), data: range(record.dataOffset, dataAt) };
      parts.push({ ...ranges, record, rows: record.rowCount, before, after: readable[index + 1] ?? null });
    }
    before = record;
  }
  if (torn !== null) gap(torn.log, dataAt, null);
  else gap(scan.logBytes, scan.sealed ? Math.max(scan.dataBytes ?? 0, sizes.data) : (scan.dataBytes ?? 0), null);
  return parts;
}

/** The end record says how many rows there were: what no readable record has, the unreadable ones had. */
function unreadableRows({ rowsTotal }: DamagedScan, readable: readonly BatchRecord[]): number | null {
  return rowsTotal === null ? null : Math.max(0, rowsTotal - rowsOf(readable));
}

function range(from: number, to: number): ByteRange {
  return { offset: from, bytes: Math.max(0, to - from) };
}
