import type { StoreReader } from '../../../core/ports/store-reader.js';
import type { TimeSpan } from '../../../core/time-span.js';
import { checkedRows } from '../sql/checked-rows.js';
import { fewRows } from '../sql/few-rows.js';
import { usageSums, workUsageColumns } from '../sql/usage-columns.js';
import { type FailureFilter, failureCondition, failureTenant } from './failure-filter.js';
import {
  type FailureGroups,
  type FailureGroupsQuery,
  failureGroupRow,
  type GroupedFailures,
} from './failure-group-row.js';
import { groupingSql } from './failure-grouping.js';
import { asSettled, failuresWithOutcome, failureTable, type NewTries, recovered, retried } from './failure-outcomes.js';
import { bytesOfGroups, type GrownAnswer, type GrownGroupsDeps, growGroups, type HeldGroups } from './grown-groups.js';
import { readNewTries } from './new-tries.js';

/**
 * Failed attempts in groups and over time, in one pass: 67 ms of CPU for 87,000 failures of 1,000 agents, of which the
 * series are 2 (and were 47 in a pass of their own); they take 8 bytes a group and bucket. Distinct agents and runs are
 * exact up to some ten thousand, then within 2 percent. Place 0 is the total, the place after the limit is what is in
 * no top group.
 */
export async function readFailureGroups(
  store: StoreReader,
  filter: FailureFilter & TimeSpan,
  asked: FailureGroupsQuery,
): Promise<FailureGroups> {
  const held = await readGrown(store, { filter, asked, since: null });
  const since = held?.since ?? (await readNewTries(store, { tenant: filter.tenant, nextFromMs: filter.toMs }));
  // To join millions takes seconds and more memory than a read may have; the next settlement is a minute away.
  const isBehind = since.isSettled && since.amount === 'many';
  const told = { outcomesMs: isBehind ? since.settledMs : null, nextMs: since.nextMs };
  const grown = held ?? (isBehind ? await readGrown(store, { filter, asked, since }) : null);
  if (grown?.groups) return { ...grown.groups, ...told };
  return { ...(await readStated(store, filter, { ...asked, newTries: isBehind ? asSettled(since) : since })), ...told };
}

/**
 * Of what was read before and what came since; null where nothing is remembered. Without `since` it is for what is held
 * already.
 */
async function readGrown(
  store: StoreReader,
  deps: Omit<GrownGroupsDeps, 'store' | 'bytesMax'>,
): Promise<GrownAnswer | null> {
  const { memory } = store;
  if (!memory) return null;
  const { fromMs: _from, toMs: _to, ...filter } = deps.filter;
  const { groupBy, buckets } = deps.asked;
  return await memory.grown<HeldGroups, GrownAnswer>({
    table: failureTable,
    key: JSON.stringify(['failure groups', filter, groupBy, buckets]),
    onlyHeld: deps.since === null,
    grow: (before, bytesMax) => growGroups({ store, ...deps, bytesMax }, before),
    bytesOf: bytesOfGroups,
  });
}

/** Added up by the engine. */
async function readStated(
  store: StoreReader,
  filter: FailureFilter,
  { groupBy, limit, buckets, newTries }: FailureGroupsQuery & { readonly newTries: NewTries },
): Promise<GroupedFailures> {
  const { failures, tries, params } = failureCondition(filter);
  const { key, where } = groupingSql[groupBy];
  const { firstMs, stepMs, count } = buckets;
  const bucket = `intDiv(toUnixTimestamp64Milli(ts), ${stepMs}) - ${firstMs / stepMs}`;
  // By agent, the groups are the agents.
  const ofAgents =
    groupBy === 'agent'
      ? { column: '', affected: 'groups' }
      : { column: 'uniqState(agent_id) AS agents,', affected: 'uniqMerge(alike.agents)' };
  const rows = await checkedRows(store, failureGroupRow, {
    name: 'failure_groups',
    sql: `
      SELECT
        place, if(count() = 1, any(alike.key), '') AS key, count() AS groups,
        sum(alike.count) AS count, sum(alike.retried) AS retried, sum(alike.recovered) AS recovered,
        ${usageSums('alike')},
        ${ofAgents.affected} AS affected_agents, uniqMerge(alike.runs) AS affected_runs,
        toUnixTimestamp64Milli(min(alike.first_seen)) AS first_seen_ms,
        toUnixTimestamp64Milli(max(alike.last_seen)) AS last_seen_ms,
        sumForEach(alike.series) AS series
      FROM (
        SELECT *, least(row_number() OVER (ORDER BY count DESC, key), {limit:UInt32} + 1) AS place
        FROM (
          SELECT
            key, count() AS count,
            countIf(outcome >= ${retried}) AS retried, countIf(outcome = ${recovered}) AS recovered,
            ${usageSums('failure')},
            ${ofAgents.column} uniqStateIf(run, run != 0) AS runs,
            min(ts) AS first_seen, max(ts) AS last_seen,
            countResample(0, ${count}, 1)(bucket) AS series
          FROM (${failuresWithOutcome({
            columns: `ts, agent_id, run, ${key} AS key, ${bucket} AS bucket, ${workUsageColumns}`,
            tenant: failureTenant,
            failures: `${failures} AND ${where}`,
            tries,
            newTries,
          })}) AS failure
          GROUP BY key
        )
      ) AS alike
      GROUP BY GROUPING SETS ((place), ())
      ORDER BY place`,
    params: { ...params, ...newTries.params, limit },
    settings: fewRows,
  });
  return {
    top: rows.filter(({ place }) => place > 0 && place <= limit),
    other: rows.find(({ place }) => place > limit) ?? null,
    total: rows.find(({ place, count }) => place === 0 && count > 0) ?? null,
    runsSinceMs: new Map(),
  };
}
