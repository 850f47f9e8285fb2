import { z } from 'zod';
import { epochMs, integer64, optionalText } from '../sql/column-types.js';

export const errorRow = z.object({
  error_category: optionalText,
  error_code: optionalText,
  message: optionalText,
  occurrences: integer64,
  recovered: integer64,
  affected_runs: integer64,
  first_seen_ms: epochMs,
  last_seen_ms: epochMs,
  total_groups: integer64,
  failed: integer64,
});

/** A group of failed executions. `total_groups` and `failed` are those of the whole range, on every row. */
export type AgentErrorRow = z.output<typeof errorRow>;

export const errorDaysRow = errorRow.extend({
  per_day: z.tuple([z.array(z.string()), z.array(integer64)]),
});

/** With the UTC days on which it occurred and, in the same order, how often. */
export type AgentErrorDaysRow = z.output<typeof errorDaysRow>;
