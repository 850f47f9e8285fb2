import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64 } from '../sql/column-types.js';
import { type FailureFilter, failureCondition, failureTenant } from './failure-filter.js';
import { type FailureGrouping, groupingSql } from './failure-grouping.js';
import { failureTable } from './failure-outcomes.js';

const row = z.object({ place: integer64, run_id: z.string(), last_failed_ms: epochMs });

/** A run with failed attempts of a group, and when the last of them failed; `place` counts the asked groups from 1. */
export type FailureExampleRow = z.output<typeof row>;

/** A group, and from when on its failures are looked at, ms since the epoch. */
interface ExampleGroup {
  readonly key: string;
  readonly fromMs: number;
}

export interface FailureExamplesQuery {
  readonly groupBy: FailureGrouping;
  readonly groups: readonly ExampleGroup[];
  /** Runs of a group. */
  readonly runsMax: number;
}

/**
 * The runs of each group that failed last. Ids are read of the failures that are looked at alone. A place is found by
 * hash: along the list of 20 keys it took 34 ms of CPU for 87,000 failures, of 60 in all.
 */
export async function readFailureExamples(
  store: StoreReader,
  filter: FailureFilter,
  { groupBy, groups, runsMax }: FailureExamplesQuery,
): Promise<FailureExampleRow[]> {
  if (groups.length === 0) return [];
  const earliestMs = Math.min(...groups.map(({ fromMs }) => fromMs));
  const { failures, params } = failureCondition({ ...filter, fromMs: earliestMs });
  const { key, where } = groupingSql[groupBy];
  return checkedRows(store, row, {
    name: 'failure_examples',
    sql: `
      SELECT
        transform(${key}, {keys:Array(String)}, range(1, toUInt64(length({keys:Array(String)}) + 1)), 0) AS place,
        run_id, toUnixTimestamp64Milli(max(ts)) AS last_failed_ms
      FROM ${failureTable}
      WHERE ${failureTenant} AND lane = 'failed' AND ${failures} AND ${where} AND run != 0 AND place > 0
        AND toUnixTimestamp64Milli(ts) >= toInt64(arrayElement({since:Array(String)}, greatest(place, 1)))
      GROUP BY place, run_id
      ORDER BY place, last_failed_ms DESC, run_id
      LIMIT {runs:UInt8} BY place`,
    params: {
      ...params,
      keys: groups.map((group) => group.key),
      since: groups.map(({ fromMs }) => String(fromMs)),
      runs: runsMax,
    },
  });
}
