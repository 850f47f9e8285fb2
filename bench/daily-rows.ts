/** Daily rows of made agents, `days` days each up to the last one, one row an agent and day. */
export interface DailyRows {
  readonly agents: number;
  readonly days: number;
  /** `YYYY-MM-DD`; else it is today by the store's clock. */
  readonly lastDay?: string;
}

/** An INSERT may touch as many partitions as the history has months. */
const partitionsSetting = 'max_partitions_per_insert_block = 1000';

/** The rows of `agents` agents from `firstAgent` on: log-normal durations, sums from a hash of agent and day. */
export function dailyRowsSql(
  { days, lastDay }: DailyRows,
  part: { readonly firstAgent: number; readonly agents: number },
): string {
  const digest = (salt: number) =>
    `arrayReduce('quantilesTDigestState(0.5, 0.95, 0.99)',
      arrayMap(i -> exp(5 + toFloat64(cityHash64(number, i, ${salt}) % 4000) / 1000), range(8)))`;
  return `
    INSERT INTO agent_performance_per_day_v1
      (tenant, agent_id, day, events, agent_name, total, successful, failed, duration_count, duration_sum_ms,
       duration_min_ms, duration_max_ms, duration_digest, successful_duration_digest, llm_calls, tokens_in, tokens_out,
       cost_micros, confidence_sum, confidence_count, first_received, last_received)
    SELECT
      'default',
      concat('agent-', leftPad(toString(${part.firstAgent} + intDiv(number, ${days})), 6, '0')),
      ${lastDay === undefined ? 'today()' : `toDate('${lastDay}')`} - ${days - 1} + number % ${days} AS received_day,
      12,
      arrayReduce('argMaxState', ['Agent, "the" first'], [toInt128(0)]),
      10 + cityHash64(number, ${part.firstAgent}, 1) % 90 AS all_executions,
      all_executions - 2, 2, all_executions, all_executions * 500, 10, 9000,
      ${digest(1)}, ${digest(2)},
      20,
      cityHash64(number, ${part.firstAgent}, 2) % 40000,
      cityHash64(number, 3) % 9000,
      cityHash64(number, ${part.firstAgent}, 4) % 200000,
      8.5, 10,
      toDateTime64(received_day, 3, 'UTC'),
      toDateTime64(received_day, 3, 'UTC') + 100
    FROM numbers(${part.agents * days})
    SETTINGS ${partitionsSetting}`;
}

/** What a file and the store must agree on. */
export interface RowSums {
  readonly rows: number;
  readonly executions: number;
  readonly tokensIn: number;
  readonly costMicros: number;
}

/** Of the table, without the view that is exported; numbers, of one row. */
export const storedSumsSql = `
  SELECT toFloat64(uniqExact(agent_id, day)) AS rows, toFloat64(sum(total)) AS executions,
    toFloat64(sum(tokens_in)) AS tokensIn, toFloat64(sum(cost_micros)) AS costMicros
  FROM agent_performance_per_day_v1 WHERE tenant = 'default'`;
