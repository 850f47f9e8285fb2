import type { StoreQuery, StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { fewRows } from '../sql/few-rows.js';
import type { HistoryKind } from './history-kind.js';
import { type MergedWork, mergeEvents } from './merged-events.js';
import {
  type EventColumn,
  eventColumnsSql,
  eventSchema,
  placeColumns,
  type StoredColumn,
  timeColumns,
  type WorkEvent,
} from './work-event.js';

export interface MergedRowsQuery {
  readonly name: string;
  /** Which events: a conjunction over the columns of the state table, all events of each that is found. */
  readonly where: string;
  /** A condition that leaves so little that no other column is read before it. */
  readonly prewhere?: string;
  readonly params: StoreQuery['params'];
  /** Beside those that time and order events. */
  readonly columns: readonly StoredColumn[];
  /** Conditions over one event, as columns. */
  readonly conditions?: Readonly<Partial<Record<'may_hold' | 'has_text', string>>>;
  /** In place of the condition `has_text`, which the others are to hold with; its column is among those read. */
  readonly hasText?: (errorMessage: string) => boolean;
  /** Start, end and duration are left out: of a column that is not read the engine unpacks nothing. Default false. */
  readonly isUntimed?: boolean;
}

/** Events that are added up here; more of them are left to the engine. */
export const eventsMax = 20_000;

/**
 * What the events of some tasks or runs add up to (see `mergeEvents`); columns that were not asked for are empty. Null
 * when only the engine can tell, or had better: whoever asks has the same as SQL over `mergedWork`.
 */
export async function readMerged(
  store: StoreReader,
  kind: HistoryKind,
  { name, where, prewhere = '', params, columns, conditions = {}, isUntimed = false, hasText }: MergedRowsQuery,
): Promise<MergedWork[] | null> {
  const own: readonly StoredColumn[] = kind.kind === 'task' ? ['task_id'] : [];
  const stored = [...new Set<StoredColumn>([...own, ...placeColumns, ...columns])];
  const added = Object.entries(conditions);
  const names = [...stored, ...added.map(([column]) => column as EventColumn)];
  const told = added.map(([column, sql]) => `, ${sql} AS ${column}`).join('');
  const columnsSql = eventColumnsSql(stored, isUntimed ? timeColumns : []);
  const source = `${kind.merged.stateTable}${prewhere && ` PREWHERE ${prewhere}`}`;
  const events = await checkedRows(store, eventSchema(names), {
    name,
    sql: `SELECT ${columnsSql}${told} FROM ${source} WHERE ${where} LIMIT {most:UInt32}`,
    params: { ...params, most: eventsMax + 1 },
    settings: fewRows,
  });
  if (events.length > eventsMax) return null;
  if (hasText !== undefined) tellText(events, hasText);
  return mergeEvents(kind.kind, events);
}

function tellText(events: readonly WorkEvent[], hasText: (errorMessage: string) => boolean): void {
  for (const event of events) {
    const message = event.error_message ?? '';
    const told = message !== '' && hasText(message) ? 1 : 0;
    Object.assign(event, { has_text: told, may_hold: Math.min(event.may_hold ?? 1, told) });
  }
}
