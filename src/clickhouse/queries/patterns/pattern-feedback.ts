import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64, optionalFloat, optionalText } from '../sql/column-types.js';
import type { PatternKeys } from './pattern-rows.js';

/** Negative time, id, score, text, user: sorted, the newest comes first. */
const given = z.tuple([integer64, z.string(), optionalFloat, optionalText, optionalText]);

const row = z.object({
  pattern_id: z.string(),
  count: integer64,
  scored: integer64,
  avg_score: optionalFloat,
  min_score: optionalFloat,
  max_score: optionalFloat,
  last_score: optionalFloat,
  last_ms: epochMs,
  newest: z.array(given),
});

export type PatternFeedbackRow = z.output<typeof row>;

/** Feedback named one by one in a row. */
const newestMax = 20;

/** The feedback on some patterns; a pattern without any has no row. FINAL drops repetitions: each counts once. */
export function readPatternFeedback(
  store: StoreReader,
  { tenant, patternIds }: PatternKeys,
): Promise<PatternFeedbackRow[]> {
  return checkedRows(store, row, {
    name: 'pattern_feedback',
    sql: `
      SELECT
        pattern_id,
        count() AS count,
        count(score) AS scored,
        avgOrNull(toFloat64(score)) AS avg_score,
        min(score) AS min_score,
        max(score) AS max_score,
        argMax(score, (ts, feedback_id)) AS last_score,
        toUnixTimestamp64Milli(max(ts)) AS last_ms,
        groupArraySorted(${newestMax})(
          (-toUnixTimestamp64Milli(ts), feedback_id, ifNull(score, nan), text, user_id)
        ) AS newest
      FROM agent_pattern_feedback_v1 FINAL
      WHERE tenant = {tenant:String} AND pattern_id IN {pattern_ids:Array(String)}
      GROUP BY pattern_id`,
    params: { tenant, pattern_ids: patternIds },
  });
}
