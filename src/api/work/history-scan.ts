import type { HeardWork } from '../../clickhouse/queries/work/heard-work.js';
import {
  type CandidatePage,
  type HeardLately,
  readHistoryCandidates,
} from '../../clickhouse/queries/work/history-candidates.js';
import {
  type HistoryFilter,
  type HistoryPosition,
  isOpenStatus,
} from '../../clickhouse/queries/work/history-filter.js';
import { type HistoryKind, workKey } from '../../clickhouse/queries/work/history-kind.js';
import type { HistoryPlaceRow, LatestReader } from '../../clickhouse/queries/work/history-latest.js';
import { readOwners } from '../../clickhouse/queries/work/work-owner.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import type { TimeSpan } from '../../core/time-span.js';
import { requestBatches } from '../request/parameter-bytes.js';
import { type Lease, type ListLease, readOrphaned } from './lease.js';

/** Ids whose latest state is looked up at once: those of a whole count (history-count.ts) and some. */
const idsMax = 1_024;
/** Of those a list begins with, where all of them are counted; every fourth may be of another start. */
const firstCandidatesMax = 1_280;
/** The same where a state is asked for, of which fewer are counted; each is enough for the ids of `idsToTry`. */
const firstOfStateMax = 320;
const firstOfFinalMax = 144;
/** Totals of filters by status or error are counted up to here. */
export const stateTotalMax = 100;
/** Reads of candidates beyond what a list without past states needs; then the list is cut short. */
const spareRoundsMax = 4;

/** What is searched: a kind, a filter, and how its leases are told. */
export interface HistorySearch {
  readonly kind: HistoryKind;
  readonly filter: HistoryFilter;
  readonly lease: ListLease;
  /** When the events were received that not all tables have yet, now; null: all have what there is. */
  readonly inserting: () => TimeSpan | null;
  /** Only what is this user's alone is found; null: whosever it is. */
  readonly owner: string | null;
}

export interface ScanOptions<Row extends HistoryPlaceRow> {
  readonly after?: HistoryPosition | undefined;
  /** Rows after which it may stop. */
  readonly want: number;
  /** Reads latest states; whole rows are dear when few of them are kept. */
  readonly read: LatestReader<Row>;
  /** Candidates that are known already. */
  readonly first?: CandidatePage | undefined;
}

export interface Scan<Row> {
  /** In the order of the list; a few more than wanted, or fewer. */
  readonly rows: readonly Row[];
  /** How far was looked; null: to the end of the list. */
  readonly end: HistoryPosition | null;
}

/**
 * Tasks or runs that a filter holds for, from a place on. Candidates, events that the filter may hold for, are read in
 * the order of the list; what their tasks or runs add up to is looked up by their ids, and kept if the filter holds for
 * it and its place lies in the part of the list the candidates came from. Nothing is missed and nothing is found twice,
 * because the place of each is that of one of its events, which is a candidate there. Where the filter holds for few of
 * the candidates, the scan ends after a bounded number of reads with what it has, and says how far it came.
 */
export async function scanHistory<Row extends HistoryPlaceRow>(
  store: StoreReader,
  search: HistorySearch,
  options: ScanOptions<Row>,
): Promise<Scan<Row>> {
  const { filter } = search;
  const roundsMax = spareRoundsMax + Math.ceil(options.want / idsMax);
  const rows: Row[] = [];
  let after = options.after;
  for (let round = 0; round < roundsMax && rows.length < options.want; round++) {
    const count = idsToTry(search, options.want - rows.length, round);
    const known = round === 0 ? options.first : undefined;
    const page = known ?? (await readCandidates(store, search, { after, limit: Math.ceil(1.25 * count) }));
    const batch = batchOf(page, count);
    if (batch.ids.length > 0) {
      const { ids, through } = batch;
      const found = await options.read(store, filter, { ids, after, through, since: page.since });
      rows.push(...(await keptRows(store, search, await ownRows(store, search, found))));
    }
    if (batch.through === undefined) return { rows, end: null };
    after = batch.through;
  }
  return { rows, end: after ?? null };
}

/**
 * How many ids to look up. Ends that tell a place tell of most that it holds for them; what is under way may have gone
 * silent, and what failed may have been tried again; else few states are past. Who still misses rows has met many past
 * states, and will meet more.
 */
function idsToTry({ filter }: HistorySearch, missing: number, round: number): number {
  const first = Math.ceil(sharesTried[shareOf(filter)] * missing) + (hasState(filter) ? 10 : 4);
  return Math.min(idsMax, first * 4 ** round);
}

