import { z } from 'zod';
import { toldApart } from '../../clickhouse/queries/work/history-filter.js';
import { workKey } from '../../clickhouse/queries/work/history-kind.js';
import { placesReader } from '../../clickhouse/queries/work/history-latest.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { countSchema } from '../answers/answer-schema.js';
import { isAllOfFew, isCountedByPage, type KnownOfList } from './history-page.js';
import { type HistorySearch, hasState, readFirstCandidates, scanHistory, stateTotalMax } from './history-scan.js';

/** Totals are counted up to here; beyond it an answer says that there are at least so many. */
export const totalMax = 1_000;

/** Of filters by ids and start. */
const verifiedMax = 200;

export interface HistoryCount {
  readonly total: number;
  /** Else there are at least so many. */
  readonly isExact: boolean;
}

export const totalShape = {
  total: countSchema.meta({
    description: 'What the filters hold for, counted up to a bound.',
  }),
  total_is_exact: z.boolean().meta({ description: 'False: there are at least so many.' }),
};

/**
 * How many tasks or runs the filter holds for. What is counted is looked up, because an event may hold what all of them
 * together do not: 150 ms of CPU for 1,000 tasks from all over 2,000,000. So filters by status or error are counted up
 * to `stateTotalMax`; of those by one id and start, which the events of one task rarely tell differently, what is
 * beyond `verifiedMax` is taken as it is, up to `totalMax`.
 */
export async function countHistory(
  store: StoreReader,
  search: HistorySearch,
  known: KnownOfList,
): Promise<HistoryCount> {
  const first = known.first ?? (await readFirstCandidates(store, search));
  if (known.first !== undefined) {
    const isCounted = isCountedByPage(search, first);
    const { rows, isAll, shown } = isCounted || isAllOfFew(first) ? await known.found : nothingFound;
    if (isAll && rows <= (isCounted ? Math.max(stateTotalMax, shown) : totalMax)) return { total: rows, isExact: true };
    // The page was looked for as far as this would be counted.
    if (isCounted) return { total: Math.min(rows, stateTotalMax), isExact: false };
  }
  const isPlain = !hasState(search.filter);
  if (isPlain && toldApart(search.filter) <= 1) {
    const ids = new Set(first.rows.map(workKey)).size;
    if (ids > totalMax) return { total: totalMax, isExact: false };
    if (ids > verifiedMax && first.isLast) return { total: ids, isExact: true };
  }
  const most = isPlain ? totalMax : stateTotalMax;
  const { rows, end } = await scanHistory(store, search, { want: most + 1, read: placesReader(search.kind), first });
  return rows.length > most ? { total: most, isExact: false } : { total: rows.length, isExact: end === null };
}

/** Of a page that is not waited for. */
const nothingFound = { rows: 0, isAll: false, shown: 0 };
