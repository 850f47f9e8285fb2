/** How executions ended. `total` counts the cancelled ones too; rates do not. */
export interface OutcomeCounts {
  readonly total: number;
  readonly successful: number;
  readonly failed: number;
}

/** Percent of the executions that succeeded or failed; null when none did either. */
export function successRate(counts: OutcomeCounts): number | null {
  const finished = counts.successful + counts.failed;
  return finished === 0 ? null : (100 * counts.successful) / finished;
}

export function errorRate(counts: OutcomeCounts): number | null {
  const finished = counts.successful + counts.failed;
  return finished === 0 ? null : (100 * counts.failed) / finished;
}
