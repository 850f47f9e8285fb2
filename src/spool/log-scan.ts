import type { BatchRecord, EndRecord, LogHeader, SegmentEnd } from './segment-log.js';
import { nextRecordCandidate, parseHeader, parseRecord, segmentTag } from './segment-log.js';

/** What a log says, before the rows are looked at. */
export type LogScan =
  /** Valid up to `logBytes`; what follows was never acknowledged. */
  | (LogExtent & { readonly status: 'valid'; readonly header: LogHeader; readonly dataBytes: number })
  /** Nothing in it was acknowledged: the segment was being created. */
  | { readonly status: 'unborn' }
  /** Bytes that had been synced are bad. `records`: those that can still be read, wherever they lie. */
  | (LogExtent & { readonly status: 'corrupt' });

/** What of a log can be read, and how far it should reach. */
export interface LogExtent {
  readonly header: LogHeader | null;
  /** Where the records begin. */
  readonly headerBytes: number;
  readonly records: readonly BatchRecord[];
  /** Of `records`. */
  readonly rows: number;
  readonly logBytes: number;
  /** Bytes of the data file; null when nothing says how many there were. */
  readonly dataBytes: number | null;
  /** An end record follows: the segment was closed, everything in it was acknowledged. */
  readonly sealed: boolean;
  /** Records from this log offset on were written by the last group and may be torn. */
  readonly unsureFrom: number;
  /** Rows of the whole segment, as its end record says; null when there is none. */
  readonly rowsTotal: number | null;
}

export type DamagedScan = Exclude<LogScan, { readonly status: 'unborn' }>;

/**
 * Decides what of a log is to be believed.
 *
 * A group is written only after the group before it is synced, so bad bytes before the start of the last group are
 * damage, and bad bytes in the last group are what a crash leaves. `end` is known when a later segment's header
 * remembers it: then everything before it was synced and everything after it was never acknowledged.
 */
export function scanLog(log: Buffer, id: string, end: SegmentEnd | null): LogScan {
  if (end !== null && end.logBytes === 0) return { status: 'unborn' };
  const found = readRecords(end === null ? log : log.subarray(0, end.logBytes), id);
  if (found.header === null && found.lastGroupOffset === 0 && end === null) return { status: 'unborn' };
  const after = end === null ? found.end : parseRecord(log, end.logBytes, segmentTag(id))?.record;
  const sealed = after?.kind === 'end' ? after : null;
  const expected = end ?? (sealed === null ? null : { logBytes: sealed.logOffset, dataBytes: sealed.dataBytes });
  const { header, headerBytes, validBytes: logBytes, dataBytes } = found;
  const unsureFrom = expected?.logBytes ?? found.lastGroupOffset;
  const common = { headerBytes, sealed: sealed !== null, unsureFrom, rowsTotal: sealed?.rows ?? null };
  const reachesEnd = end === null ? logBytes >= found.lastGroupOffset : logBytes === end.logBytes;
  if (header !== null && reachesEnd && (expected === null || expected.dataBytes === dataBytes)) {
    const { records } = found;
    return { ...common, status: 'valid', header, records, rows: rowsOf(records), logBytes, dataBytes };
  }
  const records = [...found.records, ...found.beyond];
  const limits = { logBytes: expected?.logBytes ?? log.length, dataBytes: expected?.dataBytes ?? null };
  return { ...common, status: 'corrupt', header, records, rows: rowsOf(records), ...limits };
}

interface Found {
  readonly header: LogHeader | null;
  readonly headerBytes: number;
  /** Of the valid prefix. */
  readonly records: readonly BatchRecord[];
  readonly validBytes: number;
  readonly dataBytes: number;
  /** Wherever it lies. */
  readonly end: EndRecord | null;
  /** Intact records after the first bad byte. */
  readonly beyond: readonly BatchRecord[];
  /** Highest group start that an intact record names. */
  readonly lastGroupOffset: number;
}

function readRecords(log: Buffer, id: string): Found {
  const tag = segmentTag(id);
  const parsed = parseHeader(log);
  const header = parsed !== null && parsed.header.id === id ? parsed.header : null;
  const headerBytes = header === null ? 0 : parsed!.bytes;
  const records: BatchRecord[] = [];
  const beyond: BatchRecord[] = [];
  let offset = headerBytes;
  let lastGroupOffset = 0;
  let validBytes = offset;
  let dataBytes = 0;
  let end: EndRecord | null = null;
  let intact = header !== null;
  while (offset !== -1 && offset < log.length) {
    const next = parseRecord(log, offset, tag);
    if (next === null) {
      intact = false;
      offset = nextRecordCandidate(log, offset + 1);
      continue;
    }
    const { record } = next;
    offset = next.next;
    lastGroupOffset = Math.max(lastGroupOffset, record.groupOffset);
    if (record.kind === 'end') {
      end = record;
      // Nothing is ever written after an end record.
      intact = false;
    } else if (intact && record.dataOffset === dataBytes) {
      records.push(record);
      dataBytes += record.dataLength;
      validBytes = offset;
    } else {
      intact = false;
      beyond.push(record);
    }
  }
  return { header, headerBytes, records, validBytes, dataBytes, end, beyond, lastGroupOffset };
}

export function rowsOf(records: readonly BatchRecord[]): number {
  return records.reduce((sum, record) => sum + record.rowCount, 0);
}
