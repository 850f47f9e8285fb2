import { z } from 'zod';
import type { StoreReader } from '../../core/ports/store-reader.js';
import type { AgentKey } from '../queries/agents/agent-known.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { calmSettings, type DayEvents, dayCondition, dayParams, distinctRows, plainRows } from './distinct-events.js';
import type { Rollup, RollupColumn } from './rollup-schema.js';

/** Raw events that occur twice must be sorted out, which costs a sort; `false` when it is known that there are none. */
export interface ComparedEvents extends DayEvents {
  readonly hasDuplicates: boolean;
}

/** The view's query over the distinct raw events. */
export function recomputed(rollup: Rollup, events: ComparedEvents): string {
  const condition = dayCondition(events);
  return rollup.selectFrom(events.hasDuplicates ? distinctRows(condition) : plainRows(condition));
}

const agentRow = z.object({ tenant: z.string(), agent_id: z.string() });

/**
 * Agents whose rollup differs from what its view's query makes of their distinct raw events. Both sides are laid on
 * top of each other and grouped by key; no row leaves the engine but the agents found. Rejects as `StoreReader.rows`.
 */
export async function readDifferingAgents(
  store: StoreReader,
  rollup: Rollup,
  events: ComparedEvents,
): Promise<AgentKey[]> {
  const keys = rollup.keys.join(', ');
  const values = rollup.values.map((column) => `${comparable(column)} AS v_${column.name}`).join(', ');
  const rows = await checkedRows(store, agentRow, {
    name: `difference_of_${rollup.table}`,
    sql: `
      SELECT tenant, agent_id
      FROM (
        SELECT ${keys}, (${rollup.values.map(differs).join(' OR ')}) AS differs${foldedColumns(rollup)}
        FROM (
          SELECT ${keys}, 1 AS side, ${values} FROM (${recomputed(rollup, events)})
          UNION ALL
          SELECT ${keys}, 2 AS side, ${values} FROM ${rollup.table}
          WHERE ${events.agents.sql} AND ${rollup.dayCondition}
        )
        GROUP BY ${keys}
      )
      GROUP BY tenant, agent_id
      HAVING ${isFolding(rollup) ? 'if(max(is_folded), sum(expected) != sum(found), max(differs))' : 'max(differs)'}
      ${calmSettings}`,
    params: dayParams(events),
  });
  return rows.map(({ tenant, agent_id }) => ({ tenant, agentId: agent_id }));
}

/**
 * The groups of errors beyond the hundredth of an insert are counted as one, and a whole day is more than an insert:
 * what the day would fold may be told apart in the rollup. There the number of failures must agree, and the finer one
 * stays.
 */
function isFolding(rollup: Rollup): boolean {
  return rollup.keys.includes('message');
}

function foldedColumns(rollup: Rollup): string {
  if (!isFolding(rollup)) return '';
  return `, sumIf(v_occurrences, side = 1) AS expected, sumIf(v_occurrences, side = 2) AS found,
          message = '<other>' AND expected > 0 AS is_folded`;
}

/** What is compared of a column. */
function comparable({ name, kind }: RollupColumn): string {
  return kind === 'digest' ? digestWeight(name) : name;
}

/**
 * Values a t-digest holds. Its state is the length as a varuint, then Float32 mean and weight of each centroid; the
 * state of groupArray(UInt64) is laid out the same, and read in one pass. Measured: 1,000 days of 1 M events compare in
 * 0.35 s, against 5.2 s with substring() at each centroid and 1.1 s with quantiles.
 */
function digestWeight(column: string): string {
  const centroids = `CAST(CAST(${column}, 'String'), 'AggregateFunction(groupArray, UInt64)')`;
  return `arraySum(c -> reinterpretAsFloat32(toUInt32(bitShiftRight(c, 32))), finalizeAggregation(${centroids}))`;
}

/**
 * Sums of floats depend on the order of adding, so they may differ by 1e-9 of their size. Of a name only its presence
 * counts: two names of one time and one receipt are both the latest.
 */
function differs({ name, kind }: RollupColumn): string {
  const sides = (aggregate: string) => [`${aggregate}If(v_${name}, side = 1)`, `${aggregate}If(v_${name}, side = 2)`];
  const unequal = (aggregate: string) => sides(aggregate).join(' != ');
  const apart = ([expected, found]: readonly string[]) => `abs(${expected} - ${found}) > 1e-9 * abs(${expected})`;
  switch (kind) {
    case 'count':
      return unequal('sum');
    case 'optional_count':
      return sides('sum')
        .map((side) => `ifNull(toInt128(${side}), -1)`)
        .join(' != ');
    case 'sum':
    case 'digest':
      return apart(sides('sum'));
    case 'min':
    case 'max':
      return unequal(kind);
    case 'name':
      return sides('argMaxMerge')
        .map((side) => `(${side} = '')`)
        .join(' != ');
    case 'distinct':
      return unequal('uniqMerge');
  }
}
