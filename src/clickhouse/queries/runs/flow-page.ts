import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import type { TimeSpan } from '../../../core/time-span.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64, optionalFloat } from '../sql/column-types.js';
import { detailedUsageRow, detailedUsageSums } from '../sql/usage-columns.js';

const row = z.object({
  flow_id: z.string(),
  total_runs: integer64,
  completed_runs: integer64,
  failed_runs: integer64,
  cancelled_runs: integer64,
  avg_duration_ms: optionalFloat,
  min_duration_ms: optionalFloat,
  max_duration_ms: optionalFloat,
  p50_duration_ms: optionalFloat,
  p95_duration_ms: optionalFloat,
  p99_duration_ms: optionalFloat,
  ...detailedUsageRow,
  first_run_ms: epochMs,
  last_run_ms: epochMs,
  total_flows: integer64,
});

/** The runs of a flow that started within a range. `total_flows`: how many flows there are in all. */
export type FlowRow = z.output<typeof row>;

interface FlowPosition {
  readonly lastRunMs: number;
  readonly flowId: string;
}

export interface FlowsAsked {
  readonly tenant: string;
  /** Half open. */
  readonly span: TimeSpan;
  readonly limit: number;
  readonly after?: FlowPosition | undefined;
}

/** The smallest value that as many percent of the durations do not exceed: the nearest rank. */
const nearestRank = (level: number) =>
  `if(empty(durations), NULL, durations[greatest(1, toUInt32(ceil(toFloat32(${level} * length(durations)))))])`;

/**
 * The flows of a tenant by the start of their latest run, then by id, both downwards. Runs are found in the order of
 * start and looked up as `agent_runs` tells them; their usage is what all of their events add up to.
 */
export function readFlowPage(store: StoreReader, { tenant, span, limit, after }: FlowsAsked): Promise<FlowRow[]> {
  const within = `start >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    AND start < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')`;
  const candidates = `
    SELECT run_id FROM agent_runs_by_start_v1
    WHERE tenant = {tenant:String} AND ${within} AND flow_id != ''`;
  return checkedRows(store, row, {
    name: 'flow_page',
    sql: `
      SELECT * EXCEPT (durations), ${nearestRank(0.5)} AS p50_duration_ms,
        ${nearestRank(0.95)} AS p95_duration_ms, ${nearestRank(0.99)} AS p99_duration_ms
      FROM (
        SELECT
          flow_id,
          count() AS total_runs,
          countIf(status = 'completed') AS completed_runs,
          countIf(status = 'failed') AS failed_runs,
          countIf(status = 'cancelled') AS cancelled_runs,
          avg(duration_ms) AS avg_duration_ms,
          min(duration_ms) AS min_duration_ms,
          max(duration_ms) AS max_duration_ms,
          arraySort(groupArray(duration_ms)) AS durations,
          ${detailedUsageSums('used')},
          toUnixTimestamp64Milli(min(start)) AS first_run_ms,
          toUnixTimestamp64Milli(max(start)) AS last_run_ms,
          count() OVER () AS total_flows
        FROM (
          SELECT run_id, flow_id, status, duration_ms, start
          FROM agent_runs
          WHERE tenant = {tenant:String} AND run_id IN (${candidates})
        ) AS run
        LEFT JOIN (
          SELECT run_id, ${detailedUsageSums('activity')}
          FROM agent_run_activity_v1 AS activity
          WHERE tenant = {tenant:String} AND run_id IN (${candidates})
          GROUP BY run_id
        ) AS used ON used.run_id = run.run_id
        WHERE flow_id != '' AND ${within}
        GROUP BY flow_id
      )
      WHERE ${after === undefined ? 'true' : '(last_run_ms, flow_id) < ({after_ms:Int64}, {after_flow:String})'}
      ORDER BY last_run_ms DESC, flow_id DESC
      LIMIT {limit:UInt32}`,
    params: {
      tenant,
      from_ms: span.fromMs,
      to_ms: span.toMs,
      limit,
      ...(after === undefined ? {} : { after_ms: after.lastRunMs, after_flow: after.flowId }),
    },
  });
}
