/** Durations that stay as they are in a slice; more of them are digested. */
export const rawDurationsMax = 64;

export function digestDurations(durations: readonly number[]): Float64Array {
  const centroids = new Float64Array(2 * durations.length);
  durations.forEach((duration, index) => {
    centroids[2 * index] = duration;
    centroids[2 * index + 1] = 1;
  });
  return centroids;
}
