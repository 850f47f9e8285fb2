import { z } from 'zod';
import type { StoreQuery, StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs } from '../sql/column-types.js';
import {
  eventCondition,
  eventRangeCondition,
  type HistoryFilter,
  type HistorySpan,
  historyCondition,
  rangeCondition,
  spanCondition,
} from './history-filter.js';
import type { HistoryKind } from './history-kind.js';
import { mergedWork } from './merged-work.js';
import { workColumns, workRow } from './work-row.js';

/** What every row of a list has, so that it can be placed there and its lease looked for: a `WorkId` and its place. */
export const placeShape = {
  id: z.string(),
  run: z.string(),
  agent: z.string(),
  /** Mostly its start. */
  place_ms: epochMs,
  ...workRow,
  has_ended: z.union([z.literal(0), z.literal(1)]),
};

const placeRow = z.object(placeShape);

/** A task or run, as far as its place in a list and its lease go. */
export type HistoryPlaceRow = z.output<typeof placeRow>;

/** Reads what some tasks or runs add up to. */
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
 * Those of `ids` that the filter holds for and that lie in the span, in the order of the list. Their place is the
 * latest start that an event tells for which the filter may hold (`eventCondition`): most often all events of a task
 * tell the same. So every task has one place in a list, and is found there by the event that tells it. `columns` are
 * added to those of `placeShape`.
 */
export function latestQuery(
  kind: HistoryKind,
  filter: HistoryFilter,
  among: HistoryAmong & { readonly columns: string },
): StoreQuery {
  const condition = historyCondition(kind, filter);
  const event = eventCondition(kind, filter);
  const eventRange = eventRangeCondition(filter);
  const range = rangeCondition(filter);
  const span = spanCondition(kind, 'place', among);
  const columns = `
        ${among.columns}
        ${kind.idColumn} AS id,
        ${kind.place.run} AS run,
        ${kind.place.agent} AS agent,
        toUnixTimestamp64Milli(place) AS place_ms,
        ${workColumns},
        NOT (${kind.isOpen}) AS has_ended`;
  const conditions = `has_place AND ${condition.where} AND ${range.where} AND ${span.where}`;
  const merged = mergedWork(kind.merged, {
    where: `tenant = {tenant:String} AND ${kind.idColumn} IN {ids:Array(String)}`,
    place: `${event.where} AND ${eventRange.where}`,
    namedIn: `${columns} ${conditions} ${kind.idColumn}`,
  });
  return {
    name: `${kind.kind}_latest`,
    sql: `
      SELECT${columns}
      FROM (${merged})
      WHERE ${conditions}
      ORDER BY place DESC, ${kind.idColumn} DESC, run DESC, agent DESC`,
    params: {
      ...event.params,
      ...eventRange.params,
      ...condition.params,
      ...range.params,
      ...span.params,
      ids: among.ids,
    },
  };
}
