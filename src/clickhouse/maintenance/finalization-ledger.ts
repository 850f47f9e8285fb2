import { z } from 'zod';
import type { FinalizationReport, FinalizationScope } from '../../core/ports/day-finalizer.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { dayMs } from '../../core/time-span.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { epochMs, integer64 } from '../queries/sql/column-types.js';
import type { StoreWriter } from '../store-writer.js';

/** Days that may be due: from the first to before the last, ms since the epoch. */
export interface DaySpan {
  readonly fromMs: number;
  readonly untilMs: number;
}

const dayRow = z.object({ day_ms: epochMs, events: integer64, newest_ms: epochMs });
const doneRow = z.object({ day_ms: epochMs, events: integer64, received_before_ms: epochMs });
const oldestRow = z.object({ oldest_ms: epochMs });

/**
 * Days to be finalized, newest first. A day is due when it never was finalized as a whole, when an event of it was
 * received since, or when its rollup does not hold as many events as it did then: events that waited in a spool
 * were received before, and a repair that was cut short leaves agents out. Days before the first raw event are not.
 */
export async function readDueDays(store: StoreReader, span: DaySpan): Promise<number[]> {
  const params = { from_ms: span.fromMs, until_ms: span.untilMs };
  const isWithin = `day >= toDate(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
        AND day < toDate(fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC'))`;
  const [rollup, ledger, raw] = await Promise.all([
    checkedRows(store, dayRow, {
      name: 'days_recorded',
      sql: `
        SELECT toUnixTimestamp(day) * 1000 AS day_ms, sum(rollup.events) AS events,
          toUnixTimestamp64Milli(max(last_received)) AS newest_ms
        FROM agent_performance_per_day_v1 AS rollup
        WHERE ${isWithin}
        GROUP BY day`,
      params,
    }),
    checkedRows(store, doneRow, {
      name: 'days_finalized',
      sql: `
        SELECT toUnixTimestamp(day) * 1000 AS day_ms, argMax(ledger.recorded, finalized_at) AS events,
          toUnixTimestamp64Milli(argMax(received_before, finalized_at)) AS received_before_ms
        FROM day_finalizations_v1 AS ledger
        WHERE ${isWithin} AND tenant = '' AND agent_id = ''
        GROUP BY day`,
      params,
    }),
    checkedRows(store, oldestRow, {
      name: 'oldest_raw_event',
      sql: 'SELECT toUnixTimestamp64Milli(min(received)) AS oldest_ms FROM agent_events_raw_v1 HAVING count() > 0',
      params: {},
    }),
  ]);
  const recorded = new Map(rollup.map((row) => [row.day_ms, row]));
  const finalized = new Map(ledger.map((row) => [row.day_ms, row]));
  const oldestMs = raw[0]?.oldest_ms ?? Number.POSITIVE_INFINITY;
  const due: number[] = [];
  for (let day = span.untilMs - dayMs; day >= span.fromMs; day -= dayMs) {
    const done = finalized.get(day);
    const found = recorded.get(day) ?? { events: 0, newest_ms: 0 };
    const isTouched = found.events > 0 || day + dayMs > oldestMs;
    if (done === undefined ? isTouched : found.newest_ms >= done.received_before_ms || found.events !== done.events) {
      due.push(day);
    }
  }
  return due;
}

const entryColumns =
  'day, finalized_at, received_before, tenant, agent_id, agents, events, recorded, agents_repaired, took_ms';

/**
 * Makes the days due again that may hold events received from then on, if they are finalized: each gets an entry of no
 * agents that looked at nothing received since. Rejects as `StoreWriter.command`.
 */
export async function reopenDays(
  store: StoreWriter,
  { receivedFromMs, nowMs }: { readonly receivedFromMs: number; readonly nowMs: number },
): Promise<void> {
  await store.command({
    name: 'finalized days that are due again',
    sql: `
      INSERT INTO day_finalizations_v1 (${entryColumns})
      SELECT
        day,
        greatest(fromUnixTimestamp64Milli({now_ms:Int64}, 'UTC'), max(finalized_at) + toIntervalMillisecond(1)),
        fromUnixTimestamp64Milli({received_ms:Int64}, 'UTC'),
        '', '', 0, 0, argMax(ledger.recorded, finalized_at), 0, 0
      FROM day_finalizations_v1 AS ledger
      WHERE tenant = '' AND agent_id = ''
      GROUP BY day
      HAVING argMax(received_before, finalized_at) > fromUnixTimestamp64Milli({received_ms:Int64}, 'UTC')`,
    params: { now_ms: nowMs, received_ms: receivedFromMs },
  });
}

export interface LedgerEntry extends FinalizationReport {
  readonly scope: FinalizationScope;
  readonly finalizedMs: number;
  /** Every event received before this was in the store when it was looked at. */
  readonly receivedBeforeMs: number;
  /** Events the day rollup holds now, those of agents without raw events included. */
  readonly recorded: number;
}

/** The newest of its day and scope, also where an earlier one is of a clock that was ahead. */
export async function writeLedger(store: StoreWriter, entry: LedgerEntry): Promise<void> {
  await store.command({
    name: 'record of a finalized day',
    sql: `
      INSERT INTO day_finalizations_v1 (${entryColumns})
      SELECT
        toDate(fromUnixTimestamp64Milli({day_ms:Int64}, 'UTC')) AS of_day,
        greatest(
          fromUnixTimestamp64Milli({finalized_ms:Int64}, 'UTC'), max(ledger.finalized_at) + toIntervalMillisecond(1)
        ),
        fromUnixTimestamp64Milli({received_before_ms:Int64}, 'UTC'),
        {tenant:String}, {agent_id:String}, {agents:UInt64}, {events:UInt64}, {recorded:UInt64},
        {agents_repaired:UInt64}, {took_ms:UInt64}
      FROM day_finalizations_v1 AS ledger
      WHERE ledger.day = of_day AND ledger.tenant = {tenant:String} AND ledger.agent_id = {agent_id:String}`,
    params: {
      day_ms: entry.scope.dayMs,
      finalized_ms: entry.finalizedMs,
      received_before_ms: entry.receivedBeforeMs,
      tenant: entry.scope.tenant ?? '',
      agent_id: entry.scope.agentId ?? '',
      agents: entry.agents,
      events: entry.events,
      recorded: entry.recorded,
      agents_repaired: entry.agentsRepaired,
      took_ms: Math.round(entry.tookMs),
    },
  });
}
