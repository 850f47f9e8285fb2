import type { HistoryPosition } from '../../clickhouse/queries/work/history-filter.js';
import { workKey } from '../../clickhouse/queries/work/history-kind.js';
import { type HistoryPlaceRow, type LatestReader, placesReader } from '../../clickhouse/queries/work/history-latest.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { requestBatches } from '../request/parameter-bytes.js';
import {
  type CandidatePage,
  type HistorySearch,
  isOpenStatus,
  readFirstCandidates,
  readOrphanedRows,
  type ScanOptions,
  scanHistory,
} from './history-scan.js';

export interface HistoryPage<Row, Count> {
  readonly rows: readonly Row[];
  /** Keys (`workKey`) of those rows whose lease ran out. */
  readonly orphaned: ReadonlySet<string>;
  /** Where the next page begins, null on the last one. */
  readonly next: HistoryPosition | null;
  readonly count: Count;
}

export interface HistoryPageOptions<Row extends HistoryPlaceRow, Count> {
  readonly limit: number;
  readonly offset: number;
  readonly after?: HistoryPosition | undefined;
  /** Reads whole rows. */
  readonly read: LatestReader<Row>;
  /** Counts what the filter holds for, while the page is being read. */
  count(known: KnownOfList): Promise<Count>;
}

export interface KnownOfList {
  /** The first candidates; undefined when the page is not the first one. */
  readonly first: CandidatePage | undefined;
  /** How long the list is, null when the page does not tell because it is not all of it. */
  readonly length: Promise<number | null>;
}

/** A page of a list of tasks or runs, and how many there are in all. Rejects as its reads do. */
export async function readHistoryPage<Row extends HistoryPlaceRow, Count>(
  store: StoreReader,
  search: HistorySearch,
  options: HistoryPageOptions<Row, Count>,
): Promise<HistoryPage<Row, Count>> {
  const { limit, offset, after } = options;
  // The first page and the total begin with the same candidates.
  const first = after === undefined ? await readFirstCandidates(store, search) : undefined;
  const scan = { after, want: offset + limit + 1, first };
  const reading = rowsOfPage(store, search, { ...scan, ...options });
  const length = reading.then((page) => (first === undefined ? null : page.length));
  const [page, count] = await Promise.all([reading, options.count({ first, length }), length]);
  const orphaned = await readOrphanedRows(store, search.kind, page.rows, search.lease);
  return { rows: page.rows, next: page.next, count, orphaned };
}

interface PageRows<Row> {
  readonly rows: readonly Row[];
  readonly next: HistoryPosition | null;
  /** Rows from where the page was looked for to the end of the list, null when the end was not reached. */
  readonly length: number | null;
}

/** Whole rows are looked up at once where most of them will be in the page, else the places first. */
async function rowsOfPage<Row extends HistoryPlaceRow>(
  store: StoreReader,
  search: HistorySearch,
  options: Omit<HistoryPageOptions<Row, unknown>, 'count'> & ScanOptions<Row>,
): Promise<PageRows<Row>> {
  const { limit, offset, read } = options;
  if (offset === 0 && !isOpenStatus(search.filter.status)) {
    const { rows, end } = await scanHistory(store, search, options);
    const length = end === null ? rows.length : null;
    const isWhole = length !== null && length <= limit && options.after === undefined;
    const shown = isWhole ? rows.toSorted(byStart) : rows.slice(0, limit);
    return { rows: shown, next: rows.length > limit ? positionOf(shown.at(-1)) : end, length };
  }
  const { rows, end } = await scanHistory(store, search, { ...options, read: placesReader(search.kind) });
  const places = rows.slice(offset, offset + limit);
  const next = rows.length > offset + limit ? positionOf(places.at(-1)) : end;
  const wanted = new Set(places.map((row) => workKey(row)));
  const shown: Row[] = [];
  for (const batch of requestBatches(places, ({ id }) => [id])) {
    const ids = batch.map(({ id }) => id);
    // What has the id of another on the page, and is not on it itself, is left out; the filter gives each its place.
    const found = await read(store, search.filter, { ids });
    shown.push(...found.filter((row) => wanted.has(workKey(row))));
  }
  return { rows: shown, next, length: end === null ? rows.length : null };
}

/** A list that is all on one page needs no places: newest start first, equal ones by ids downwards. */
function byStart(left: HistoryPlaceRow, right: HistoryPlaceRow): number {
  if (left.start_ms !== right.start_ms) return right.start_ms - left.start_ms;
  const [before, after] = [left, right].map(({ id, run, agent }) => [id, run, agent]);
  const at = before!.findIndex((text, index) => text !== after![index]);
  return at < 0 || before![at]! > after![at]! ? -1 : 1;
}

function positionOf(row: HistoryPlaceRow | undefined): HistoryPosition | null {
  return row === undefined ? null : { startMs: row.place_ms, id: row.id, run: row.run, agent: row.agent };
}
