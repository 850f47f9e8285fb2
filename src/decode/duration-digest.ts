import { TDigest } from 'tdigest';

/**
 * Durations that stay as they are in a slice of one batch; more of them become a t-digest (npm `tdigest`).
 * The digest is for the sake of the thread that merges: it halves 1,000 durations and makes 580 centroids of
 * 4,000. It costs 0.4 us a value here, a quarter of decoding the event, where the merge pays 0.07 us for each
 * centroid; so the few durations of an agent in a batch of many agents are passed on as they are.
 */
export const rawDurationsMax = 1_024;

/**
 * 100,000 values digested 4,000 at a time and merged, worst of three seeds, error in percent of p50 / p95 / p99:
 * log-normal(σ=1) 0.02 / 0.05 / 0.47, log-normal(σ=2) 0.13 / 0.11 / 0.58, Pareto(1.2) 0.05 / 0.10 / 1.16.
 * At 0.05 Pareto's p99 is 2.2 % off.
 */
const delta = 0.01;

/** Centroids of the durations, as mean, weight, mean, weight, … */
export function digestDurations(durations: readonly number[]): Float64Array {
  if (durations.length > rawDurationsMax) return digested(durations);
  const centroids = new Float64Array(2 * durations.length);
  for (let index = 0; index < durations.length; index++) {
    centroids[2 * index] = durations[index]!;
    centroids[2 * index + 1] = 1;
  }
  return centroids;
}

function digested(durations: readonly number[]): Float64Array {
  const digest = new TDigest(delta);
  for (const duration of durations) digest.push(duration);
  const list = digest.toArray();
  const centroids = new Float64Array(2 * list.length);
  list.forEach(({ mean, n }, index) => {
    centroids[2 * index] = mean;
    centroids[2 * index + 1] = n;
  });
  return centroids;
}
