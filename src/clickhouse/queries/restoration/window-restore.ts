import { z } from 'zod';
import { CollectorError } from '../../../core/errors.js';
import { type ErrorCategory, errorCategories } from '../../../core/event-types.js';
import type { StoreQuery, StoreReader } from '../../../core/ports/store-reader.js';
import { dayMs, hourMs, minuteMs } from '../../../core/time-span.js';
import type { WindowRestoreRow } from '../../../core/window-restore.js';
import { checkedRows } from '../sql/checked-rows.js';
import { integer64 } from '../sql/column-types.js';
import { parseDigestState } from '../sql/digest-state.js';
import { usageRow, usageSums } from '../sql/usage-columns.js';

export interface WindowRestoreRange {
  /**
   * Only events received before this time are read, ms since the epoch: what was received from then on is in the
   * live windows already. The minute rollup knows the first and the last receipt of each minute, so a minute
   * received wholly before comes from its digest state, one received wholly after is left out, and one in which both
   * met (late events, or a restore long after the start) is counted again from its raw rows.
   */
  readonly receivedBeforeMs: number;
  readonly nowMs: number;
  /** Agents at most, the most recently active first. */
  readonly agentsMax: number;
}

export interface WindowRestoreListener {
  readonly onErrorsSkipped?: () => void;
  readonly onAgents?: (done: number, total: number) => void;
}

/** Older than the last hour, minutes are grouped to the width of the 24h window's slices. */
const spanMs = 600_000;

/**
 * Bounds of one page. Checking a row takes as long as reading 20 centroids; a page of this cost holds the event loop
 * for 3 to 7 ms (measured: 200 rows of 150 centroids), and a page has at least one agent.
 */
const pageAgentsMax = 100;
const pageCostMax = 50_000;
const rowCost = 20;

/**
 * Reads what the live windows held of the last 24 hours, in pages of whole agents. Each page is three queries:
 * rollup, raw rows of split minutes, error categories. Where counting categories takes longer than a read may, they
 * are left out from there on (`onErrorsSkipped` is called once) and everything else is still exact. `onAgents` hears
 * how many agents of how many were read. Rejects as `StoreReader.rows`.
 */
export async function* readWindowRestore(
  store: StoreReader,
  range: WindowRestoreRange,
  { onErrorsSkipped, onAgents }: WindowRestoreListener = {},
): AsyncGenerator<WindowRestoreRow[]> {
  let withErrors = true;
  const agents = await readAgents(store, range);
  let done = 0;
  for (const page of pagesOf(agents)) {
    onAgents?.(done, agents.length);
    done += page.length;
    const rows = [...(await readRollup(store, range, page)), ...(await readSplitMinutes(store, range, page))];
    if (withErrors) {
      try {
        rows.push(...(await readErrors(store, range, page)));
      } catch (error) {
        if (!(error instanceof CollectorError) || error.code !== 'query_timeout') throw error;
        withErrors = false;
        onErrorsSkipped?.();
      }
    }
    yield rows.sort((a, b) => a.startMs - b.startMs);
  }
}

const agentRow = z.object({ tenant: z.string(), agent_id: z.string(), minutes: integer64, duration_count: integer64 });
type AgentRow = z.output<typeof agentRow>;

function readAgents(store: StoreReader, range: WindowRestoreRange): Promise<AgentRow[]> {
  return checkedRows(store, agentRow, {
    name: 'window_restore_agents',
    sql: `
      SELECT tenant, agent_id, count() AS minutes, sum(bucket.duration_count) AS duration_count
      FROM agent_performance_per_minute_v1 AS bucket
      WHERE minute >= toDateTime({from_s:UInt32}, 'UTC')
      GROUP BY tenant, agent_id
      HAVING min(first_received) < fromUnixTimestamp64Milli({received_before_ms:Int64}, 'UTC')
      ORDER BY max(minute) DESC, tenant, agent_id
      LIMIT {agents_max:UInt32}`,
    params: { ...timeParams(range), agents_max: range.agentsMax },
  });
}

/** Agents grouped so that a page is bounded; a span has about 300 centroids at most. */
function pagesOf(agents: readonly AgentRow[]): AgentRow[][] {
  const spansMax = hourMs / minuteMs + dayMs / spanMs;
  const pages: AgentRow[][] = [];
  let page: AgentRow[] = [];
  let pageCost = 0;
  for (const agent of agents) {
    const cost = rowCost * Math.min(agent.minutes, spansMax) + Math.min(agent.duration_count, 300 * spansMax);
    if (page.length > 0 && (page.length === pageAgentsMax || pageCost + cost > pageCostMax)) {
      pages.push(page);
      page = [];
      pageCost = 0;
    }
    page.push(agent);
    pageCost += cost;
  }
  return page.length > 0 ? [...pages, page] : pages;
}

