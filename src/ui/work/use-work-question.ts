import { useMemo } from 'react';
import { type TimeRange, useTimeRange } from '../parts/range-picker.js';
import { useUrlState } from '../routing/use-url-state.js';
import { filterOfAddress, type WorkFilters } from './work-filter.js';

export const workRanges = ['1h', '24h', '7d', '30d', '90d'] as const;
export const workRangeFallback = '7d';

export interface WorkQuestion {
  readonly filter: Readonly<Record<string, string>>;
  readonly range: TimeRange;
  /** What names the list: a range up to now is the same one a minute later. */
  readonly name: readonly unknown[];
  /** Of the API, with the range. */
  readonly query: Readonly<Record<string, string>>;
}

/** What the address asks for of a list of runs or tasks. */
export function useWorkQuestion(filters: WorkFilters): WorkQuestion {
  const url = useUrlState();
  const range = useTimeRange(workRangeFallback);
  const filter = useMemo(() => filterOfAddress(url, filters), [url, filters]);
  return {
    filter,
    range,
    name: [filter, range.name ?? [range.from, range.to]],
    query: {
      ...filter,
      start_date_from: range.from,
      ...(range.to === undefined ? {} : { start_date_to: range.to }),
    },
  };
}
