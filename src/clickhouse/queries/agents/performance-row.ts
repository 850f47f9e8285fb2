import { z } from 'zod';
import { epochMs, integer64, optionalFloat } from '../sql/column-types.js';
import { parseDigestState } from '../sql/digest-state.js';
import { usageRow } from '../sql/usage-columns.js';

const digest = z.string().transform(parseDigestState);

export const performanceRow = z.object({
  total: integer64,
  successful: integer64,
  failed: integer64,
  cancelled: integer64,
  first_total: integer64,
  first_successful: integer64,
  first_failed: integer64,
  first_successful_duration_digest: digest,
  second_successful_duration_digest: digest,
  duration_count: integer64,
  duration_sum_ms: z.number(),
  duration_min_ms: z.number(),
  duration_max_ms: z.number(),
  percentiles: z.tuple([optionalFloat, optionalFloat, optionalFloat]),
  ...usageRow,
  confidence_sum: z.number(),
  confidence_count: integer64,
  memory_mb_count: integer64,
  memory_mb_max: z.number(),
  buckets: integer64,
  first_bucket_s: integer64,
  end_bucket_s: integer64,
  last_received_ms: epochMs,
});

/**
 * `first_*` are the part before the split; the percentiles are p50, p95, p99 in ms, null without durations. The digests
 * are centroids (`parseDigestState`) of the durations of successes, in ms.
 */
export type AgentPerformanceRow = z.output<typeof performanceRow>;
