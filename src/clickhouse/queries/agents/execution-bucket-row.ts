import { z } from 'zod';
import { integer64 } from '../sql/column-types.js';

export const executionBucketRow = z.object({
  start_s: integer64,
  width_s: integer64,
  total: integer64,
  successful: integer64,
  total_before: integer64,
  successful_before: integer64,
  range_total: integer64,
  range_successful: integer64,
});

/** The executions in a bucket of a rollup, those before it, and those of the whole range. */
export type ExecutionBucketRow = z.output<typeof executionBucketRow>;

/** The place of an execution in the order of time, from 0; `middle`: that of the first of the second half. */
export type ExecutionPlace = number | 'middle';
