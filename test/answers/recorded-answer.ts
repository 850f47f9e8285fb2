/** An answer, or those of all pages, as it is kept: nothing in it tells when or where it was recorded. */
export interface RecordedAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: unknown;
}

export interface Recording {
  readonly baseMs: number;
  readonly seed: number;
  readonly answers: Readonly<Record<string, RecordedAnswer>>;
}

/** What differs between two records of one build, and why: only whether it is there, and of what kind, is kept. */
const volatile: Readonly<Record<string, string>> = {
  age_ms: 'since when, when it was asked',
  next_cursor: 'opaque; what it leads to is on the next page',
  took_ms: 'time the work took',
  erasure_id: 'made by chance',
  duration_digest: 'a state, whose bytes depend on how inserts were cut',
  version: 'of the build',
};

/** Edges of a range that the question does not name follow the time of asking. */
const edges = new Set(['from', 'to']);

export interface KeptOptions {
  /** Whatever is not before it was made by the recording, not by the history. */
  readonly baseMs: number;
  readonly hasRange: boolean;
}

/** A value without what is volatile, with as many digits of a fraction as do not depend on the order of a sum. */
export function kept(value: unknown, options: KeptOptions): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? value : Number(value.toPrecision(10));
  if (typeof value === 'string') return keptText(value, options.baseMs);
  if (Array.isArray(value)) return value.map((item) => kept(item, options));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      const isVolatile = name in volatile || (!options.hasRange && edges.has(name));
      return [name, isVolatile ? shapeOf(item) : kept(item, options)];
    }),
  );
}

const instant = /\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?Z?/g;

/** Times of receipt and of answers, in JSON as in rows of the store. */
function keptText(text: string, baseMs: number): string {
  return text.replaceAll(instant, (found) => {
    const ms = Date.parse(`${found.replace(' ', 'T').replace('Z', '')}Z`);
    return ms >= baseMs ? '<time of the recording>' : found;
  });
}

/** Names and kinds of values; lists as the kinds of their first item. */
export function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value !== 'object') return `<${typeof value}>`;
  if (value === null) return '<null>';
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, shapeOf(item)]));
}

/** Rows of a CSV file by the names of its header; quoted fields hold commas, quotes and line breaks. */
export function csvRows(text: string): Record<string, string>[] {
  const fields = [...text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)];
  const rows: string[][] = [[]];
  for (const [whole, quoted, plain = '', end] of fields) {
    if (whole === '') continue;
    rows.at(-1)?.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end !== ',') rows.push([]);
  }
  const [header = [], ...body] = rows.filter((row) => row.length > 0);
  return body.map((row) => Object.fromEntries(header.map((name, at) => [name, row[at] ?? ''])));
}
