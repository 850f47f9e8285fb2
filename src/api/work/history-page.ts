import { type HistoryPosition, isOpenStatus } from '../../clickhouse/queries/work/history-filter.js';
import { workKey } from '../../clickhouse/queries/work/history-kind.js';
import { type HistoryPlaceRow, type LatestReader, placesReader } from '../../clickhouse/queries/work/history-latest.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { requestBatches } from '../request/parameter-bytes.js';
import {
  type CandidatePage,
  type HistorySearch,
  readFirstCandidates,
  readOrphanedRows,
  type ScanOptions,
  scanHistory,
  stateTotalMax,
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
  /** What looking for the page found. */
  readonly found: Promise<FoundOfList>;
}

interface FoundOfList {
  /** Rows from where the page was looked for, those of the page among them. */
  readonly rows: number;
  /** They are the list to its end. */
  readonly isAll: boolean;
  /** Rows to the end of the page, as far as there are some. */
  readonly shown: number;
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
  const isOpen = isOpenStatus(search.filter.status);
  // What is under way is counted on the way to the page.
  const want = Math.max(offset + limit, isOpen && first !== undefined ? stateTotalMax : 0) + 1;
  const reading = rowsOfPage(store, search, { ...options, after, want, first });
  const found = reading.then((page) => page.found);
  const [page, count] = await Promise.all([reading, options.count({ first, found }), found]);
  const { kind, lease } = search;
  const orphaned = isOpen ? orphanedOfList(search, page.rows) : await readOrphanedRows(store, kind, page.rows, lease);
  return { rows: page.rows, next: page.next, count, orphaned };
}

/** The scan has told by their leases what is in a list of what is under way; one may have been heard of since then. */
function orphanedOfList({ filter, lease }: HistorySearch, rows: readonly HistoryPlaceRow[]): ReadonlySet<string> {
  if (filter.status !== 'orphaned') return new Set();
  const silent = rows.filter((row) => row.has_ended === 0 && row.received_ms < lease.nowMs - lease.leaseMs);
  return new Set(silent.map((row) => workKey(row)));
}

interface PageRows<Row> {
  readonly rows: readonly Row[];
  readonly next: HistoryPosition | null;
  readonly found: FoundOfList;
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
    const found = { rows: rows.length, isAll: end === null && options.after === undefined, shown: limit };
    const isWhole = found.isAll && rows.length <= limit;
    const shown = isWhole ? rows.toSorted(byStart) : rows.slice(0, limit);
    return { rows: shown, next: rows.length > limit ? positionOf(shown.at(-1)) : end, found };
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
  const isAll = end === null && options.after === undefined;
  return { rows: shown, next, found: { rows: rows.length, isAll, shown: offset + limit } };
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
