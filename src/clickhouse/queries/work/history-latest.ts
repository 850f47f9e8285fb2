import { z } from 'zod';
import type { StoreQuery, StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs } from '../sql/column-types.js';
import type { CandidatesSince } from './history-candidates.js';
import {
  allOf,
  byPosition,
  eventCondition,
  eventRangeCondition,
  filteredColumns,
  type HistoryFilter,
  type HistorySpan,
  hasErrorText,
  historyCondition,
  holdsFor,
  isOpenStatus,
  isWithin,
  rangeCondition,
  spanCondition,
} from './history-filter.js';
import type { HistoryKind } from './history-kind.js';
import type { MergedWork } from './merged-events.js';
import { readMergedPlaces } from './merged-places.js';
import { readMerged } from './merged-rows.js';
import { mergedWork } from './merged-work.js';
import type { StoredColumn } from './work-event.js';
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

interface HistoryAmong extends HistorySpan {
  readonly ids: readonly string[];
  /** Known of the candidates that they are of, where those are the first of the list. */
  readonly since?: CandidatesSince | undefined;
  /** A moment ago the filter held for all of them. */
  readonly didHold?: boolean;
}

/**
 * Their places alone: `start_ms` may be that of the event that tells the latest, and where the filter asks neither for
 * times nor for what is under way, `received_ms` may be 0.
 */
export function placesReader(kind: HistoryKind): LatestReader<HistoryPlaceRow> {
  const read = latestReader(kind, { columns: [], arePlaces: true, sql: { columns: '', row: placeRow } });
  return async (store, filter, among) => {
    const { status, receivedBeforeMs } = filter;
    const isNarrow = !isTimed(filter) && !isOpenStatus(status) && receivedBeforeMs === undefined;
    const found = isNarrow ? await readPlaces(store, kind, filter, among) : null;
    return found ?? (await read(store, filter, among));
  };
}

function isTimed({ startFromMs, startBeforeMs }: HistoryFilter): boolean {
  return startFromMs !== undefined || startBeforeMs !== undefined;
}

export interface LatestColumns<Row> {
  /** What is read of the events, beside what every list needs. */
  readonly columns: readonly StoredColumn[];
  /** How long it took is not told, nor when it began unless the filter asks for that. Default false. */
  readonly arePlaces?: boolean;
  /** The same where the engine adds them up: what is added to `placeShape`, and the schema of all. */
  readonly sql: { readonly columns: string; readonly row: z.ZodType<Row> };
}

/**
 * Reads the events of `ids` and adds them up here, or where that cannot be, has the engine do so: a page of 20 tasks
 * takes 23 to 30 ms of CPU instead of 88, of which it was 55 to understand the statement.
 */
export function latestReader<Row extends HistoryPlaceRow>(
  kind: HistoryKind,
  { columns, sql, arePlaces = false }: LatestColumns<Row>,
): LatestReader<Row> {
  return async (store, filter, among) => {
    const isUntimed = arePlaces && !isTimed(filter);
    const found = await readMergedLatest(store, kind, filter, { ...among, columns, isUntimed });
    // Rows of `sql` have a part of the columns that these have.
    if (found !== null) return found as unknown as Row[];
    return (await checkedRows(store, sql.row, latestQuery(kind, filter, { ...among, columns: sql.columns }))) as Row[];
  };
}

/** As `latestQuery` finds them. */
async function readMergedLatest(
  store: StoreReader,
  kind: HistoryKind,
  filter: HistoryFilter,
  among: HistoryAmong & { readonly columns: readonly StoredColumn[]; readonly isUntimed: boolean },
): Promise<MergedWork[] | null> {
  const { errorCategory, errorText } = filter;
  const sought = among.didHold === true ? errorText : undefined;
  const asked = sought === undefined ? filter : { ...filter, errorText: undefined };
  const { params, mayHold } = holding(kind, asked);
  const merged = await readMerged(store, kind, {
    name: `${kind.kind}_latest`,
    prewhere: `${kind.idColumn} IN {ids:Array(String)}`,
    where: 'tenant = {tenant:String}',
    params: { ...params, ids: among.ids },
    columns: [
      ...among.columns,
      ...filteredColumns(filter),
      ...(errorCategory === undefined ? [] : (['error_category'] as const)),
      ...(errorText === undefined ? [] : (['error_message'] as const)),
    ],
    conditions: { ...(asked.errorText === undefined ? {} : { has_text: hasErrorText }), may_hold: mayHold },
    isUntimed: among.isUntimed,
    ...(sought === undefined ? {} : { hasText: (message) => mayHaveText(message, sought) }),
  });
  return merged && placed(filter, among, merged);
}

/**
 * Whether a message holds the text, where the filter held a moment ago: told here where both are ASCII, of others it is
 * taken that it still does. Asked of the engine it is 2.0 of 14.3 ms of CPU for a page of 20 tasks, most of it to plan
 * the expression.
 */
function mayHaveText(message: string, sought: string): boolean {
  if (beyondAscii.test(message) || beyondAscii.test(sought)) return true;
  return message.toLowerCase().includes(sought.toLowerCase());
}

const beyondAscii = /[\u0080-\uffff]/;

async function readPlaces(
  store: StoreReader,
  kind: HistoryKind,
  filter: HistoryFilter,
  among: HistoryAmong,
): Promise<HistoryPlaceRow[] | null> {
  const { errorCategory, errorText } = filter;
  const merged = await readMergedPlaces(store, kind, {
    name: `${kind.kind}_places`,
    ids: among.ids,
    since: among.since,
    texts: [...filteredColumns(filter), ...(errorCategory === undefined ? [] : (['error_category'] as const))],
    hasText: errorText === undefined ? null : hasErrorText,
    ...holding(kind, filter),
  });
  return merged && (placed(filter, among, merged) as unknown as HistoryPlaceRow[]);
}

/**
 * What an event of the tenant tells for which the filter may hold. The text is sought once: most of what the engine
 * takes to understand the statement is its expression.
 */
function holding(kind: HistoryKind, filter: HistoryFilter): { readonly mayHold: string; params: StoreQuery['params'] } {
  const { tenant, errorText } = filter;
  const { where, params } = allOf(eventCondition(kind, filter, { ofTenant: false }), eventRangeCondition(filter));
  return {
    mayHold: where.replace(hasErrorText, 'has_text'),
    params: { ...params, tenant, ...(errorText === undefined ? {} : { error_text: errorText }) },
  };
}

/** Those that the filter holds for and that lie in the span, in the order of the list. */
function placed(filter: HistoryFilter, among: HistoryAmong, merged: readonly MergedWork[]): MergedWork[] {
  const place = ({ id, run, agent, place_ms: startMs }: MergedWork) => ({ id, run, agent, startMs: startMs ?? 0 });
  return merged
    .filter((work) => work.place_ms !== null && holdsFor(filter, work) && isWithin(among, place(work)))
    .sort((left, right) => byPosition(place(left), place(right)));
}

/**
 * Those of `ids` that the filter holds for and that lie in the span, in the order of the list. Their place is the
 * latest start that an event tells for which the filter may hold (`eventCondition`): most often all events of a task
 * tell the same. So every task has one place in a list, and is found there by the event that tells it. `columns` are
 * added to those of `placeShape`.
 */
function latestQuery(
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
