import { z } from 'zod';
import type { StoreQuery, StoreReader } from '../../../core/ports/store-reader.js';
import type { TimeSpan } from '../../../core/time-span.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64 } from '../sql/column-types.js';
import { fewRows } from '../sql/few-rows.js';
import { type Candidates, fewNamed, heardRuns, namedMax, oldLoose, type Ways, waysTaken } from './candidate-ways.js';
import type { HeardWork } from './heard-work.js';
import {
  allOf,
  always,
  byPosition,
  eventCondition,
  eventRangeCondition,
  groupsFrom,
  type HistoryCondition,
  type HistoryFilter,
  type HistoryPosition,
  isOpenStatus,
  isToldByLast,
  narrowedByOutcome,
  spanCondition,
} from './history-filter.js';
import type { HistoryKind } from './history-kind.js';

const row = z.object({
  id: z.string(),
  run: z.string(),
  agent: z.string(),
  start_ms: epochMs,
});

/** The event itself: its version in digits, its part, and how many rows of that part begin before it; the time now. */
const eventRow = row.extend({ version: z.string(), part: integer64, row_number: integer64, now_ms: epochMs });

const runRow = z.object({ run: z.string() });

/** The place of an event that the filter holds for; with the others of its task or run it may not hold. */
type HistoryCandidateRow = z.output<typeof row>;

export interface HistoryCandidates {
  /** Only those after this place in the order of the list. */
  readonly after?: HistoryPosition | undefined;
  /** Only what is open and whose lease may have been renewed. */
  readonly heard?: HeardLately | undefined;
  /**
   * Only what was not received then: the insert of that is under way, and what is found here would not be found by its
   * id. So beside ingest a page was sought round after round among what no other table had yet, and was empty at times.
   */
  readonly inserting?: TimeSpan | null | undefined;
  readonly limit: number;
}

/** What renewed leases since a time. */
export interface HeardLately {
  /** Received at or after, ms since the epoch. */
  readonly sinceMs: number;
  /**
   * Undefined: it is not known whether that is little. Else it is known to be much, and whether one page held all that
   * began since; where it did, the next one is expected to do so too.
   */
  readonly crowd: { readonly isOnePage: boolean } | undefined;
  /** Asked for at most once. */
  read(): Promise<HeardWork>;
}

export interface CandidatePage {
  /** In the order of the list, at most as many as the limit. */
  readonly rows: readonly HistoryCandidateRow[];
  /** There are no more. */
  readonly isLast: boolean;
  /** Where much was heard of: whether one page held all that began lately. */
  readonly isCrowdOnePage?: boolean | undefined;
  /** Of the first page of those whose last event tells all (`isToldByLast`). */
  readonly since?: CandidatesSince | undefined;
}

/** What overrules one of some candidates is an event of at least this version. */
export interface CandidatesSince {
  readonly version: string;
  /**
   * About so many rows of their table begin with the last of them or later, and before it: of parts that have none of
   * them nothing is known, and as many are taken to have begun in a time since the first as in one before.
   */
  readonly rows: number;
  readonly rowsBefore: number;
}

/**
 * Events the filter holds for, in the order of the list, one of those that tell the same start of the same. The engine
 * reads in the order of the table's key, which has no agent, and stops with the last. Of a group of one start, id and
 * run (tasks of several agents without a run) it reads some, from before the place as well: they are put in order here,
 * and the others are found by the id that they share. Where all that was read lies before the place, it is read again
 * with the agent in the order, by which the engine then sorts: 9.4 ms of CPU for 32 rows after a place among 220,000
 * events, 6 without.
 */
export async function readHistoryCandidates(
  store: StoreReader,
  kind: HistoryKind,
  filter: HistoryFilter,
  page: HistoryCandidates,
): Promise<CandidatePage> {
  const { heard, after } = page;
  const areEnds = heard === undefined && after === undefined && isToldByLast(filter);
  if (areEnds) return await readEnds(store, kind, filter, page);
  if (heard === undefined) return await readPage(store, kind, filter, { ...page, ways: null });
  const named = heard.crowd === undefined ? fewNamed(kind, await heard.read()) : null;
  if (named?.length === 0) return { rows: [], isLast: true };
  if (named !== null) return await readPage(store, kind, filter, { ...page, ways: { named } });
  return await readCrowd(store, kind, filter, { ...page, heard });
}

