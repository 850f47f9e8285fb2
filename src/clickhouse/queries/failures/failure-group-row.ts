import { z } from 'zod';
import { epochMs, integer64 } from '../sql/column-types.js';
import { usageRow } from '../sql/usage-columns.js';
import type { FailureGrouping } from './failure-grouping.js';

export const failureGroupRow = z.object({
  place: integer64,
  key: z.string(),
  groups: integer64,
  count: integer64,
  retried: integer64,
  recovered: integer64,
  ...usageRow,
  affected_agents: integer64,
  affected_runs: integer64,
  first_seen_ms: epochMs,
  last_seen_ms: epochMs,
  series: z.array(integer64),
});

/**
 * Failed attempts of a group. `groups`: how many it stands for; `series`: those of each bucket. Usage is that of the
 * failed attempts.
 */
export type FailureGroupRow = z.output<typeof failureGroupRow>;

export interface GroupedFailures {
  /** The largest, by count, then key. */
  readonly top: readonly FailureGroupRow[];
  /** What is in no top group; null when nothing is. */
  readonly other: FailureGroupRow | null;
  /** Null when nothing failed. */
  readonly total: FailureGroupRow | null;
  /** By key, since when at least `runsMin` runs of a top group have failed, ms since the epoch; where that is known. */
  readonly runsSinceMs: ReadonlyMap<string, number>;
}

export interface FailureGroups extends GroupedFailures {
  /** Outcomes are those of this time, ms since the epoch; null: of now. */
  readonly outcomesMs: number | null;
  /** When the first attempt of the tenant failed behind the range, ms since the epoch; null: none did. */
  readonly nextMs: number | null;
}

export interface FailureGroupsQuery {
  readonly groupBy: FailureGrouping;
  readonly limit: number;
  readonly runsMin: number;
  /** Of the series: so many of such a length, from the first on, whose start is a multiple of it. */
  readonly buckets: { readonly firstMs: number; readonly stepMs: number; readonly count: number };
}
