import { z } from 'zod';
import type { StoreQuery, StoreReader } from '../../../core/ports/store-reader.js';
import { quoteString } from '../../sql-text.js';
import { checkedRows } from '../sql/checked-rows.js';
import { fewRows } from '../sql/few-rows.js';
import { workTypes } from './attempt-row.js';
import { eventColumnsSql, type StoredColumn, saidColumns, saidMaps } from './work-event.js';
import type { WorkScope } from './work-scope.js';

export const plainRow = z.object({
  ...saidColumns,
  type: z.enum(workTypes),
  step_id: z.string(),
  step_kind: z.string(),
  /** Hex digits without leading zeros but in pairs. */
  args_hash_hex: z.string(),
});

export const wholeRow = plainRow.extend(saidMaps);
const loggedRow = wholeRow.extend({
  type: z.enum([...workTypes, 'log']),
  event_id: z.string(),
  level: z.string(),
  message: z.string(),
});

/** A raw event of a run, a task or a step. */
export type AttemptEvent = z.output<typeof plainRow> & Partial<z.output<typeof wholeRow>>;

/** Of a log line level, message and id tell too; of the others they are of no account. */
export type LoggedEvent = z.output<typeof loggedRow>;

/** Events of a scope that are added up here; a run of 200 steps has some 420. */
export const attemptEventsMax = 1_000;

export const workTypesSql = workTypes.map((type) => quoteString(type)).join(', ');

/** The events of a scope, in no order. */
export function readAttemptEvents(
  store: StoreReader,
  scope: WorkScope,
  { contexts, limit }: { readonly contexts: boolean; readonly limit: number },
): Promise<AttemptEvent[]> {
  const said = [...Object.keys(saidColumns), ...(contexts ? Object.keys(saidMaps) : [])];
  const schema: z.ZodType<AttemptEvent> = contexts ? wholeRow : plainRow;
  return checkedRows(store, schema, eventsQuery(scope, { name: 'attempt_events', said, types: workTypesSql, limit }));
}

/** The same and the log lines, with all that they tell. */
export function readLoggedEvents(store: StoreReader, scope: WorkScope, limit: number): Promise<LoggedEvent[]> {
  const said = Object.keys({ ...saidColumns, ...saidMaps, event_id: 1, level: 1, message: 1 });
  const query = { name: 'logged_events', said, types: `${workTypesSql}, 'log'`, limit };
  return checkedRows(store, loggedRow, eventsQuery(scope, query));
}

interface EventsQuery {
  readonly name: string;
  readonly said: readonly string[];
  readonly types: string;
  readonly limit: number;
}

function eventsQuery({ where, params }: WorkScope, { name, said, types: ofTypes, limit }: EventsQuery): StoreQuery {
  return {
    name,
    sql: `
      SELECT type, step_id, step_kind, hex(args_hash) AS args_hash_hex, ${eventColumnsSql(said as StoredColumn[])}
      FROM agent_events_raw_v1
      WHERE ${where} AND type IN (${ofTypes})
      LIMIT {events_max:UInt32}`,
    params: { ...params, events_max: limit },
    settings: fewRows,
  };
}
