/** The Content-Type ClickHouse sends for an output format. */
export function contentTypeOf(format: string): string {
  if (lineDelimited.has(format)) return 'application/x-ndjson; charset=UTF-8';
  if (format.startsWith('JSON')) return 'application/json; charset=UTF-8';
  if (format.startsWith('TabSeparated') || format.startsWith('TSV')) return 'text/tab-separated-values; charset=UTF-8';
  if (format.startsWith('CSV')) return 'text/csv; charset=UTF-8; header=present';
  if (format === 'XML') return 'application/xml; charset=UTF-8';
  return binary.test(format) ? 'application/octet-stream' : 'text/plain; charset=UTF-8';
}

const lineDelimited: ReadonlySet<string> = new Set([
  'JSONEachRow',
  'JSONLines',
  'NDJSON',
  'JSONStringsEachRow',
  'JSONCompactEachRow',
  'JSONCompactStringsEachRow',
  'JSONEachRowWithProgress',
]);
const binary = /^(?:Native|RowBinary|Parquet|Arrow|ORC|Avro|MsgPack|Protobuf|CapnProto|Npy|BSONEachRow)/;
