import { type FailureExampleRow, readFailureExamples } from '../../clickhouse/queries/failures/failure-examples.js';
import type { FailureFilter } from '../../clickhouse/queries/failures/failure-filter.js';
import type { FailureGroupRow, FailureGroups } from '../../clickhouse/queries/failures/failure-group-row.js';
import type { FailureGrouping } from '../../clickhouse/queries/failures/failure-grouping.js';
import { readFailureGroups } from '../../clickhouse/queries/failures/failure-groups.js';
import { bytesIn } from '../../clickhouse/queries/sql/remembered-rows.js';
import type { RememberedSource } from '../../core/ports/read-memory.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import type { TimeSpan } from '../../core/time-span.js';
import type { Buckets } from '../request/event-range.js';

/** Runs a group names, and failures of it that are looked at for them: whole buckets, the newest first. */
export const exampleRunsMax = 3;
const exampleFailuresMin = 100;
/** Failures of a time as short as this are few, whatever there are in all. */
const shortMs = 60_000;

export interface BreakdownAsked {
  /** Without its times. */
  readonly filter: Omit<FailureFilter, 'fromMs' | 'toMs'>;
  readonly span: TimeSpan;
  readonly groupBy: FailureGrouping;
  readonly limit: number;
}

interface BreakdownReading extends FailureGroups {
  readonly examples: readonly FailureExampleRow[];
}

/** Of which span it was read. */
type RememberedReading = BreakdownReading & TimeSpan;

/** Groups are told by failed attempts, and what became of those by tries: where neither changed, they are the same. */
const sources: readonly RememberedSource[] = [
  { table: 'agent_failures_v1', days: null },
  { table: 'agent_tries_v1', days: null },
];

/**
 * What a breakdown tells. Most ranges end now, so every request has another one: what was read of the one before is
 * what this one holds while nothing was stored and no failure lies between the ends of the two.
 */
export async function readBreakdown(
  store: StoreReader,
  asked: BreakdownAsked,
  buckets: Buckets,
): Promise<BreakdownReading> {
  const { filter, span, groupBy, limit } = asked;
  const read = async (): Promise<RememberedReading> => ({ ...(await readStated(store, asked, buckets)), ...span });
  if (!store.memory) return await read();
  const { startsMs, stepMs } = buckets;
  return await store.memory.value<RememberedReading>({
    sources,
    key: JSON.stringify(['failures', filter, groupBy, limit, startsMs[0], startsMs.length, stepMs]),
    read,
    bytesOf: bytesIn,
    fits: (reading) => holdsFor(reading, span),
  });
}

function holdsFor({ fromMs, toMs, total, nextMs, outcomesMs }: RememberedReading, span: TimeSpan): boolean {
  const isSameStart =
    span.fromMs === fromMs || (span.fromMs > fromMs && span.fromMs <= (total?.first_seen_ms ?? span.fromMs));
  const isSameEnd = span.toMs === toMs || (span.toMs > toMs && span.toMs <= (nextMs ?? span.toMs));
  // Outcomes of a settlement are read again, as the next one tells more.
  return isSameStart && isSameEnd && outcomesMs === null;
}

async function readStated(store: StoreReader, asked: BreakdownAsked, buckets: Buckets): Promise<BreakdownReading> {
  const { startsMs, stepMs } = buckets;
  const { span, groupBy, limit } = asked;
  const filter = { ...asked.filter, ...span };
  const found = await readFailureGroups(store, filter, {
    groupBy,
    limit,
    runsMin: exampleRunsMax,
    buckets: { firstMs: startsMs[0] ?? 0, stepMs, count: startsMs.length },
  });
  const { runsSinceMs } = found;
  // Those that failed last are the same since there are enough of them.
  const groups = found.top.map((row) => ({
    key: row.key,
    fromMs: Math.max(examplesFrom(row, span, buckets), runsSinceMs.get(row.key) ?? 0),
  }));
  const isShort = found.top.every(({ key }) => (runsSinceMs.get(key) ?? 0) > span.toMs - shortMs);
  const failures = isShort ? 0 : found.top.reduce((sum, { count }) => sum + count, 0);
  const examples = await readFailureExamples(store, filter, { groupBy, groups, runsMax: exampleRunsMax, failures });
  return { ...found, examples };
}

function examplesFrom({ series }: FailureGroupRow, span: TimeSpan, { startsMs }: Buckets): number {
  let [index, failures] = [series.length, 0];
  while (index > 0 && failures < exampleFailuresMin) failures += series[--index] ?? 0;
  return Math.max(span.fromMs, startsMs[index] ?? span.fromMs);
}
