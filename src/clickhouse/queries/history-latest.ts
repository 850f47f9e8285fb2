import { z } from 'zod';
import type { StoreQuery, StoreReader } from '../../core/ports.js';
import { checkedRows } from './checked-rows.js';
import { epochMs, optionalText } from './column-types.js';
import { type HistoryFilter, type HistorySpan, historyCondition, spanCondition } from './history-filter.js';
import type { HistoryKind } from './history-kind.js';

/** What every row of a latest state has, so that it can be placed in a list and its lease looked for; times in ms. */
export const placeShape = {
  place_id: z.string(),
  place_ms: epochMs,
  heard_ms: epochMs,
  lease_agent: z.string(),
  lease_run: optionalText,
  has_ended: z.union([z.literal(0), z.literal(1)]),
};

const placeRow = z.object(placeShape);

/** The latest state of a task or run, as far as its place in a list and its lease go. */
export type HistoryPlaceRow = z.output<typeof placeRow>;

/** Reads the latest states of some tasks or runs. */
export type LatestReader<Row extends HistoryPlaceRow> = (
  store: StoreReader,
  filter: HistoryFilter,
  among: HistoryAmong,
) => Promise<Row[]>;

export interface HistoryAmong extends HistorySpan {
  readonly ids: readonly string[];
}

/** Their places alone. */
export function placesReader(kind: HistoryKind): LatestReader<HistoryPlaceRow> {
  return (store, filter, among) => checkedRows(store, placeRow, latestQuery(kind, filter, { ...among, columns: '' }));
}

/**
 * The latest states of those of `ids` that the filter holds for and that lie in the span, in the order of the list.
 * `columns` are added to those of `placeShape`. The few states of an id are read and the highest version is taken:
 * FINAL is two to six times dearer.
 */
export function latestQuery(
  kind: HistoryKind,
  filter: HistoryFilter,
  among: HistoryAmong & { readonly columns: string },
): StoreQuery {
  const condition = historyCondition(kind, filter);
  const span = spanCondition(kind, among);
  return {
    name: `${kind.kind}_latest`,
    sql: `
      SELECT
        ${among.columns}
        ${kind.idColumn} AS place_id,
        toUnixTimestamp64Milli(start) AS place_ms,
        toUnixTimestamp64Milli(received) AS heard_ms,
        agent_id AS lease_agent,
        ${kind.runIdColumn} AS lease_run,
        NOT (${kind.isOpen}) AS has_ended
      FROM (
        SELECT * FROM ${kind.stateTable}
        WHERE tenant = {tenant:String} AND ${kind.idColumn} IN {ids:Array(String)}
        ORDER BY version DESC, received DESC
        LIMIT 1 BY ${kind.idColumn}
      )
      WHERE ${condition.where} AND ${span.where}
      ORDER BY start DESC, ${kind.idColumn} DESC`,
    params: { ...condition.params, ...span.params, ids: among.ids },
  };
}
