import { z } from 'zod';
import { executionTypes } from '../../../core/event-types.js';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import type { TimeSpan } from '../../../core/time-span.js';
import { checkedRows } from '../sql/checked-rows.js';
import { integer64 } from '../sql/column-types.js';
import type { PerformanceRange } from '../sql/rollup-range.js';
import { rangeBuckets, rangeSources } from './agent-buckets.js';
import type { AgentKey } from './agent-known.js';
import { daySource, minuteSource, rollupParams } from './agent-performance.js';
import { executionBucketOf } from './bucket-sums.js';
import { type ExecutionBucketRow, type ExecutionPlace, executionBucketRow } from './execution-bucket-row.js';

const orderedSql = (buckets: string): string => `
  SELECT *
  FROM (
    SELECT
      start_s, width_s, total, successful,
      sum(total) OVER earlier AS total_before,
      sum(successful) OVER earlier AS successful_before,
      sum(total) OVER () AS range_total,
      sum(successful) OVER () AS range_successful,
      if({place:Int64} < 0, intDiv(range_total, 2), {place:Int64}) AS wanted
    FROM (
      SELECT start_s, any(source.width_s) AS width_s, sum(source.total) AS total, sum(source.successful) AS successful
      FROM (${buckets}) AS source
      GROUP BY start_s
    )
    WINDOW earlier AS (ORDER BY start_s ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
  )
  WHERE wanted >= total_before AND wanted < total_before + total`;

const bucketsOf = ({ startSeconds, widthSeconds, from }: typeof daySource): string =>
  `SELECT ${startSeconds} AS start_s, ${widthSeconds} AS width_s, total, successful FROM ${from}`;

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
  const { memory } = store;
  if (memory) {
    return await memory.value({
      sources: rangeSources(range),
      key: JSON.stringify(['bucket', key.tenant, key.agentId, range, place]),
      read: async () => executionBucketOf(await rangeBuckets(store, memory, key, range), place),
      bytesOf: () => 200,
    });
  }
  const { days, minutes } = rollupParams(range);
  const [row] = await checkedRows(store, executionBucketRow, {
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

const executionsRow = z.object({ total: integer64, successful: integer64 });

/** The first executions of an agent within a span, from the raw events, in the order of their time. */
export async function readFirstExecutions(
  store: StoreReader,
  key: AgentKey,
  { span, count }: { readonly span: TimeSpan; readonly count: number },
): Promise<z.output<typeof executionsRow>> {
  const [row] = await checkedRows(store, executionsRow, {
    name: 'first_executions',
    sql: `
      SELECT count() AS total, countIf(type = 'task.completed') AS successful
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
    isSmall: true,
  });
  return row ?? { total: 0, successful: 0 };
}
