import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64, optionalInteger64 } from '../sql/column-types.js';
import { type FailureFilter, failureCondition, failureTenant } from './failure-filter.js';
import { type FailureGrouping, groupingSql } from './failure-grouping.js';
import { asSettled, failuresWithOutcome, recovered, retried } from './failure-outcomes.js';
import { readNewTries } from './new-tries.js';

const row = z.object({
  place: integer64,
  key: z.string(),
  groups: integer64,
  failures: integer64,
  retries: integer64,
  recoveries: integer64,
  model_calls: integer64,
  input_tokens: integer64,
  output_tokens: integer64,
  cost: optionalInteger64,
  agents: integer64,
  runs: integer64,
  first_ms: epochMs,
  last_ms: epochMs,
});

/** Failed attempts of a group. `groups`: how many it stands for. Usage is that of the failed attempts. */
export type FailureGroupRow = z.output<typeof row>;

export interface FailureGroups {
  /** The largest, by count, then key. */
  readonly top: readonly FailureGroupRow[];
  /** What is in no top group; null when nothing is. */
  readonly other: FailureGroupRow | null;
  /** Null when nothing failed. */
  readonly total: FailureGroupRow | null;
  /** Outcomes are those of this time, ms since the epoch; null: of now. */
  readonly outcomesMs: number | null;
}

export interface FailureGroupsQuery {
  readonly groupBy: FailureGrouping;
  readonly limit: number;
}

/**
 * Failed attempts in groups. Distinct agents and runs are exact up to some ten thousand, then within 2 percent. Place 0
 * is the total, the place after the limit is what is in no top group.
 */
export async function readFailureGroups(
  store: StoreReader,
  filter: FailureFilter,
  { groupBy, limit }: FailureGroupsQuery,
): Promise<FailureGroups> {
  const { failures, tries, params } = failureCondition(filter);
  const { key, where } = groupingSql[groupBy];
  const since = await readNewTries(store, filter.tenant);
  // To join millions takes seconds and more memory than a read may have; the next settlement is a minute away.
  const isBehind = since.isSettled && since.amount === 'many';
  const newTries = isBehind ? asSettled(since) : since;
  const usage = 'llm_calls, tokens_in, tokens_out, cost_micros';
  const rows = await checkedRows(store, row, {
    name: 'failure_groups',
    sql: `
      SELECT
        place, if(count() = 1, any(group_key), '') AS key, count() AS groups,
        sum(same) AS failures, sum(same_retried) AS retries, sum(same_recovered) AS recoveries,
        sum(same_calls) AS model_calls, sum(same_in) AS input_tokens, sum(same_out) AS output_tokens,
        sum(same_cost) AS cost, uniqMerge(same_agents) AS agents, uniqMerge(same_runs) AS runs,
        toUnixTimestamp64Milli(min(first_same)) AS first_ms, toUnixTimestamp64Milli(max(last_same)) AS last_ms
      FROM (
        SELECT *, least(row_number() OVER (ORDER BY same DESC, group_key), {limit:UInt32} + 1) AS place
        FROM (
          SELECT
            ${key} AS group_key, count() AS same,
            countIf(outcome >= ${retried}) AS same_retried, countIf(outcome = ${recovered}) AS same_recovered,
            sum(toFloat64(llm_calls)) AS same_calls, sum(toFloat64(tokens_in)) AS same_in,
            sum(toFloat64(tokens_out)) AS same_out,
            sum(toFloat64(cost_micros)) AS same_cost,
            uniqState(agent_id) AS same_agents, uniqStateIf(run, run != 0) AS same_runs,
            min(ts) AS first_same, max(ts) AS last_same
          FROM (${failuresWithOutcome({
            columns: `ts, agent_id, run, name, error_category, error_code, ${usage}`,
            tenant: failureTenant,
            failures: `${failures} AND ${where}`,
            tries,
            newTries,
          })})
          GROUP BY group_key
        )
      )
      GROUP BY GROUPING SETS ((place), ())
      ORDER BY place`,
    params: { ...params, ...newTries.params, limit },
  });
  return {
    top: rows.filter(({ place }) => place > 0 && place <= limit),
    other: rows.find(({ place }) => place > limit) ?? null,
    total: rows.find(({ place, failures: count }) => place === 0 && count > 0) ?? null,
    outcomesMs: isBehind ? since.settledMs : null,
  };
}
