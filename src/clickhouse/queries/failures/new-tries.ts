import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64 } from '../sql/column-types.js';
import { fewRows } from '../sql/few-rows.js';
import {
  aheadMsMax,
  failureTable,
  lastSettlement,
  type NewTries,
  newestSettlement,
  newTriesSince,
  triesTable,
  visibleAfterMs,
} from './failure-outcomes.js';

const row = z.object({ now_ms: epochMs, settled_ms: epochMs, rows_since: integer64, next_ms: epochMs });

/** Looked up one by one below this; above it is cheaper to keep those of units that failed. */
const fewMax = 50_000;

export interface NewTriesAsked {
  readonly tenant: string;
  /** From when on the next failure is sought, ms since the epoch; absent: it is not. */
  readonly nextFromMs?: number | undefined;
}

export interface FoundTries extends NewTries {
  /** When the next attempt of the tenant failed, ms since the epoch; null: none did, or it was not sought. */
  readonly nextMs: number | null;
  /** By the clock of the store, ms since the epoch. */
  readonly nowMs: number;
}

/** When outcomes were settled last, and how many failures and tries of the tenant came since. */
export async function readNewTries(store: StoreReader, asked: NewTriesAsked): Promise<FoundTries> {
  const found = await readTriesSince(store, newestSettlement, asked);
  return isAhead(found) ? await readTriesSince(store, lastSettlement, asked) : found;
}

async function readTriesSince(
  store: StoreReader,
  settlement: string,
  { tenant, nextFromMs: fromMs }: NewTriesAsked,
): Promise<FoundTries> {
  const isNew = `tenant = {tenant:String} AND inserted >= settled - toIntervalMillisecond(${visibleAfterMs})`;
  const next = `
        SELECT toUnixTimestamp64Milli(min(ts)) FROM ${failureTable}
        WHERE tenant = {tenant:String} AND lane = 'failed' AND ts >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')`;
  const rows = await checkedRows(store, row, {
    name: 'new_tries',
    sql: `
      WITH (${settlement}) AS settled
      SELECT
        toUnixTimestamp64Milli(now64(3)) AS now_ms, toUnixTimestamp64Milli(settled) AS settled_ms,
        count() AS rows_since,
        ${fromMs === undefined ? '0' : `(${next})`} AS next_ms
      FROM (
        SELECT 1 FROM ${triesTable} WHERE ${isNew} LIMIT {most:UInt32}
        UNION ALL
        SELECT 1 FROM ${failureTable} WHERE ${isNew} AND lane = 'failed' LIMIT {most:UInt32}
      )`,
    params: { tenant, most: fewMax + 1, ...(fromMs === undefined ? {} : { from_ms: fromMs }) },
    settings: fewRows,
  });
  const { now_ms: nowMs, settled_ms: settledMs, rows_since: since, next_ms: nextMs } = rows[0] ?? noRows;
  const amount = since === 0 ? 'none' : since > fewMax ? 'many' : 'few';
  return { ...newTriesSince(settledMs, amount), nextMs: nextMs > 0 ? nextMs : null, nowMs };
}

const noRows = { now_ms: 0, settled_ms: 0, rows_since: 0, next_ms: 0 };

const settlementRow = z.object({ now_ms: epochMs, settled_ms: epochMs });

type SettledAt = Pick<FoundTries, 'nowMs' | 'settledMs'>;

/** When outcomes were settled last, of the store as a whole, and the time by its clock. */
export async function readLastSettlement(store: StoreReader): Promise<SettledAt> {
  const found = await readSettlement(store, newestSettlement);
  return isAhead(found) ? await readSettlement(store, lastSettlement) : found;
}

async function readSettlement(store: StoreReader, settlement: string): Promise<SettledAt> {
  const [found] = await checkedRows(store, settlementRow, {
    name: 'last_settlement',
    sql: `
      SELECT
        toUnixTimestamp64Milli(now64(3)) AS now_ms, toUnixTimestamp64Milli((${settlement})) AS settled_ms`,
    params: {},
    isSmall: true,
  });
  return { nowMs: found?.now_ms ?? 0, settledMs: found?.settled_ms ?? 0 };
}

function isAhead({ nowMs, settledMs }: SettledAt): boolean {
  return settledMs > nowMs + aheadMsMax;
}
