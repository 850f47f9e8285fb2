import type { StatementProgress } from '../chdb-engine.js';
import type { StatementResult } from '../statements/statement-result.js';

/** `X-ClickHouse-Progress`, with the fields of a server; counters are strings, as ClickHouse writes them. */
export function progressOf(progress: StatementProgress): Record<string, string> {
  const { readRows, readBytes, writtenRows, writtenBytes, totalRowsToRead, elapsedNs, memoryBytes } = progress;
  const written = { written_rows: String(writtenRows), written_bytes: String(writtenBytes) };
  return {
    read_rows: String(readRows),
    read_bytes: String(readBytes),
    ...(writtenRows === 0 ? {} : written),
    total_rows_to_read: String(totalRowsToRead),
    elapsed_ns: String(elapsedNs),
    memory_usage: String(memoryBytes),
  };
}

/** `X-ClickHouse-Summary` of a statement whose end is not known: of one whose result is sent while it is made. */
export function progressSummary(progress: StatementProgress): string {
  return JSON.stringify({ written_rows: '0', written_bytes: '0', ...progressOf(progress) });
}

/**
 * `X-ClickHouse-Summary`. chDB tells the rows of a result, and for data that came with an INSERT those of it; what a
 * statement read from tables, or an `INSERT … SELECT` wrote, only while it runs: then the last that was `seen`, if
 * somebody wanted to know, which the end may exceed.
 */
export function summaryOf(result: StatementResult, seen: StatementProgress | null): string {
  const { rowsRead: rows, bytesRead: bytes, moves } = result;
  const isData = moves === 'data';
  const most = (known: number, last: number | undefined) => String(Math.max(known, last ?? 0));
  return JSON.stringify({
    read_rows: most(rows, seen?.readRows),
    read_bytes: most(bytes, seen?.readBytes),
    written_rows: most(isData ? rows : 0, seen?.writtenRows),
    written_bytes: most(isData ? bytes : 0, seen?.writtenBytes),
    total_rows_to_read: String(seen?.totalRowsToRead ?? 0),
    result_rows: String(rows),
    result_bytes: String(bytes),
    elapsed_ns: String(Math.round(result.elapsed * 1e9)),
    ...(seen === null ? {} : { memory_usage: String(seen.memoryBytes) }),
  });
}
