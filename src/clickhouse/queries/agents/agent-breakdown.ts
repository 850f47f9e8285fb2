import { z } from 'zod';
import { executionTypes, terminalTypes } from '../../../core/event-types.js';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import type { TimeSpan } from '../../../core/time-span.js';
import { dayMs } from '../../../core/time-span.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64, optionalFloat } from '../sql/column-types.js';
import { usageRow, usageSums, workUsageColumns } from '../sql/usage-columns.js';
import type { AgentKey } from './agent-known.js';

export const breakdownGroupings = ['version', 'model', 'provider', 'environment'] as const;
export type BreakdownGrouping = (typeof breakdownGroupings)[number];

/** What an event tells of it, text; empty when it does not. */
const keySql: Readonly<Record<BreakdownGrouping, string>> = {
  version: 'toString(agent_version)',
  model: "toString(if(model = '' AND step_kind = 'llm', name, model))",
  provider: 'toString(provider)',
  environment: 'toString(environment)',
};

const row = z.object({
  place: integer64,
  key: z.string(),
  groups: integer64,
  total: integer64,
  successful: integer64,
  failed: integer64,
  cancelled: integer64,
  duration_count: integer64,
  duration_sum_ms: z.number(),
  duration_min_ms: z.number(),
  duration_max_ms: z.number(),
  percentiles: z.tuple([optionalFloat, optionalFloat, optionalFloat]),
  ...usageRow,
  first_seen_ms: epochMs,
  last_seen_ms: epochMs,
});

/** Executions, and usage of all that ended, of a group. `groups`: how many it stands for. */
export type AgentBreakdownRow = z.output<typeof row>;

export interface AgentBreakdown {
  /** The largest, by executions, then tokens, then key. */
  readonly top: readonly AgentBreakdownRow[];
  /** What is in no top group; null when nothing is. */
  readonly other: AgentBreakdownRow | null;
  /** Null when nothing ended. */
  readonly total: AgentBreakdownRow | null;
}

export interface AgentBreakdownQuery {
  readonly span: TimeSpan;
  readonly groupBy: BreakdownGrouping;
  readonly limit: number;
}

/** How long before the range a start may lie that tells what the end in the range leaves out. */
const startedBeforeMs = dayMs;

const agent = 'tenant = {tenant:String} AND agent_id = {agent_id:String}';
const before = "ts < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')";
const ended = `
  ${agent} AND ts >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND ${before}
  AND type IN (${quotedList(terminalTypes)}) AND conflicting_end = 0`;
const spoken = `
  ${agent} AND ts >= fromUnixTimestamp64Milli({told_from_ms:Int64}, 'UTC') AND ${before} AND type < 'memory.stored'`;

/** A run, a task or an attempt of a step, and what it is part of; 0: of nothing. By 8 bytes, as ids are joined. */
const runItem = 'cityHash64(1, run_id)';
const taskItem = 'cityHash64(2, run_id, task_id)';
const stepItem = 'cityHash64(3, run_id, task_id, step_id, greatest(attempt, 1))';
const itemSql = `multiIf(type < 'task.pending', ${runItem}, type < 'step.started', ${taskItem}, ${stepItem})`;
const parentSql = `multiIf(type < 'step.started', 0, task_id != '', ${taskItem}, run_id != '', ${runItem}, 0)`;

/**
 * What the metrics of an agent count, in groups, from the raw events: place 0 is the total, the place after the limit
 * what is in no top group. The group is told by the end itself, else by another event of the same run, task or step,
 * else, for a step, by those of its task (or run). Only what leaves it out is looked up.
 */
export async function readAgentBreakdown(
  store: StoreReader,
  key: AgentKey,
  { span, groupBy, limit }: AgentBreakdownQuery,
): Promise<AgentBreakdown> {
  const rows = await checkedRows(store, row, {
    name: 'agent_breakdown',
    sql: breakdownSql(keySql[groupBy]),
    params: {
      tenant: key.tenant,
      agent_id: key.agentId,
      from_ms: span.fromMs,
      to_ms: span.toMs,
      told_from_ms: Math.max(0, span.fromMs - startedBeforeMs),
      limit,
    },
  });
  return {
    top: rows.filter(({ place }) => place > 0 && place <= limit),
    other: rows.find(({ place }) => place > limit) ?? null,
    total: rows.find(({ place, groups }) => place === 0 && groups > 0) ?? null,
  };
}