const spanRow = z.object({
  tenant: z.string(),
  agent_id: z.string(),
  start_s: z.number(),
  successful: integer64,
  failed: integer64,
  cancelled: integer64,
  duration_sum_ms: z.number(),
  duration_min_ms: z.number(),
  duration_max_ms: z.number(),
  duration_digest: z.string(),
  ...usageRow,
  confidence_sum: z.number(),
  confidence_count: integer64,
  memory_mb_max: z.number(),
});

const onlyPage = `(tenant, agent_id) IN (
          SELECT pair.1, pair.2
          FROM (SELECT arrayJoin(arrayZip({tenants:Array(String)}, {agent_ids:Array(String)})) AS pair)
        )`;

/** A minute of the last hour is its own span, older ones share one. */
function spanOf(minute: string): string {
  return `if(${minute} >= toDateTime({fine_from_s:UInt32}, 'UTC'),
          toUnixTimestamp(${minute}), intDiv(toUnixTimestamp(${minute}), ${spanMs / 1000}) * ${spanMs / 1000})`;
}

/** Of rows that the query calls `bucket`: parts of a minute, then whole minutes. */
const minuteSums = `
        sum(bucket.successful) AS successful, sum(bucket.failed) AS failed, sum(bucket.cancelled) AS cancelled,
        sum(bucket.duration_sum_ms) AS duration_sum_ms, max(bucket.duration_max_ms) AS duration_max_ms,
        ${usageSums('bucket')},
        sum(bucket.confidence_sum) AS confidence_sum, sum(bucket.confidence_count) AS confidence_count,
        max(bucket.memory_mb_max) AS memory_mb_max`;

function readRollup(store: StoreReader, range: WindowRestoreRange, page: AgentRow[]): Promise<WindowRestoreRow[]> {
  return readSpans(store, range, {
    name: 'window_restore_rollup',
    sql: `
      SELECT
        tenant, agent_id, ${spanOf('minute')} AS start_s,
        ${minuteSums},
        if(sum(bucket.duration_count) = 0, 0, min(bucket.duration_min_ms)) AS duration_min_ms,
        hex(quantilesTDigestMergeState(0.5, 0.95, 0.99)(bucket.duration_digest)) AS duration_digest
      FROM (
        SELECT
          tenant, agent_id, minute,
          ${minuteSums},
          sum(bucket.duration_count) AS duration_count, min(bucket.duration_min_ms) AS duration_min_ms,
          quantilesTDigestMergeState(0.5, 0.95, 0.99)(bucket.duration_digest) AS duration_digest
        FROM agent_performance_per_minute_v1 AS bucket
        WHERE minute >= toDateTime({from_s:UInt32}, 'UTC') AND ${onlyPage}
        GROUP BY tenant, agent_id, minute
        HAVING max(last_received) < fromUnixTimestamp64Milli({received_before_ms:Int64}, 'UTC')
      ) AS bucket
      GROUP BY tenant, agent_id, start_s`,
    params: pageParams(range, page),
  });
}

/** The events received in time of minutes that also have later ones, by the definitions of the rollup's view. */
function readSplitMinutes(
  store: StoreReader,
  range: WindowRestoreRange,
  page: AgentRow[],
): Promise<WindowRestoreRow[]> {
  const receivedBefore = `fromUnixTimestamp64Milli({received_before_ms:Int64}, 'UTC')`;
  return readSpans(store, range, {
    name: 'window_restore_split_minutes',
    sql: `
      SELECT
        tenant, agent_id, ${spanOf('minute')} AS start_s,
        countIf(type = 'task.completed') AS successful, countIf(type = 'task.failed') AS failed,
        countIf(type = 'task.cancelled') AS cancelled,
        sum(ifNull(execution_ms, 0)) AS duration_sum_ms,
        ifNull(min(execution_ms), 0) AS duration_min_ms,
        ifNull(max(execution_ms), 0) AS duration_max_ms,
        hex(quantilesTDigestStateIf(0.5, 0.95, 0.99)(assumeNotNull(execution_ms), isNotNull(execution_ms)))
          AS duration_digest,
        sumIf(r.llm_calls, usage_scope = 'own') AS llm_calls, sumIf(r.tokens_in, usage_scope = 'own') AS tokens_in,
        sumIf(r.tokens_out, usage_scope = 'own') AS tokens_out,
        sumIf(r.cost_micros, usage_scope = 'own') AS cost_micros,
        sumIf(r.tokens_in + r.tokens_out, usage_scope = 'own' AND isNull(r.cost_micros)) AS tokens_unpriced,
        sum(ifNull(execution_confidence, 0)) AS confidence_sum, count(execution_confidence) AS confidence_count,
        max(ifNull(execution_memory_mb, 0)) AS memory_mb_max
      FROM (
        SELECT
          tenant, agent_id, type, usage_scope, llm_calls, tokens_in, tokens_out, cost_micros,
          toStartOfMinute(ts) AS minute, ${isExecution} AS is_execution,
          if(is_execution, duration_ms, NULL) AS execution_ms,
          if(is_execution, confidence, NULL) AS execution_confidence,
          if(is_execution, memory_mb, NULL) AS execution_memory_mb
        FROM agent_events_raw_v1
        WHERE ts >= toDateTime({from_s:UInt32}, 'UTC') AND received < ${receivedBefore} AND ${onlyPage}
          AND conflicting_end = 0
          AND type IN (
            'run.completed', 'run.failed', 'run.cancelled', 'task.completed', 'task.failed', 'task.cancelled',
            'step.completed', 'step.failed'
          )
          AND (tenant, agent_id, toStartOfMinute(ts)) IN (
            SELECT tenant, agent_id, minute
            FROM agent_performance_per_minute_v1
            WHERE minute >= toDateTime({from_s:UInt32}, 'UTC') AND ${onlyPage}
            GROUP BY tenant, agent_id, minute
            HAVING max(last_received) >= ${receivedBefore} AND min(first_received) < ${receivedBefore}
          )
      ) AS r
      GROUP BY tenant, agent_id, start_s`,
    params: pageParams(range, page),
  });
}

