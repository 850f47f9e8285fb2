import { z } from 'zod';
import type { StoreQuery, StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { areLists, type ColumnLists, isNumber, isText, listsOf } from '../sql/column-lists.js';
import { fewRows } from '../sql/few-rows.js';
import type { CandidatesSince } from './history-candidates.js';
import type { ContextColumn } from './history-filter.js';
import type { HistoryKind } from './history-kind.js';
import { type MergedWork, mergeEvents } from './merged-events.js';
import { eventsMax } from './merged-rows.js';
import type { WorkEvent } from './work-event.js';

export interface MergedPlacesQuery {
  readonly name: string;
  readonly ids: readonly string[];
  /** Known of events of theirs, one of each: what came before all of those is not read where that is less. */
  readonly since?: CandidatesSince | undefined;
  readonly params: StoreQuery['params'];
  /** Texts that are read beside what orders events. */
  readonly texts: readonly (ContextColumn | 'error_category')[];
  /** Conditions over one event; `hasText`: that its message holds a text, which `mayHold` names `has_text`. */
  readonly mayHold: string;
  readonly hasText: string | null;
}

/** More than this are read on several threads. */
const smallIdsMax = 256;

/**
 * As `readMerged`, of what orders events and tells whether a filter holds: the version tells time, attempt and state,
 * and all of it comes as lists in one row. Receipt, start, end and duration are not read, so what is told by them is
 * not to be asked of the result. Null when two events of one have the same version and differ: their receipt decides.
 *
 * The places of 197 tasks among 215,000 events in seven parts, on a busy machine: 26 ms of the engine's CPU by id,
 * where a row an event with all that orders it took 34. Half of it is to find them, as their granules are everywhere:
 * ids and versions alone take 21 to 24 by id and 12 by start.
 */
export async function readMergedPlaces(
  store: StoreReader,
  kind: HistoryKind,
  { name, ids, since, params, texts: more, mayHold, hasText }: MergedPlacesQuery,
): Promise<MergedWork[] | null> {
  const texts = [kind.idColumn, 'run_id', 'agent_id', ...more.map((column) => `toString(${column})`)];
  const marked = hasText === null ? [] : ["(error_message != '') + has_text"];
  // Mostly the text is all that is asked for.
  const isText = mayHold === 'has_text';
  const numbers = [...placeNumbers, ...marked, ...(isText ? [] : [mayHold])];
  const found = placeSource(kind, ids, since);
  const [lists] = await checkedRows(store, listsRow({ texts: texts.length, numbers: numbers.length }), {
    name,
    sql: `
      ${hasText === null ? '' : `WITH ${hasText} AS has_text`}
      SELECT ${listsOf(texts, eventsMax + 1)} AS texts, ${listsOf(numbers, eventsMax + 1)} AS numbers
      FROM ${found.table}
      PREWHERE ${found.where}
      WHERE tenant = {tenant:String}`,
    params: { ...params, ...found.params, ids },
    settings: { ...fewRows, enable_multiple_prewhere_read_steps: 1 },
    isSmall: ids.length <= smallIdsMax,
  });
  if (lists === undefined) return [];
  const events = lists.texts[0]?.length ?? 0;
  return events > eventsMax
    ? null
    : mergeEvents(kind.kind, eventsOf(lists, events, { kind, more, isMarked: hasText !== null, isText }));
}

/** Of the table by id; for each id it reads so many rows in every part. */
const granuleRows = 512;
/** Reading a version alone takes an eighth of what it takes to look for an id. */
const versionShare = 1 / 8;

/**
 * By start, the candidates lie close together and what overrules them mostly near: there the version is read of every
 * row, and the id where that is high enough.
 */
function placeSource(kind: HistoryKind, ids: readonly string[], since: CandidatesSince | undefined) {
  const byId = `${kind.idColumn} IN {ids:Array(String)}`;
  const isLess = since !== undefined && since.rows + versionShare * since.rowsBefore <= granuleRows * ids.length;
  if (!isLess) return { table: kind.merged.stateTable, where: byId, params: {} };
  const where = `version >= {least_version:UInt64} AND ${byId}`;
  return { table: kind.byStartTable, where, params: { least_version: since.version } };
}

/** A version: bit 62 when it ended, then time, 16 bits of attempt, 4 of state (agent_task_history_mv_v1). */
const placeNumbers = [
  'bitAnd(bitShiftRight(version, 20), 4398046511103)',
  'bitAnd(version, 1048575)',
  'toUnixTimestamp64Milli(start)',
] as const;

const states: readonly WorkEvent['status'][] = ['pending', 'running', 'completed', 'failed', 'cancelled'];

interface Lists {
  readonly texts: ColumnLists<string>;
  readonly numbers: ColumnLists<number>;
}

function listsRow(count: Readonly<Record<'texts' | 'numbers', number>>): z.ZodType<Lists> {
  return z.object({
    texts: z.custom<Lists['texts']>((given) => areLists(given, count.texts, isText), 'expected lists of texts'),
    numbers: z.custom<Lists['numbers']>((given) => areLists(given, count.numbers, isNumber), 'expected numbers'),
  });
}

interface EventLists {
  readonly kind: HistoryKind;
  readonly more: MergedPlacesQuery['texts'];
  readonly isMarked: boolean;
  /** A filter holds where the text is. */
  readonly isText: boolean;
}

function eventsOf({ texts, numbers }: Lists, count: number, { kind, more, isMarked, isText }: EventLists): WorkEvent[] {
  const [ids, runs, agents, ...others] = texts as [string[], string[], string[], ...string[][]];
  const [times, attempts, starts, ...told] = numbers as [number[], number[], number[], ...number[][]];
  const marks = isMarked ? told[0] : undefined;
  const holding = told.at(-1);
  const events: WorkEvent[] = [];
  for (let at = 0; at < count; at++) {
    const attempt = attempts[at]!;
    const mark = marks?.[at] ?? 0;
    const event: Record<string, string | number | null> = {
      task_id: kind.kind === 'task' ? ids[at]! : '',
      run_id: runs[at]!,
      agent_id: agents[at]!,
      status: states[attempt % 16]!,
      attempt: Math.floor(attempt / 16),
      ts_ms: times[at]!,
      received_ms: 0,
      started_ms: null,
      ended_ms: null,
      duration_ms: null,
      start_ms: starts[at]!,
      may_hold: isText ? Math.max(mark - 1, 0) : holding![at]!,
      // That there is a message is all that is asked of it.
      error_message: mark > 0 ? ' ' : '',
      has_text: mark > 1 ? 1 : 0,
    };
    for (const [index, column] of more.entries()) event[column] = others[index]?.[at] ?? '';
    events.push(event as unknown as WorkEvent);
  }
  return events;
}
