import type { WindowSlice } from '../../src/core/event-batch.js';
import { durationBucketsMs } from '../../src/core/event-batch.js';
import { windowSliceMs } from '../../src/core/limits.js';

/** A slice of single durations, as a worker makes it of a small batch; the rest as given. */
export function sliceOf(
  timeMs: number,
  durationsMs: readonly number[],
  rest: Partial<Omit<WindowSlice, 'sliceMs' | 'durations'>> = {},
): WindowSlice {
  return {
    tenant: 'acme',
    agentId: 'planner',
    sliceMs: Math.floor(timeMs / windowSliceMs) * windowSliceMs,
    completed: durationsMs.length,
    failed: 0,
    cancelled: 0,
    durations: Float64Array.from(durationsMs.flatMap((mean) => [mean, 1])),
    durationSumMs: durationsMs.reduce((sum, value) => sum + value, 0),
    durationMinMs: Math.min(...durationsMs),
    durationMaxMs: Math.max(...durationsMs),
    durationBuckets: bucketsOf(durationsMs),
    llmCalls: 0,
    tokensIn: 0,
    tokensOut: 0,
    costMicros: 0,
    tokensUnpriced: 0,
    errors: {},
    confidenceSum: 0,
    confidenceCount: 0,
    memoryMbMax: 0,
    ...rest,
  };
}

function bucketsOf(durationsMs: readonly number[]): Uint32Array {
  const buckets = new Uint32Array(durationBucketsMs.length + 1);
  for (const value of durationsMs) {
    const index = durationBucketsMs.findIndex((bound) => value <= bound);
    buckets[index < 0 ? durationBucketsMs.length : index]! += 1;
  }
  return buckets;
}

/** Counts what is counted. */
export class CountingCounter {
  value = 0;
  inc(count = 1): void {
    this.value += count;
  }
}
