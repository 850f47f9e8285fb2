import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs } from '../sql/column-types.js';
import {
  eventCondition,
  eventRangeCondition,
  type HistoryFilter,
  type HistoryPosition,
  isOpenStatus,
  narrowedByOutcome,
  spanCondition,
} from './history-filter.js';
import type { HistoryKind } from './history-kind.js';

const row = z.object({ id: z.string(), run: z.string(), agent: z.string(), start_ms: epochMs });

/** The place of an event that the filter holds for; with the others of its task or run it may not hold. */
export type HistoryCandidateRow = z.output<typeof row>;

export interface HistoryCandidates {
  /** Only those after this place in the order of the list. */
  readonly after?: HistoryPosition | undefined;
  /** Of those that have not ended: only what was heard of since then, ms since the epoch. */
  readonly heardSinceMs?: number | undefined;
  readonly limit: number;
}

/**
 * Events the filter holds for, in the order of the list, one of those that tell the same start of the same. The order
 * is that of the table's key, so that reading stops with the last. Where what has not ended is sought, a start beside
 * which an end tells the same is left out on the way: what is open has no end at all, so none of it is missed, and of
 * 100 tasks that began 99 need not be looked up. `PREWHERE` is written out: with `WHERE` the engine (26.7) puts a
 * filter of its own for the order there instead, and reads every other column of all rows: 20 ms of CPU for an agent
 * nobody has among 2,000,000 tasks, 103 without it; 21 and 98 ms for a text no error has.
 */
export function readHistoryCandidates(
  store: StoreReader,
  kind: HistoryKind,
  filter: HistoryFilter,
  page: HistoryCandidates,
): Promise<HistoryCandidateRow[]> {
  const condition = eventCondition(kind, filter, { withEnds: true });
  const range = eventRangeCondition(filter);
  const span = spanCondition(kind, 'start', { after: page.after });
  const narrowed = narrowedByOutcome(kind, filter);
  const events = (columns: string, last: string, way = '1') => `
      SELECT
        ${kind.idColumn} AS id,
        ${kind.place.run} AS run,
        ${kind.place.agent} AS agent,
        toUnixTimestamp64Milli(start) AS start_ms${columns}
      FROM ${kind.byStartTable}
      PREWHERE ${condition.where} AND ${range.where} AND ${span.where}
      WHERE ${narrowed?.where ?? '1'} AND ${way}
      ORDER BY start DESC, ${kind.idColumn} DESC, ${kind.place.run} DESC, ${kind.place.agent} DESC${last}
      LIMIT 1 BY start, ${kind.idColumn}, ${kind.place.run}, ${kind.place.agent}`;
  // An end has a higher version than every start.
  const open = (way?: string) => `
    SELECT id, run, agent, start_ms FROM (${events(', status', ', version DESC', way)})
    WHERE ${kind.isOpen}
    LIMIT {limit:UInt32}`;
  const heard = () => `
    SELECT DISTINCT id, run, agent, start_ms FROM (${waysHeard(kind).map(open).join(' UNION ALL ')})
    ORDER BY start_ms DESC, id DESC, run DESC, agent DESC
    LIMIT {limit:UInt32}`;
  const started = page.heardSinceMs === undefined ? open : heard;
  return checkedRows(store, row, {
    name: `${kind.kind}_candidates`,
    sql: isOpenStatus(filter.status) ? started() : `${events('', '')} LIMIT {limit:UInt32}`,
    params: {
      ...condition.params,
      ...range.params,
      ...span.params,
      ...narrowed?.params,
      limit: page.limit,
      ...(page.heardSinceMs === undefined ? {} : { heard_since_ms: page.heardSinceMs }),
    },
  });
}

/**
 * What renews a lease (src/api/work/lease.ts), for all of a tenant at once: dearer than for some ids. Runs are told by
 * their activity, so that raw events are searched for heartbeats and for events without a run alone. Each is a read of
 * its own, by the parts, the Bloom filter or a set that is most often empty: with OR between them all 200,000 tasks
 * were looked through, 150 ms of CPU instead of 69.
 */
function waysHeard({ kind, idColumn }: HistoryKind): readonly string[] {
  const since = `fromUnixTimestamp64Milli({heard_since_ms:Int64}, 'UTC')`;
  const spoken = `FROM agent_events_raw_v1 WHERE tenant = {tenant:String} AND received >= ${since} AND run_id = ''`;
  const runs = `
    SELECT run_id FROM agent_run_activity_v1 WHERE tenant = {tenant:String} AND last_received >= ${since}`;
  const ways = [
    `received >= ${since}`,
    `run_id IN (${runs})`,
    `agent_id IN (SELECT agent_id ${spoken} AND type = 'heartbeat' AND task_id = '')`,
  ];
  return kind === 'task' ? [...ways, `${idColumn} IN (SELECT ${idColumn} ${spoken} AND task_id != '')`] : ways;
}
