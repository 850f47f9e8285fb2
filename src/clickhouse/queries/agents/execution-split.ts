import { z } from 'zod';
import { executionTypes } from '../../../core/event-types.js';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import type { TimeSpan } from '../../../core/time-span.js';
import { checkedRows } from '../sql/checked-rows.js';
import { integer64 } from '../sql/column-types.js';
import type { PerformanceRange } from '../sql/rollup-range.js';
import type { AgentKey } from './agent-known.js';
import { daySource, minuteSource, rollupParams } from './agent-performance.js';

const bucketRow = z.object({
  start_s: integer64,
  width_s: integer64,
  executions: integer64,
  successes: integer64,
  executions_before: integer64,
  successes_before: integer64,
  all_executions: integer64,
  all_successes: integer64,
});

/** A bucket of a rollup, what lies before it, and all there is in the range. */
export type ExecutionBucketRow = z.output<typeof bucketRow>;

/** The place of an execution in the order of time, from 0; `middle`: that of the first of the second half. */
export type ExecutionPlace = number | 'middle';

const orderedSql = (buckets: string): string => `
  SELECT *
  FROM (
    SELECT
      start_s, width_s, executions, successes,
      sum(executions) OVER earlier AS executions_before,
      sum(successes) OVER earlier AS successes_before,
      sum(executions) OVER () AS all_executions,
      sum(successes) OVER () AS all_successes,
      if({place:Int64} < 0, intDiv(all_executions, 2), {place:Int64}) AS wanted
    FROM (
      SELECT bucket_s AS start_s, any(bucket_width_s) AS width_s, sum(total) AS executions, sum(successful) AS successes
      FROM (${buckets})
      GROUP BY start_s
    )
    WINDOW earlier AS (ORDER BY start_s ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
  )
  WHERE wanted >= executions_before AND wanted < executions_before + executions`;

const bucketsOf = ({ startSeconds, widthSeconds, from }: typeof daySource): string =>
  `SELECT ${startSeconds} AS bucket_s, ${widthSeconds} AS bucket_width_s, total, successful FROM ${from}`;

const daysSql = orderedSql(bucketsOf(daySource));
const minutesSql = orderedSql(bucketsOf(minuteSource));
const bothSql = orderedSql(`${bucketsOf(daySource)} UNION ALL ${bucketsOf(minuteSource)}`);

/** The bucket of the rollups in which an execution of an agent lies; undefined when there is none at this place. */
export async function readExecutionBucket(
  store: StoreReader,
  key: AgentKey,
  range: PerformanceRange,
  place: ExecutionPlace,
): Promise<ExecutionBucketRow | undefined> {
  const { days, minutes } = rollupParams(range);
  const [row] = await checkedRows(store, bucketRow, {
    name: 'execution_bucket',
    sql: days === null ? minutesSql : minutes === null ? daysSql : bothSql,
    params: {
      tenant: key.tenant,
      agent_id: key.agentId,
      place: place === 'middle' ? -1 : place,
      ...days,
      ...minutes,
    },
  });
  return row;
}

const executionsRow = z.object({ executions: integer64, successes: integer64 });

/** The first executions of an agent within a span, from the raw events, in the order of their time. */
export async function readFirstExecutions(
  store: StoreReader,
  key: AgentKey,
  { span, count }: { readonly span: TimeSpan; readonly count: number },
): Promise<z.output<typeof executionsRow>> {
  const [row] = await checkedRows(store, executionsRow, {
    name: 'first_executions',
    sql: `
      SELECT count() AS executions, countIf(type = 'task.completed') AS successes
      FROM (
        SELECT type
        FROM agent_events_raw_v1
        WHERE tenant = {tenant:String} AND agent_id = {agent_id:String}
          AND type IN (${executionTypes.map((type) => `'${type}'`).join(', ')}) AND conflicting_end = 0
          AND ts >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
          AND ts < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
        ORDER BY ts, received, task_id, type
        LIMIT {count:UInt64}
      )`,
    params: { tenant: key.tenant, agent_id: key.agentId, from_ms: span.fromMs, to_ms: span.toMs, count },
  });
  return row ?? { executions: 0, successes: 0 };
}
