import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { dayText } from '../../../core/time-text.js';
import { integer64 } from '../sql/column-types.js';
import { parseDigestState } from '../sql/digest-state.js';
import { rememberedRows } from '../sql/remembered-rows.js';

const digest = z.string().transform((hex) => (hex === '' ? new Float64Array() : parseDigestState(hex)));

const row = z.object({
  agent_id: z.string(),
  place: integer64,
  is_slow: integer64,
  total: integer64,
  successful: integer64,
  failed: integer64,
  bound: z.number(),
  recent_digest: digest,
  baseline_digest: digest,
});

/**
 * `place`: from 1, by `bound`, the lower end of the Wilson interval of the success rate, 0 to 1, or -1 when too few
 * executions finished. The digests are centroids (`parseDigestState`) of the durations of successes; empty when
 * `is_slow` is 0.
 */
export type AgentStandingRow = z.output<typeof row>;

/** UTC days, ms since the epoch; each range ends before `endDayMs` or where the next begins. */
export interface AgentStandingsRange {
  readonly tenant: string;
  readonly baselineDayMs: number;
  /** Where the baseline ends and the recent days begin. */
  readonly recentDayMs: number;
  /** First day of those that are ranked. */
  readonly rankedDayMs: number;
  readonly endDayMs: number;
  readonly ranking: {
    readonly finishedMin: number;
    readonly placesMax: number;
    /** Standard errors of the Wilson interval. */
    readonly zScore: number;
  };
  readonly slowness: {
    readonly recentMin: number;
    readonly baselineMin: number;
    /** Recent p95 as a multiple of the baseline's. */
    readonly ratioMin: number;
    readonly agentsMax: number;
  };
}

/**
 * The agents at the head of the ranking, and those whose p95 of successes rose, from the day rollup. Reading the
 * digests is what it costs: 50 ms of CPU for 1,000 agents, of which 30 ms are reading the month they lie in. Digests of
 * 24 hours of minutes would take 150 ms, which is why the recent days are whole.
 * Wilson interval: E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, Journal of the
 * American Statistical Association 22 (1927), 209-212.
 */
export function readAgentStandings(
  store: StoreReader,
  range: AgentStandingsRange,
): Promise<readonly AgentStandingRow[]> {
  const days = { fromMs: range.baselineDayMs, toMs: range.endDayMs };
  return rememberedRows(store, row, {
    sources: [{ table: 'agent_performance_per_day_v1', days }],
    name: 'agent_standings',
    sql: standingsSql,
    params: {
      tenant: range.tenant,
      from_day: dayText(range.baselineDayMs),
      recent_day: dayText(range.recentDayMs),
      ranked_day: dayText(range.rankedDayMs),
      to_day: dayText(range.endDayMs),
      z: range.ranking.zScore,
      finished_min: range.ranking.finishedMin,
      places_max: range.ranking.placesMax,
      recent_min: range.slowness.recentMin,
      baseline_min: range.slowness.baselineMin,
      ratio_min: range.slowness.ratioMin,
      rows_max: range.ranking.placesMax + range.slowness.agentsMax + 1,
    },
  });
}

/** A digest without values has the quantile NaN, which is at least nothing. */
const standingsSql = `
  SELECT
    agent_id, place, is_slow, total, successful, failed, bound,
    if(is_slow, hex(recent), '') AS recent_digest,
    if(is_slow, hex(baseline), '') AS baseline_digest
  FROM (
    SELECT
      agent_id,
      row_number() OVER (ORDER BY bound DESC, finished DESC, agent_id) AS place,
      total, successful, failed, bound, recent, baseline,
      finalizeAggregation(recent)[2] / finalizeAggregation(baseline)[2] AS ratio,
      recent_successful >= {recent_min:UInt32} AND baseline_successful >= {baseline_min:UInt32}
        AND ratio >= {ratio_min:Float64} AS is_slow
    FROM (
      SELECT
        agent_id,
        sumIf(agent_day.total, day >= {ranked_day:Date}) AS total,
        sumIf(agent_day.successful, day >= {ranked_day:Date}) AS successful,
        sumIf(agent_day.failed, day >= {ranked_day:Date}) AS failed,
        successful + failed AS finished,
        successful / finished AS share,
        if(
          finished < greatest({finished_min:UInt32}, 1),
          -1,
          (share + {z:Float64} * {z:Float64} / (2 * finished) - {z:Float64} * sqrt(
            share * (1 - share) / finished + {z:Float64} * {z:Float64} / (4 * finished * finished)
          )) / (1 + {z:Float64} * {z:Float64} / finished)
        ) AS bound,
        sumIf(agent_day.successful, day >= {recent_day:Date}) AS recent_successful,
        sumIf(agent_day.successful, day < {recent_day:Date}) AS baseline_successful,
        quantilesTDigestMergeStateIf(0.5, 0.95, 0.99)(successful_duration_digest, day >= {recent_day:Date}) AS recent,
        quantilesTDigestMergeStateIf(0.5, 0.95, 0.99)(successful_duration_digest, day < {recent_day:Date}) AS baseline
      FROM agent_performance_per_day_v1 AS agent_day
      WHERE tenant = {tenant:String} AND day >= {from_day:Date} AND day < {to_day:Date}
      GROUP BY agent_id
    )
  )
  WHERE (place <= {places_max:UInt32} AND bound >= 0) OR is_slow
  ORDER BY place > {places_max:UInt32}, ratio DESC, place
  LIMIT {rows_max:UInt32}`;