const sharesTried = { plain: 1, final: 1.25, open: 2 } as const;

const firstMaxOf = { plain: firstCandidatesMax, final: firstOfFinalMax, open: firstOfStateMax } as const;

function shareOf(filter: HistoryFilter): keyof typeof sharesTried {
  if (!hasState(filter)) return 'plain';
  const { status, errorCategory, errorText } = filter;
  const isFinal = status === 'orphaned' || status === 'completed' || status === 'cancelled';
  return isFinal && errorCategory === undefined && errorText === undefined ? 'final' : 'open';
}

/** Whether the filter asks how it is or ended, which a later event may tell otherwise. */
export function hasState({ status, errorCategory, errorText }: HistoryFilter): boolean {
  return status !== undefined || errorCategory !== undefined || errorText !== undefined;
}

/** The candidates after a place; of what is under way those of whom something was heard of lately. */
async function readCandidates(
  store: StoreReader,
  { kind, filter, lease, inserting }: HistorySearch,
  { after, limit }: { readonly after: HistoryPosition | undefined; readonly limit: number },
): Promise<CandidatePage> {
  const asked = { after, limit, inserting: inserting() };
  const read = (heard?: HeardLately) => readHistoryCandidates(store, kind, filter, { ...asked, heard });
  if (!isOpenStatus(filter.status)) return await read();
  if (filter.status === 'orphaned') {
    // It is asked for when they are looked up.
    const [page] = await Promise.all([read(), lease.heard(store)]);
    return page;
  }
  const { crowd, nowMs, leaseMs } = lease;
  const page = await read({ sinceMs: nowMs - leaseMs, crowd, read: () => lease.heard(store) });
  if (page.isCrowdOnePage !== undefined) lease.noteCrowd(page.isCrowdOnePage);
  return page;
}

/** The newest candidates: enough for the usual first page, and most often for a whole count. */
export function readFirstCandidates(store: StoreReader, search: HistorySearch): Promise<CandidatePage> {
  const limit = firstMaxOf[shareOf(search.filter)];
  return readCandidates(store, search, { after: undefined, limit });
}

/** The next ids to look up, and where the part of the list ends that they stand for; undefined: it is the rest. */
function batchOf(page: CandidatePage, count: number): { ids: string[]; through: HistoryPosition | undefined } {
  const ids = new Set<string>();
  const [fitting = []] = requestBatches(page.rows, ({ id }) => [id]);
  let through: HistoryPosition | undefined;
  for (const [index, { id, run, agent, start_ms: startMs }] of fitting.entries()) {
    if (ids.size >= count && !ids.has(id)) return { ids: [...ids], through };
    ids.add(id);
    through = { startMs, id, run, agent };
    if (page.isLast && index === page.rows.length - 1) through = undefined;
  }
  return { ids: [...ids], through };
}

async function ownRows<Row extends HistoryPlaceRow>(
  store: StoreReader,
  { kind, filter, owner }: HistorySearch,
  rows: readonly Row[],
): Promise<readonly Row[]> {
  if (owner === null) return rows;
  const ids = rows.map(({ id }) => id);
  const found = await readOwners(store, kind, { tenant: filter.tenant, user: owner, ids });
  return rows.filter((row) => found.get(workKey(row)) === 'own');
}

/** Without those that the lease tells from the filter: what is orphaned is not running, and the reverse. */
async function keptRows<Row extends HistoryPlaceRow>(
  store: StoreReader,
  { kind, filter, lease }: HistorySearch,
  rows: readonly Row[],
): Promise<readonly Row[]> {
  if (!isOpenStatus(filter.status)) return rows;
  const orphaned = await readOrphanedRows(store, kind, rows, lease, await lease.heard(store));
  return rows.filter((row) => orphaned.has(workKey(row)) === (filter.status === 'orphaned'));
}

/** The keys of those rows that are open and whose lease ran out. */
export function readOrphanedRows(
  store: StoreReader,
  { kind }: HistoryKind,
  rows: readonly HistoryPlaceRow[],
  lease: Lease,
  heard?: HeardWork,
): Promise<ReadonlySet<string>> {
  const open = rows.filter((row) => row.has_ended === 0);
  return readOrphaned(
    store,
    open.map((row) => ({
      kind,
      work: row,
      runId: row.run_id,
      agentId: row.agent_id,
      receivedMs: row.received_ms,
    })),
    lease,
    heard,
  );
}
