import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs } from '../sql/column-types.js';
import { fewRows } from '../sql/few-rows.js';
import { type FailureFilter, failureCondition, failureTenant } from './failure-filter.js';
import { type FailureGrouping, groupingSql } from './failure-grouping.js';
import { failureTable } from './failure-outcomes.js';

const row = z.object({ key: z.string(), run_id: z.string(), last_failed_ms: epochMs });

/** A run with failed attempts of a group, and when the last of them failed. */
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
  /** Failures of all these groups. */
  readonly failures: number;
}

/** Above this more than one thread is worth its start. */
const smallMax = 100_000;

/**
 * The runs of each group that failed last. Ids are read of the failures that are looked at alone. The time since when
 * they are is asked only where it differs, most often of a few large groups beside rare ones.
 */
export async function readFailureExamples(
  store: StoreReader,
  filter: FailureFilter,
  { groupBy, groups, runsMax, failures: failureCount }: FailureExamplesQuery,
): Promise<FailureExampleRow[]> {
  if (groups.length === 0) return [];
  const times = groups.map(({ fromMs }) => fromMs);
  const earliestMs = Math.min(...times);
  const { failures, params } = failureCondition({ ...filter, fromMs: earliestMs });
  const { key, where } = groupingSql[groupBy];
  const isOneTime = times.every((fromMs) => fromMs === earliestMs);
  const since = `
        AND toUnixTimestamp64Milli(ts) >= toInt64(transform(key, {keys:Array(String)}, {since:Array(String)}, '0'))`;
  return checkedRows(store, row, {
    name: 'failure_examples',
    sql: `
      SELECT ${key} AS key, run_id, toUnixTimestamp64Milli(max(ts)) AS last_failed_ms
      FROM ${failureTable}
      WHERE ${failureTenant} AND lane = 'failed' AND ${failures} AND ${where} AND run != 0
        AND key IN {keys:Array(String)}${isOneTime ? '' : since}
      GROUP BY key, run_id
      ORDER BY key, last_failed_ms DESC, run_id
      LIMIT {runs:UInt8} BY key`,
    params: {
      ...params,
      keys: groups.map((group) => group.key),
      ...(isOneTime ? {} : { since: times.map(String) }),
      runs: runsMax,
    },
    settings: fewRows,
    isSmall: failureCount <= smallMax,
  });
}