async function readEnds(
  store: StoreReader,
  kind: HistoryKind,
  filter: HistoryFilter,
  { limit, inserting }: HistoryCandidates,
): Promise<CandidatePage> {
  const asked = { limit, inserting, ways: null, byAgent: false, areEvents: true };
  const found = await checkedRows(store, eventRow, candidatesQuery(kind, filter, asked));
  return { rows: distinctPlaces(afterPlace(found, undefined)), isLast: found.length < limit, since: sinceOf(found) };
}

/** Undefined where they are too few to tell how close they lie together. */
function sinceOf(events: readonly z.output<typeof eventRow>[]): CandidatesSince | undefined {
  const [first, last] = [events[0], events.at(-1)];
  if (first === undefined || last === undefined || first.start_ms <= last.start_ms) return undefined;
  const parts = new Map<number, { least: number; most: number }>();
  for (const { part, row_number: at } of events) {
    const known = parts.get(part);
    parts.set(part, { least: Math.min(known?.least ?? at, at), most: Math.max(known?.most ?? at, at) });
  }
  const spans = [...parts.values()];
  const among = spans.reduce((sum, { least, most }) => sum + most - least, 0);
  const later = Math.max(0, first.now_ms - first.start_ms) / (first.start_ms - last.start_ms);
  const versions = events.map(({ version }) => BigInt(version)).sort((one, other) => (one < other ? -1 : 1));
  return {
    version: String(versions[0]),
    rows: among * (1 + later),
    rowsBefore: spans.reduce((sum, { least }) => sum + least, 0),
  };
}

/**
 * The same where much was heard of. What was told of lately is found by its receipt. Of what was told before, which may
 * be of any age, only what begins after the last of the others can come before it in the list; it is found by its run
 * (of those that were heard of, the ones that have such a start), its agent or itself. Mostly there is none: then it is
 * not looked for. Where no start bounds that search, as far as is known, it is done beside the first one.
 */
async function readCrowd(
  store: StoreReader,
  kind: HistoryKind,
  filter: HistoryFilter,
  page: HistoryCandidates & { readonly heard: HeardLately },
): Promise<CandidatePage> {
  const { heard, limit } = page;
  const runsFrom = (fromMs: number) => readHeardRuns(store, kind, filter, { ...page, fromMs });
  const [young, { loose, ...work }, ofAnyStart] = await Promise.all([
    readYoung(store, kind, filter, page),
    heard.read(),
    heard.crowd?.isOnePage ? runsFrom(0) : undefined,
  ]);
  const fromMs = young.isLast ? 0 : (young.rows.at(-1)?.start_ms ?? 0);
  const runs = work.runs ?? (ofAnyStart === undefined ? await runsFrom(fromMs) : ofAnyStart);
  const hasOld = runs === null || runs.size > 0 || oldLoose(kind, loose).length > 0;
  const told = { isCrowdOnePage: young.isLast };
  if (!hasOld) return { ...young, ...told };
  const ways = { before: { sinceMs: heard.sinceMs, runs, loose, fromMs } };
  return { ...joined(young, await readPage(store, kind, filter, { ...page, ways }), limit), ...told };
}

/** What was told lately: where few starts were, they need not be held against all ends that were. */
async function readYoung(
  store: StoreReader,
  kind: HistoryKind,
  filter: HistoryFilter,
  page: HistoryCandidates & { readonly heard: HeardLately },
): Promise<CandidatePage> {
  const read = (withEnds: boolean) =>
    readPage(store, kind, filter, { ...page, ways: { latelyMs: page.heard.sinceMs, withEnds } });
  const starts = await read(false);
  return starts.isLast ? starts : await read(true);
}

