import type { BatchRecord, LogHeader, SegmentEnd } from './segment-log.js';
import { nextRecordCandidate, parseHeader, parseRecord, segmentTag } from './segment-log.js';

/** What a log says, before the rows are looked at. */
export type LogScan =
  /** Valid up to `logBytes`; what follows was never acknowledged. */
  | {
      readonly status: 'valid';
      readonly header: LogHeader;
      readonly records: readonly BatchRecord[];
      readonly logBytes: number;
      readonly dataBytes: number;
      readonly rows: number;
      /** An end record follows: the segment was closed, everything in it was acknowledged. */
      readonly sealed: boolean;
      /** Records from this log offset on were written by the last group and may be torn. */
      readonly unsureFrom: number;
    }
  /** Nothing in it was acknowledged: the segment was being created. */
  | { readonly status: 'unborn' }
  /** Bytes that had been synced are bad. `records`: those that can still be read. */
  | { readonly status: 'corrupt'; readonly records: readonly BatchRecord[]; readonly rows: number };

/**
 * Decides what of a log is to be believed.
 *
 * A group is written only after the group before it is synced, so bad bytes before the start of the last group are
 * damage, and bad bytes in the last group are what a crash leaves. `end` is known when a later segment's header
 * remembers it: then everything before it was synced and everything after it was never acknowledged.
 */
export function scanLog(log: Buffer, id: string, end: SegmentEnd | null): LogScan {
  if (end !== null && end.logBytes === 0) return { status: 'unborn' };
  const bounded = end === null ? log : log.subarray(0, end.logBytes);
  const found = readRecords(bounded, id);
  if (end !== null) {
    const intact = found.header !== null && found.validBytes === end.logBytes;
    if (!intact || found.dataBytes !== end.dataBytes) return corrupt(found);
    const sealed = parseRecord(log, end.logBytes, segmentTag(id))?.record.kind === 'end';
    return valid(found, found.header!, { sealed, unsureFrom: end.logBytes });
  }
  if (found.header === null) return found.lastGroupOffset > 0 ? corrupt(found) : { status: 'unborn' };
  if (found.validBytes < found.lastGroupOffset) return corrupt(found);
  if (found.sealedAt !== null && found.sealedDataBytes !== found.dataBytes) return corrupt(found);
  return valid(found, found.header, { sealed: found.sealedAt !== null, unsureFrom: found.lastGroupOffset });
}

interface Found {
  readonly header: LogHeader | null;
  /** Of the valid prefix. */
  readonly records: readonly BatchRecord[];
  readonly validBytes: number;
  readonly dataBytes: number;
  readonly sealedAt: number | null;
  readonly sealedDataBytes: number;
  /** Intact records after the first bad byte. */
  readonly beyond: readonly BatchRecord[];
  /** Highest group start that an intact record names. */
  readonly lastGroupOffset: number;
}

function readRecords(log: Buffer, id: string): Found {
  const tag = segmentTag(id);
  const parsed = parseHeader(log);
  const header = parsed !== null && parsed.header.id === id ? parsed.header : null;
  const records: BatchRecord[] = [];
  const beyond: BatchRecord[] = [];
  let offset = header === null ? 0 : parsed!.bytes;
  let lastGroupOffset = 0;
  let validBytes = offset;
  let dataBytes = 0;
  let sealedAt: number | null = null;
  let sealedDataBytes = 0;
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
      if (!intact) continue;
      sealedAt = record.logOffset;
      sealedDataBytes = record.dataBytes;
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
  return { header, records, validBytes, dataBytes, sealedAt, sealedDataBytes, beyond, lastGroupOffset };
}

function valid(
  found: Found,
  header: LogHeader,
  state: { readonly sealed: boolean; readonly unsureFrom: number },
): LogScan {
  const { records, validBytes: logBytes, dataBytes } = found;
  return { status: 'valid', header, records, logBytes, dataBytes, rows: rowsOf(records), ...state };
}

function corrupt(found: Found): LogScan {
  const records = [...found.records, ...found.beyond];
  return { status: 'corrupt', records, rows: rowsOf(records) };
}

export function rowsOf(records: readonly BatchRecord[]): number {
  return records.reduce((sum, record) => sum + record.rowCount, 0);
}
