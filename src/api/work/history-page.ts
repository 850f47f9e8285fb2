import type { CandidatePage } from '../../clickhouse/queries/work/history-candidates.js';
import { type HistoryPosition, isOpenStatus } from '../../clickhouse/queries/work/history-filter.js';
import { workKey } from '../../clickhouse/queries/work/history-kind.js';
import { type HistoryPlaceRow, type LatestReader, placesReader } from '../../clickhouse/queries/work/history-latest.js';
import type { RememberedSource } from '../../core/ports/read-memory.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { requestBatches } from '../request/parameter-bytes.js';
import {
  type HistorySearch,
  hasState,
  readFirstCandidates,
  readOrphanedRows,
  type ScanOptions,
  scanHistory,
  stateTotalMax,
} from './history-scan.js';
import { type ReadPage, readRemembered } from './remembered-page.js';

/** Who scrolls asks page after page of one list: what is told of all of it is of an earlier page, for so long. */
export const keptCountLimits = { ageMsMax: 10_000, sizeMax: 1_000 } as const;

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
  count(known: KnownOfList, store: StoreReader): Promise<Count>;
  /** That is by what looking for the page finds, where a state is asked for: then so many are looked for. */
  readonly isCountedByPage: boolean;
  /** What rows and count are told by, where a page is remembered while that is the same. */
  readonly sources?: readonly RememberedSource[];
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
  /** The earliest start or place of those by which page and count are told; infinite where there are none. */
  readonly earliestMs: number;
}

/** A page of a list of tasks or runs, and how many there are in all. Rejects as its reads do. */
export async function readHistoryPage<Row extends HistoryPlaceRow, Count>(
  store: StoreReader,
  search: HistorySearch,
  options: HistoryPageOptions<Row, Count>,
): Promise<HistoryPage<Row, Count>> {
  const { rows, next, count } = await readRemembered(store, search, options, (reads) =>
    readPage(reads, search, options),
  );
  const { filter, kind, lease } = search;
  const orphaned = isOpenStatus(filter.status)
    ? orphanedOfList(search, rows)
    : await readOrphanedRows(store, kind, rows, lease);
  return { rows, next, count, orphaned };
}

async function readPage<Row extends HistoryPlaceRow, Count>(
  store: StoreReader,
  search: HistorySearch,
  options: HistoryPageOptions<Row, Count>,
): Promise<Omit<HistoryPage<Row, Count>, 'orphaned'> & ReadPage> {
  const { limit, offset, after } = options;
  // The first page and the total begin with the same candidates.
  const first = after === undefined ? await readFirstCandidates(store, search) : undefined;
  const isOpen = isOpenStatus(search.filter.status);
  const isCounted = options.isCountedByPage && first !== undefined && isCountedByPage(search, first);
  const want = Math.max(offset + limit, isCounted ? stateTotalMax : 0) + 1;
  const isWhole = offset === 0 && !isOpen && !isCounted;
  const reading = rowsOfPage(store, search, { ...options, after, want, first, isWhole });
  const found = reading.then((page) => page.found);
  const [{ rows, next }, count, { isAll, earliestMs }] = await Promise.all([
    reading,
    options.count({ first, found }, store),
    found,
  ]);
  return { rows, next, count, earliestMs: isAll || isCounted ? earliestMs : null };
}

/**
 * Whether what is looked for to fill the first page is the count of a list too: the places of all come first then, and
 * the whole rows of the page after them, which is less than both apart. Of a few candidates all is read at once.
 */
export function isCountedByPage({ filter }: HistorySearch, first: CandidatePage): boolean {
  return isOpenStatus(filter.status) || (hasState(filter) && !isAllOfFew(first));
}

/** The page most often has them all. */
export function isAllOfFew({ isLast, rows }: CandidatePage): boolean {
  return isLast && rows.length <= fewRowsMax;
}

const fewRowsMax = 50;

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

interface RowsOfPage<Row extends HistoryPlaceRow>
  extends Pick<HistoryPageOptions<Row, unknown>, 'limit' | 'offset'>,
    ScanOptions<Row> {
  /** Whole rows are looked up at once, as most of them will be in the page; else the places first. */
  readonly isWhole: boolean;
}

async function rowsOfPage<Row extends HistoryPlaceRow>(
  store: StoreReader,
  search: HistorySearch,
  options: RowsOfPage<Row>,
): Promise<PageRows<Row>> {
  const { limit, offset, want, read } = options;
  if (options.isWhole) {
    const { rows, end } = await scanHistory(store, search, options);
    const found = foundBy(rows, { isAll: end === null && options.after === undefined, shown: limit, want });
    const isWhole = found.isAll && rows.length <= limit;
    const shown = isWhole ? rows.toSorted(byStart) : rows.slice(0, limit);
    return { rows: shown, next: rows.length > limit ? positionOf(shown.at(-1)) : end, found };
  }
  const { rows, end } = await scanHistory(store, search, { ...options, read: placesReader(search.kind) });
  const places = rows.slice(offset, offset + limit);
  const next = rows.length > offset + limit ? positionOf(places.at(-1)) : end;
  const wanted = new Map(places.map((row, at) => [workKey(row), at]));
  const placeOf = (row: HistoryPlaceRow) => wanted.get(workKey(row)) ?? 0;
  const shown: Row[] = [];
  for (const batch of requestBatches(places, ({ id }) => [id])) {
    const ids = batch.map(({ id }) => id);
    // What has the id of another on the page, and is not on it itself, is left out.
    const found = await read(store, search.filter, { ids, didHold: true });
    shown.push(...found.filter((row) => wanted.has(workKey(row))));
  }
  shown.sort((left, right) => placeOf(left) - placeOf(right));
  const isAll = end === null && options.after === undefined;
  const isOnePage = isAll && rows.length <= limit && !isOpenStatus(search.filter.status);
  if (isOnePage) shown.sort(byStart);
  return { rows: shown, next, found: foundBy(rows, { isAll, shown: offset + limit, want }) };
}

function foundBy(
  rows: readonly HistoryPlaceRow[],
  { want, ...told }: Pick<FoundOfList, 'isAll' | 'shown'> & Pick<ScanOptions<HistoryPlaceRow>, 'want'>,
): FoundOfList {
  // Of a list by state so many are counted at most; what follows changes neither page nor count.
  const used = rows.slice(0, Math.max(want, stateTotalMax + 1));
  const earliestMs = Math.min(...used.map((row) => Math.min(row.place_ms, row.start_ms)));
  return { ...told, rows: rows.length, earliestMs };
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
