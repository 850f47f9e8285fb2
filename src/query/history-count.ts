import { z } from 'zod';
import { placesReader } from '../clickhouse/queries/history-latest.js';
import type { StoreReader } from '../core/ports.js';
import { countSchema } from './answer-schema.js';
import type { KnownOfList } from './history-page.js';
import {
  type CandidatePage,
  type HistorySearch,
  isOpenStatus,
  readFirstCandidates,
  scanHistory,
} from './history-scan.js';

/** Totals are counted up to here; beyond it an answer says that there are at least so many. */
export const totalMax = 1_000;

const verifiedMax = 200;

/** Of what is orphaned: for 1,000 ids, 1,000,000 raw events of the last minutes are searched in 140 ms of CPU. */
const orphanedMax = 200;

export interface HistoryCount {
  readonly total: number;
  /** Else there are at least so many. */
  readonly isExact: boolean;
}

export const totalShape = {
  total: countSchema.meta({ description: `What the filters hold for, counted up to ${totalMax}.` }),
  total_is_exact: z.boolean().meta({ description: 'False: there are at least so many.' }),
};

/**
 * How many tasks or runs the filter holds for, up to `totalMax`. What is counted is looked up, because a past state may
 * hold what the latest does not; but of filters by ids and start, in which the states of one task rarely differ, only
 * the first `verifiedMax`: to look up hundreds of tasks from all over the store takes 0.15 ms of CPU each.
 */
export async function countHistory(
  store: StoreReader,
  search: HistorySearch,
  known: KnownOfList,
): Promise<HistoryCount> {
  const first = known.first ?? (await readFirstCandidates(store, search));
  if (known.first !== undefined && mayEndWithPage(search, first)) {
    const total = await known.length;
    if (total !== null && total <= totalMax) return { total, isExact: true };
  }
  const { status, errorCategory, errorText } = search.filter;
  if (status === undefined && errorCategory === undefined && errorText === undefined) {
    const ids = new Set(first.rows.map(({ candidate }) => candidate)).size;
    if (ids > totalMax) return { total: totalMax, isExact: false };
    if (ids > verifiedMax && first.isLast) return { total: ids, isExact: true };
  }
  const most = status === 'orphaned' ? orphanedMax : totalMax;
  const { rows, end } = await scanHistory(store, search, { want: most + 1, read: placesReader(search.kind), first });
  return rows.length > most ? { total: most, isExact: false } : { total: rows.length, isExact: end === null };
}

/** Whether to wait for the page: most often all that is under way, or all of a few, is on the first one. */
function mayEndWithPage({ filter }: HistorySearch, first: CandidatePage): boolean {
  return isOpenStatus(filter.status) || (first.isLast && first.rows.length <= fewRowsMax);
}

const fewRowsMax = 50;