function breakdownSql(told: string): string {
  const looked = `
    SELECT item, argMax(key, ts) AS key
    FROM (SELECT ts, ${told} AS key, ${itemSql} AS item FROM agent_events_raw_v1 WHERE ${spoken} AND key != '')
    WHERE item IN (
      SELECT arrayJoin([${itemSql}, ${parentSql}]) FROM agent_events_raw_v1 WHERE ${ended} AND ${told} = ''
    )
    GROUP BY item`;
  return `
    SELECT
      place, if(count() = 1, any(alike.key), '') AS key, count() AS groups,
      sum(alike.total) AS total, sum(alike.successful) AS successful,
      sum(alike.failed) AS failed, sum(alike.cancelled) AS cancelled,
      sum(alike.duration_count) AS duration_count, sum(alike.duration_sum_ms) AS duration_sum_ms,
      minIf(alike.duration_min_ms, alike.duration_count > 0) AS duration_min_ms,
      maxIf(alike.duration_max_ms, alike.duration_count > 0) AS duration_max_ms,
      quantilesTDigestMerge(0.5, 0.95, 0.99)(alike.duration_digest) AS percentiles,
      ${usageSums('alike')},
      toUnixTimestamp64Milli(min(alike.first_seen)) AS first_seen_ms,
      toUnixTimestamp64Milli(max(alike.last_seen)) AS last_seen_ms
    FROM (
      SELECT
        *, least(row_number() OVER (ORDER BY total DESC, tokens_in + tokens_out DESC, key), {limit:UInt32} + 1) AS place
      FROM (
        SELECT
          key,
          countIf(is_execution) AS total,
          countIf(type = 'task.completed') AS successful,
          countIf(type = 'task.failed') AS failed,
          countIf(type = 'task.cancelled') AS cancelled,
          count(execution_ms) AS duration_count,
          sum(ifNull(execution_ms, 0)) AS duration_sum_ms,
          min(ifNull(execution_ms, inf)) AS duration_min_ms,
          max(ifNull(execution_ms, 0)) AS duration_max_ms,
          quantilesTDigestStateIf(0.5, 0.95, 0.99)(
            assumeNotNull(execution_ms), isNotNull(execution_ms)
          ) AS duration_digest,
          ${usageSums('work')},
          min(ts) AS first_seen, max(ts) AS last_seen
        FROM (
          SELECT
            type, ts, multiIf(ended.key != '', ended.key, own.key != '', own.key, part.key) AS key,
            is_execution, if(is_execution, duration_ms, NULL) AS execution_ms, ${ownUsage}
          FROM (
            SELECT
              type, ts, ${told} AS key, type IN (${quotedList(executionTypes)}) AS is_execution, duration_ms,
              usage_scope = 'own' AS is_own, ${workUsageColumns},
              if(key = '', ${itemSql}, 0) AS item, if(key = '', ${parentSql}, 0) AS parent
            FROM agent_events_raw_v1
            WHERE ${ended}
          ) AS ended
          LEFT ANY JOIN (${looked}) AS own ON ended.item = own.item
          LEFT ANY JOIN (${looked}) AS part ON ended.parent = part.item
        ) AS work
        GROUP BY key
      )
    ) AS alike
    GROUP BY GROUPING SETS ((place), ())
    ORDER BY place`;
}

/** Rolled-up usage counts nothing. */
const ownUsage = Object.keys(usageRow)
  .map((column) => `if(is_own, ended.${column}, ${column === 'cost_micros' ? 'NULL' : '0'}) AS ${column}`)
  .join(', ');

function quotedList(types: readonly string[]): string {
  return types.map((type) => `'${type}'`).join(', ');
}
