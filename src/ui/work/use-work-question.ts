import { useMemo } from 'react';
import { type TimeRange, useTimeRange } from '../parts/range-picker.js';
import { useUrlState } from '../routing/use-url-state.js';
import { filterOfAddress, type WorkFilters } from './work-filter.js';

export const workRanges = ['1h', '24h', '7d', '30d', '90d'] as const;
/** The tasks of a run are wanted whenever they were. */
const fallbackOf = (filter: Readonly<Record<string, string>>) => (filter.run_id === undefined ? '7d' : '90d');

export interface WorkQuestion {
  readonly filter: Readonly<Record<string, string>>;
  readonly range: TimeRange;
  /** The range that no address names. */
  readonly fallback: string;
  /** What names the list: a range up to now is the same one a minute later. */
  readonly name: readonly unknown[];
  /** Of the API, with the range. */
  readonly query: Readonly<Record<string, string>>;
}

/** What the address asks for of a list of runs or tasks. */
export function useWorkQuestion(filters: WorkFilters): WorkQuestion {
  const url = useUrlState();
  const filter = useMemo(() => filterOfAddress(url, filters), [url, filters]);
  const fallback = fallbackOf(filter);
  const range = useTimeRange(fallback);
  return {
    filter,
    range,
    fallback,
    name: [filter, range.name ?? [range.from, range.to]],
    query: {
      ...filter,
      start_date_from: range.from,
      ...(range.to === undefined ? {} : { start_date_to: range.to }),
    },
  };
}
