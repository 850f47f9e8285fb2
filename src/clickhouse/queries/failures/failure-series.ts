import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64 } from '../sql/column-types.js';
import { type FailureFilter, failureCondition, failureTenant } from './failure-filter.js';
import { type FailureGrouping, groupingSql } from './failure-grouping.js';
import { failureTable } from './failure-outcomes.js';

const row = z.object({ place: integer64, start_ms: epochMs, count: integer64 });

/** Failed attempts of a group in a bucket of time; `place` counts the asked groups from 1, 0 is any other. */
export type FailureSeriesRow = z.output<typeof row>;

export interface FailureSeriesQuery {
  readonly groupBy: FailureGrouping;
  /** Keys of groups, as `readFailureGroups` has them. */
  readonly keys: readonly string[];
  /** Buckets begin at multiples of it. */
  readonly stepMs: number;
}

/** Counts of failed attempts by group and time; a bucket without a row had none. */
export function readFailureSeries(
  store: StoreReader,
  filter: FailureFilter,
  { groupBy, keys, stepMs }: FailureSeriesQuery,
): Promise<FailureSeriesRow[]> {
  const { failures, params } = failureCondition(filter);
  const { key, where } = groupingSql[groupBy];
  return checkedRows(store, row, {
    name: 'failure_series',
    sql: `
      SELECT
        indexOf({keys:Array(String)}, ${key}) AS place,
        intDiv(toUnixTimestamp64Milli(ts), {step_ms:Int64}) * {step_ms:Int64} AS start_ms,
        count() AS count
      FROM ${failureTable} FINAL
      WHERE ${failureTenant} AND lane = 'failed' AND ${failures} AND ${where}
      GROUP BY place, start_ms
      ORDER BY place, start_ms`,
    params: { ...params, keys, step_ms: stepMs },
  });
}