/** What two pages of one list have, as far as both tell. */
function joined(left: CandidatePage, right: CandidatePage, limit: number): CandidatePage {
  const isTold = (row: HistoryCandidateRow, { rows, isLast }: CandidatePage) =>
    isLast || rows.length === 0 || byPosition(positionOf(row), positionOf(rows.at(-1) ?? row)) <= 0;
  const all = [...left.rows, ...right.rows].sort((one, other) => byPosition(positionOf(one), positionOf(other)));
  const distinct = distinctPlaces(all);
  const rows = distinct.filter((row) => isTold(row, left) && isTold(row, right)).slice(0, limit);
  return { rows, isLast: left.isLast && right.isLast && rows.length === distinct.length };
}

/** One of those that are of one place, of rows in the order of the list. */
function distinctPlaces<Row extends HistoryCandidateRow>(rows: readonly Row[]): Row[] {
  return rows.filter((row, at) => at === 0 || byPosition(positionOf(rows[at - 1] ?? row), positionOf(row)) !== 0);
}

type PageAsked = Pick<CandidatesAsked, 'after' | 'inserting' | 'limit' | 'ways'>;

async function readPage(
  store: StoreReader,
  kind: HistoryKind,
  filter: HistoryFilter,
  page: PageAsked,
): Promise<CandidatePage> {
  const found = await checkedRows(store, row, candidatesQuery(kind, filter, { ...page, byAgent: false }));
  const isLast = found.length < page.limit;
  const rows = afterPlace(found, page.after);
  if (rows.length > 0 || isLast) return { rows, isLast };
  const exact = await checkedRows(store, row, candidatesQuery(kind, filter, { ...page, byAgent: true }));
  return { rows: exact, isLast: exact.length < page.limit };
}

/** In the order of the list. */
function afterPlace(found: readonly HistoryCandidateRow[], after: HistoryPosition | undefined): HistoryCandidateRow[] {
  const rows = found.filter((row) => after === undefined || byPosition(after, positionOf(row)) < 0);
  // Only what has no run is told apart by its agent, and only such may be out of order.
  if (rows.some(({ agent }) => agent !== '')) {
    rows.sort((left, right) => byPosition(positionOf(left), positionOf(right)));
  }
  return rows;
}

function positionOf({ id, run, agent, start_ms: startMs }: HistoryCandidateRow): HistoryPosition {
  return { id, run, agent, startMs };
}

interface CandidatesAsked extends Pick<HistoryCandidates, 'after' | 'inserting'> {
  readonly limit: number;
  /** Null: all there are. */
  readonly ways: Ways | null;
  /** The order and the place after which they are go down to the agent; else to the run, the place included. */
  readonly byAgent: boolean;
  /** All events, not one of those that tell the same start, with what `eventRow` has beside a place. Default false. */
  readonly areEvents?: boolean;
}

/**
 * Where what has not ended is sought, a start beside which an end tells the same is left out on the way: what is open
 * has no end at all, so none of it is missed, and of 100 tasks that began 99 need not be looked up. `PREWHERE` is
 * written out: with `WHERE` the engine (26.7) puts a filter of its own for the order there instead, and reads every
 * other column of all rows: 20 ms of CPU for an agent nobody has among 2,000,000 tasks, 103 without it; 21 and 98 ms
 * for a text no error has.
 */
function candidatesQuery(
  kind: HistoryKind,
  filter: HistoryFilter,
  { after, inserting, limit, ways, byAgent, areEvents = false }: CandidatesAsked,
): StoreQuery {
  const { where, params } = placed(kind, filter, { after, inserting, byAgent });
  const narrowed = narrowedByOutcome(kind, filter);
  const { run, agent } = kind.place;
  const order = `start DESC, ${kind.idColumn} DESC, ${run} DESC${byAgent ? `, ${agent} DESC` : ''}`;
  const events: Candidates['events'] = (columns, { last = '', of } = {}) => `
      SELECT
        ${kind.idColumn} AS id,
        ${run} AS run,
        ${agent} AS agent,
        toUnixTimestamp64Milli(start) AS start_ms${columns}
      FROM ${kind.byStartTable}
      PREWHERE ${where}${of === undefined ? '' : ` AND ${of}`}
      ${narrowed === null ? '' : `WHERE ${narrowed.where}`}
      ORDER BY ${order}${last}
      ${areEvents ? '' : `LIMIT 1 BY start, ${kind.idColumn}, ${run}, ${agent}`}`;
  // An end has a higher version than every start.
  const open = (of?: string) => `
    SELECT id, run, agent, start_ms FROM (${events(', status', { last: ', version DESC', ...(of ? { of } : {}) })})
    WHERE ${kind.isOpen}
    LIMIT {limit:UInt32}`;
  const found = waysTaken(kind, { events, open, where }, ways);
  const several = (each: readonly string[]) => `
    SELECT DISTINCT * FROM (${each.join(' UNION ALL ')})
    ORDER BY start_ms DESC, id DESC, run DESC, agent DESC
    LIMIT {limit:UInt32}`;
  const started = found.sql.length === 1 ? (found.sql[0] ?? '') : several(found.sql);
  return {
    name: `${kind.kind}_candidates`,
    sql: isOpenStatus(filter.status) ? started : `${events(areEvents ? eventColumns : '')} LIMIT {limit:UInt32}`,
    params: { ...params, ...narrowed?.params, ...found.params, limit },
    settings: filter.errorText === undefined ? readInOrder : { ...readInOrder, max_block_size: soughtBlockSize },
  };
}

