import type { StoreReader } from '../../../core/ports/store-reader.js';
import type { TimeSpan } from '../../../core/time-span.js';
import type { ErrorRange, PerformanceRange } from '../sql/rollup-range.js';
import { bucketPlace, type RollupBucket, rangeBuckets, rangeSources } from './agent-buckets.js';
import type { AgentKey } from './agent-known.js';

/**
 * When executions of an agent failed, by the buckets of the rollups and in the order of time; null where nothing is
 * remembered of them.
 */
export async function readFailedTimes(
  store: StoreReader,
  key: AgentKey,
  range: PerformanceRange,
): Promise<readonly TimeSpan[] | null> {
  const { memory } = store;
  if (!memory) return null;
  return await memory.value({
    sources: rangeSources(range),
    key: JSON.stringify(['failed times', key.tenant, key.agentId, range]),
    read: async () => failedTimes(await rangeBuckets(store, memory, key, range)),
    bytesOf: (times) => spanBytes * times.length,
  });
}

const spanBytes = 60;
const failed = bucketPlace('failed');

/** Those that follow each other are one. */
function failedTimes(buckets: readonly RollupBucket[]): TimeSpan[] {
  const times: { readonly fromMs: number; toMs: number }[] = [];
  for (const bucket of buckets) {
    if (bucket.number(failed) === 0) continue;
    const [last, endMs] = [times.at(-1), bucket.startMs + bucket.widthMs];
    if (last !== undefined && bucket.startMs <= last.toMs) last.toMs = Math.max(last.toMs, endMs);
    else times.push({ fromMs: bucket.startMs, toMs: endMs });
  }
  return times;
}

/** What of a range of errors is worth reading: spans of raw events from the first failure in them on. */
export function whereFailed({ days, raw }: ErrorRange, times: readonly TimeSpan[]): Pick<ErrorRange, 'days' | 'raw'> {
  const firstIn = (span: TimeSpan) => times.find(({ fromMs, toMs }) => fromMs < span.toMs && toMs > span.fromMs);
  return {
    days: firstIn(days) === undefined ? { fromMs: days.fromMs, toMs: days.fromMs } : days,
    raw: raw.flatMap((span) => {
      const first = firstIn(span);
      return first === undefined ? [] : [{ fromMs: Math.max(span.fromMs, first.fromMs), toMs: span.toMs }];
    }),
  };
}