const isExecution = `type IN ('task.completed', 'task.failed', 'task.cancelled')`;

async function readSpans(
  store: StoreReader,
  range: WindowRestoreRange,
  query: StoreQuery,
): Promise<WindowRestoreRow[]> {
  const rows = await checkedRows(store, spanRow, query);
  return rows.map((row) => ({
    tenant: row.tenant,
    agentId: row.agent_id,
    ...timesOf(row.start_s, range),
    completed: row.successful,
    failed: row.failed,
    cancelled: row.cancelled,
    durations: parseDigestState(row.duration_digest),
    durationSumMs: row.duration_sum_ms,
    durationMinMs: row.duration_min_ms,
    durationMaxMs: row.duration_max_ms,
    llmCalls: row.llm_calls,
    tokensIn: row.tokens_in,
    tokensOut: row.tokens_out,
    costMicros: row.cost_micros,
    tokensUnpriced: row.tokens_unpriced,
    errors: {},
    confidenceSum: row.confidence_sum,
    confidenceCount: row.confidence_count,
    memoryMbMax: row.memory_mb_max,
  }));
}

const categoryNames = Object.keys(errorCategories).filter((name): name is ErrorCategory => name !== '');

const errorRow = z.object({
  tenant: z.string(),
  agent_id: z.string(),
  start_s: z.number(),
  error_category: z.enum(categoryNames),
  executions: integer64,
});

/** The rollup has no error categories, so they are counted from the raw rows of executions. */
async function readErrors(
  store: StoreReader,
  range: WindowRestoreRange,
  page: AgentRow[],
): Promise<WindowRestoreRow[]> {
  const rows = await checkedRows(store, errorRow, {
    name: 'window_restore_errors',
    sql: `
      SELECT tenant, agent_id, ${spanOf('toStartOfMinute(ts)')} AS start_s, error_category,
        count() AS executions
      FROM agent_events_raw_v1
      WHERE ts >= toDateTime({from_s:UInt32}, 'UTC')
        AND received < fromUnixTimestamp64Milli({received_before_ms:Int64}, 'UTC')
        AND ${isExecution} AND error_category != '' AND ${onlyPage}
      GROUP BY tenant, agent_id, start_s, error_category`,
    params: pageParams(range, page),
  });
  return rows.map((row) => ({
    ...emptyRow,
    tenant: row.tenant,
    agentId: row.agent_id,
    ...timesOf(row.start_s, range),
    errors: { [row.error_category]: row.executions },
  }));
}

const emptyRow = {
  completed: 0,
  failed: 0,
  cancelled: 0,
  durations: new Float64Array(0),
  durationSumMs: 0,
  durationMinMs: 0,
  durationMaxMs: 0,
  llmCalls: 0,
  tokensIn: 0,
  tokensOut: 0,
  costMicros: null,
  tokensUnpriced: 0,
  confidenceSum: 0,
  confidenceCount: 0,
  memoryMbMax: 0,
} as const;

function timesOf(
  startSeconds: number,
  range: WindowRestoreRange,
): { readonly startMs: number; readonly spanMs: number } {
  const startMs = startSeconds * 1000;
  return { startMs, spanMs: startMs >= fineFromMs(range) ? minuteMs : spanMs };
}

/** Minutes from here on are read one by one; a span boundary, so that no span holds both. */
function fineFromMs({ nowMs }: WindowRestoreRange): number {
  return Math.floor((nowMs - hourMs) / spanMs) * spanMs;
}

function timeParams(range: WindowRestoreRange) {
  return {
    from_s: (Math.floor((range.nowMs - dayMs) / spanMs) * spanMs) / 1000,
    received_before_ms: range.receivedBeforeMs,
  };
}

function pageParams(range: WindowRestoreRange, page: readonly AgentRow[]): StoreQuery['params'] {
  return {
    ...timeParams(range),
    fine_from_s: fineFromMs(range) / 1000,
    tenants: page.map((agent) => agent.tenant),
    agent_ids: page.map((agent) => agent.agent_id),
  };
}