const eventColumns = `,
        toString(version) AS version,
        _part_index AS part,
        _part_offset AS row_number,
        toUnixTimestamp64Milli(now64(3)) AS now_ms`;

/** What every candidate's event tells, and that it is not before the place. */
function placed(
  kind: HistoryKind,
  filter: HistoryFilter,
  { after, inserting, byAgent }: Pick<CandidatesAsked, 'after' | 'inserting' | 'byAgent'>,
): HistoryCondition {
  return allOf(
    eventCondition(kind, filter, { withEnds: true }),
    eventRangeCondition(filter),
    byAgent ? spanCondition(kind, 'start', { after }) : groupsFrom(kind, after),
    silentCondition(filter),
    settledCondition(inserting ?? null),
  );
}

/** Null: more than a few, which the statement that looks for what they have finds itself. */
async function readHeardRuns(
  store: StoreReader,
  kind: HistoryKind,
  filter: HistoryFilter,
  { heard, fromMs, after, inserting }: HistoryCandidates & { readonly heard: HeardLately; readonly fromMs: number },
): Promise<ReadonlySet<string> | null> {
  const { where, params } = placed(kind, filter, { after, inserting, byAgent: false });
  const rows = await checkedRows(store, runRow, {
    name: `${kind.kind}_heard_runs`,
    sql: `SELECT run_id AS run FROM (${heardRuns(kind, where)}) LIMIT {most:UInt32}`,
    params: { ...params, heard_since_ms: heard.sinceMs, from_ms: fromMs, most: namedMax + 1 },
    settings: { use_index_for_in_with_subqueries: 0 },
  });
  return rows.length > namedMax ? null : new Set(rows.map(({ run }) => run));
}

/**
 * A list stops after a few rows: by default the engine reads a whole task of rows of each part before it looks at the
 * first, and sorts by blocks of 65,000. 32 rows of 220,000 in 12.3 ms of CPU so, 9.4 with these; 1,280 in 14 and 9.
 */
const readInOrder = { ...fewRows, max_block_size: 2_048, read_in_order_use_buffering: 0 } as const;

/** Few rows have a text: then smaller blocks are only more of them. */
const soughtBlockSize = 8_192;

/** What is orphaned has no event that was received later: what began and ended since then is not looked at. */
function silentCondition({ receivedBeforeMs }: HistoryFilter): HistoryCondition {
  if (receivedBeforeMs === undefined) return always;
  return {
    where: `received < fromUnixTimestamp64Milli({silent_before_ms:Int64}, 'UTC')`,
    params: { silent_before_ms: receivedBeforeMs },
  };
}

/** Parts that have nothing else are left out by the least and greatest time of receipt that each tells. */
function settledCondition(inserting: TimeSpan | null): HistoryCondition {
  if (inserting === null) return always;
  const at = (parameter: string) => `fromUnixTimestamp64Milli({${parameter}:Int64}, 'UTC')`;
  return {
    where: `(received < ${at('inserting_from_ms')} OR received >= ${at('inserting_to_ms')})`,
    params: { inserting_from_ms: inserting.fromMs, inserting_to_ms: inserting.toMs },
  };
}
