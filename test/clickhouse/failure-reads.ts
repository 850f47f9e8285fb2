import { readFailureExamples } from '../../src/clickhouse/queries/failures/failure-examples.js';
import { failureGroupings } from '../../src/clickhouse/queries/failures/failure-grouping.js';
import { readFailureGroups } from '../../src/clickhouse/queries/failures/failure-groups.js';
import { readFailureList } from '../../src/clickhouse/queries/failures/failure-list.js';
import { readFailurePieces, readFailureTimes } from '../../src/clickhouse/queries/failures/failure-pieces.js';
import { readNewTries } from '../../src/clickhouse/queries/failures/new-tries.js';
import type { StoreReader } from '../../src/core/ports/store-reader.js';
import { dayMs, type TimeSpan } from '../../src/core/time-span.js';

/** Every way to read failures of one tenant, by the name of what reads. */
export function failureReads(
  reader: () => StoreReader,
  { span, run }: { readonly span: TimeSpan; readonly run: string },
): Readonly<Record<string, (tenant: string) => Promise<unknown>>> {
  const buckets = { firstMs: Math.floor(span.fromMs / dayMs) * dayMs, stepMs: dayMs, count: 9 };
  return {
    readFailureExamples: (tenant) =>
      Promise.all(
        failureGroupings.map((groupBy) =>
          readFailureExamples(
            reader(),
            { tenant },
            {
              groupBy,
              runsMax: 99,
              failures: 9,
              groups: ['tool', 'timeout', 'b', 'ask', 'search'].map((key) => ({ key, fromMs: 0 })),
            },
          ),
        ),
      ),
    readFailureGroups: async (tenant) => {
      const groups = failureGroupings.flatMap((groupBy) => [
        readFailureGroups(reader(), { tenant, ...span }, { groupBy, limit: 2, runsMin: 3, buckets }),
        readFailureGroups(reader(), { tenant, ...span, runId: run }, { groupBy, limit: 2, runsMin: 3, buckets }),
      ]);
      return Promise.all(groups);
    },
    readFailurePieces: async (tenant) => {
      const newTries = await readNewTries(reader(), { tenant });
      const pieces = await Promise.all(
        failureGroupings.map((groupBy) =>
          readFailurePieces(reader(), { tenant }, [span], { groupBy, newTries, buckets }),
        ),
      );
      return pieces.flat().map(({ groups }) => [...groups].map(([key, { runs, ...sums }]) => [key, runs.count, sums]));
    },
    readFailureTimes: (tenant) => readFailureTimes(reader(), { tenant, partsBefore: [], toMs: span.toMs }),
    readFailureList: async (tenant) => {
      const page = await readFailureList(reader(), { tenant }, { limit: 100 });
      const { failed_ms: failedMs, unit, attempt } = page[3]!;
      return [page, await readFailureList(reader(), { tenant }, { limit: 3, after: { failedMs, unit, attempt } })];
    },
    readNewTries: async (tenant) => {
      const asked = { tenant: tenant === 'mine' ? 'nobody' : tenant, nextFromMs: 0 };
      const { nowMs: _, ...told } = await readNewTries(reader(), asked);
      return told;
    },
  };
}
