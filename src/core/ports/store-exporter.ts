import type { StoreQuery } from './store-reader.js';

/**
 * Complete as a file, header, footer and all: CSV with a line of names, JSON as one array of objects, NDJSON as an
 * object a line; times as `2026-01-31T10:00:00.000Z`, and typed in Parquet.
 */
export const exportFormats = ['csv', 'json', 'ndjson', 'parquet'] as const;

export type ExportFormat = (typeof exportFormats)[number];

/** Reads of any size: rows pass through, and neither the collector nor the engine holds more than a few blocks. */
export interface StoreExporter {
  /**
   * Resolves when the statement is accepted and its first bytes are there, so that a bad one still has a status;
   * rejects like `StoreReader.rows`. Iteration throws `CollectorError` when the statement fails midway: what was read
   * until then must not pass for the whole. Ending the iteration early cancels the statement.
   */
  export(query: StoreQuery & { readonly format: ExportFormat }): Promise<AsyncIterable<Uint8Array>>;
}
