import { z } from 'zod';
import { type RunOutcomeRow, readRunOutcomes } from '../../clickhouse/queries/runs/run-outcomes.js';
import { readRunsUsage } from '../../clickhouse/queries/runs/runs-usage.js';
import type { DetailedUsageRow } from '../../clickhouse/queries/sql/usage-columns.js';
import type { CandidatePage } from '../../clickhouse/queries/work/history-candidates.js';
import { nearestRank } from '../../core/percentile.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { countSchema, millisecondsSchema, percentSchema } from '../answers/answer-schema.js';
import { percentDigits } from '../answers/answer-units.js';
import { addedDetailedUsage, detailedUsageAnswer, detailedUsageShape, noUsage } from '../answers/usage.js';
import { requestBatches } from '../request/parameter-bytes.js';
import { successRate } from '../statistics/execution-rate.js';
import { type HistoryCount, totalMax } from '../work/history-count.js';
import { type HistorySearch, readOrphanedRows, scanHistory } from '../work/history-scan.js';
import type { RunTotals } from './run-totals.js';

export const runStatuses = ['running', 'orphaned', 'completed', 'failed', 'cancelled'] as const;
export type RunStatus = (typeof runStatuses)[number];

const byStatusShape = {
  running: countSchema,
  orphaned: countSchema,
  completed: countSchema,
  failed: countSchema,
  cancelled: countSchema,
} satisfies Record<RunStatus, z.ZodType>;

export const runStatsSchema = z
  .strictObject({
    runs: countSchema.meta({ description: `The newest runs the filters hold for, at most ${totalMax}.` }),
    is_complete: z.boolean().meta({ description: 'False: there are more runs, which are not counted in.' }),
    by_status: z.strictObject(byStatusShape),
    success_rate: percentSchema.meta({ description: 'Of the runs that completed or failed, in percent.' }),
    p95_duration_ms: millisecondsSchema.meta({ description: 'Of the runs that ended and report a duration.' }),
    ...detailedUsageShape,
  })
  .meta({ id: 'RunStats' });

export interface RunStats extends HistoryCount {
  readonly stats: z.output<typeof runStatsSchema>;
}

/** How the newest `totalMax` runs of a filter fared; `first` are its first candidates when they are known. */
export async function readRunStats(
  store: StoreReader,
  search: HistorySearch,
  first?: CandidatePage,
): Promise<RunStats> {
  const { rows, end } = await scanHistory(store, search, { want: totalMax + 1, read: readRunOutcomes, first });
  const counted = rows.slice(0, totalMax);
  const isExact = end === null && rows.length <= totalMax;
  const [orphaned, usage] = await Promise.all([
    readOrphanedRows(store, search.kind, counted, search.lease),
    readUsage(store, search.filter.tenant, counted),
  ]);
  return statsOf(counted, { orphaned, usage, isExact });
}

interface PageFacts {
  readonly totals: RunTotals;
  readonly orphaned: ReadonlySet<string>;
}

/** The same where all runs of the filter are on one page. */
export function statsOfPage(rows: readonly RunOutcomeRow[], { totals, orphaned }: PageFacts): RunStats {
  const usage = [...totals.values()].reduce<DetailedUsageRow>(addedDetailedUsage, noUsage);
  return statsOf(rows, { orphaned, usage, isExact: true });
}

interface StatsFacts {
  readonly orphaned: ReadonlySet<string>;
  readonly usage: DetailedUsageRow;
  readonly isExact: boolean;
}

function statsOf(counted: readonly RunOutcomeRow[], { orphaned, usage, isExact }: StatsFacts): RunStats {
  const byStatus = countByStatus(counted, orphaned);
  const { completed: successful, failed } = byStatus;
  return {
    total: counted.length,
    isExact,
    stats: {
      runs: counted.length,
      is_complete: isExact,
      by_status: byStatus,
      success_rate: percentDigits(successRate({ total: counted.length, successful, failed })),
      p95_duration_ms: nearestRank(durationsOf(counted), 0.95),
      ...detailedUsageAnswer(usage),
    },
  };
}

function countByStatus(rows: readonly RunOutcomeRow[], orphaned: ReadonlySet<string>): Record<RunStatus, number> {
  const counts = { running: 0, orphaned: 0, completed: 0, failed: 0, cancelled: 0 };
  for (const row of rows) counts[orphaned.has(row.run_id) ? 'orphaned' : row.status] += 1;
  return counts;
}

async function readUsage(
  store: StoreReader,
  tenant: string,
  rows: readonly RunOutcomeRow[],
): Promise<DetailedUsageRow> {
  let total = noUsage;
  for (const batch of requestBatches(rows, ({ run_id: id }) => [id])) {
    const usage = await readRunsUsage(store, { tenant, runIds: batch.map(({ run_id: id }) => id) });
    total = addedDetailedUsage(total, usage ?? noUsage);
  }
  return total;
}

/** Ascending. */
function durationsOf(rows: readonly RunOutcomeRow[]): number[] {
  return rows
    .flatMap((row) => (row.has_ended === 1 && row.duration_ms !== null ? [row.duration_ms] : []))
    .sort((one, other) => one - other);
}
