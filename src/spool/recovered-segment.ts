import type { SpoolSegment } from '../core/ports/spool-reader.js';
import { rowsOf } from './log-scan.js';
import type { BatchRecord, LogHeader } from './segment-log.js';
import { segmentPath } from './segment-paths.js';

/** A segment as its log tells it, for the reader. */
export function segmentOf(
  place: { readonly directory: string; readonly id: string },
  content: { readonly header: LogHeader; readonly records: readonly BatchRecord[]; readonly dataBytes: number },
): SpoolSegment {
  const { header, records } = content;
  const times = records.map((record) => record.receivedMs);
  return {
    id: place.id,
    dataPath: segmentPath(place.directory, place.id, 'data'),
    bytes: content.dataBytes,
    rows: rowsOf(records),
    columns: header.columns.map(({ name }) => name),
    firstReceivedMs: times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY),
    lastReceivedMs: times.reduce((most, time) => Math.max(most, time), 0),
  };
}
