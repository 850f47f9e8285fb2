import { durationBucketsMs, type WindowSlice } from '../../core/event-batch.js';

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Adds durations that were found out after the slice was made. */
export function addDurations(slice: Writable<WindowSlice>, durationsMs: readonly number[]): void {
  const known = slice.durations.length;
  const durations = new Float64Array(known + 2 * durationsMs.length);
  durations.set(slice.durations);
  durationsMs.forEach((durationMs, index) => {
    durations[known + 2 * index] = durationMs;
    durations[known + 2 * index + 1] = 1;
    slice.durationSumMs += durationMs;
    slice.durationMinMs = Math.min(slice.durationMinMs, durationMs);
    slice.durationMaxMs = Math.max(slice.durationMaxMs, durationMs);
    const bucket = durationBucketsMs.findIndex((bound) => durationMs <= bound);
    slice.durationBuckets[bucket < 0 ? durationBucketsMs.length : bucket]! += 1;
  });
  slice.durations = durations;
}
