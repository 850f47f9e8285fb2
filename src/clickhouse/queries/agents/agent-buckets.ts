import { z } from 'zod';
import type { ReadMemory, RememberedSource } from '../../../core/ports/read-memory.js';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { ceilTo, dayMs, floorTo, type TimeSpan } from '../../../core/time-span.js';
import { dayText } from '../../../core/time-text.js';
import { checkedRows } from '../sql/checked-rows.js';
import { PackedStates } from '../sql/merged-digest.js';
import type { PerformanceRange } from '../sql/rollup-range.js';
import type { AgentKey } from './agent-known.js';

/** What a row of both rollups holds beside its digests, in this order. A null of the store is NaN here. */
const numbers = [
  'total',
  'successful',
  'failed',
  'cancelled',
  'duration_count',
  'duration_sum_ms',
  'duration_min_ms',
  'duration_max_ms',
  'llm_calls',
  'tokens_in',
  'tokens_out',
  'cost_micros',
  'tokens_unpriced',
  'confidence_sum',
  'confidence_count',
  'memory_mb_count',
  'memory_mb_max',
  'last_received_ms',
] as const;
export type BucketNumber = (typeof numbers)[number];

const row = z.object({ r: z.array(z.union([z.number(), z.string(), z.null()])).length(numbers.length + 2) });

/** A row of a rollup, as stored: rows of one agent and time that were not merged yet are apart. */
export interface RollupBucket {
  readonly startMs: number;
  readonly widthMs: number;
  readonly values: Float64Array;
  /** Cells of `MergedDigest`: of all durations, and of those of successes. */
  readonly durations: Float64Array;
  readonly successfulDurations: Float64Array;
}

const places = new Map<string, number>(numbers.map((name, place) => [name, place]));

export function bucketPlace(name: BucketNumber): number {
  return places.get(name) ?? 0;
}

const selected = (startSeconds: string): string => `
  SELECT (
    ${startSeconds}, total, successful, failed, cancelled, duration_count, duration_sum_ms, duration_min_ms,
    duration_max_ms, llm_calls, tokens_in, tokens_out, cost_micros, tokens_unpriced, confidence_sum, confidence_count,
    memory_mb_count, memory_mb_max, toUnixTimestamp64Milli(last_received),
    base64Encode(concat(CAST(duration_digest, 'String'), CAST(successful_duration_digest, 'String')))
  ) AS r`;

const agent = 'tenant = {tenant:String} AND agent_id = {agent_id:String}';

/** At most so many spans of days are missing at once: the edges and the middle of a range. */
const spansMax = 3;

const spanConditions = (condition: (index: number) => string): string =>
  `(${Array.from({ length: spansMax }, (_, index) => condition(index)).join(' OR ')})`;

const daysSql = `
  ${selected("toUnixTimestamp(toDateTime(day, 'UTC'))")}
  FROM agent_performance_per_day_v1
  WHERE ${agent} AND day >= {from_day:Date} AND day < {to_day:Date}`;

const minutesSql = `
  ${selected('toUnixTimestamp(minute)')}
  FROM agent_performance_per_minute_v1
  WHERE ${agent} AND ${spanConditions(
    (index) =>
      `(minute >= toDateTime({from_${index}:UInt32}, 'UTC') AND minute < toDateTime({to_${index}:UInt32}, 'UTC'))`,
  )}`;

/** What a range is made of. */
export function rangeSources({ days, minutes }: PerformanceRange): readonly RememberedSource[] {
  return [
    ...(days.toMs > days.fromMs ? [{ table: 'agent_performance_per_day_v1', days } as const] : []),
    ...minutes
      .filter(({ fromMs, toMs }) => toMs > fromMs)
      .map((span) => ({ table: 'agent_performance_per_minute_v1', days: wholeDays(span) }) as const),
  ];
}

function wholeDays({ fromMs, toMs }: TimeSpan): TimeSpan {
  return { fromMs: floorTo(fromMs, dayMs), toMs: ceilTo(toMs, dayMs) };
}

/** The rows a range is made of, in the order of time. */
export async function rangeBuckets(
  store: StoreReader,
  memory: ReadMemory,
  key: AgentKey,
  { days, minutes, dayLeftOutMs }: PerformanceRange,
): Promise<readonly RollupBucket[]> {
  const spans = minutes.filter(({ fromMs, toMs }) => toMs > fromMs);
  const [ofDays, ofMinutes] = await Promise.all([
    days.toMs > days.fromMs ? readDayBuckets(store, memory, key, days) : [],
    spans.length > 0 ? readMinuteBuckets(store, memory, key, spans) : [],
  ]);
  const buckets = [...ofDays.filter(({ startMs }) => startMs !== dayLeftOutMs), ...ofMinutes];
  return buckets.sort((a, b) => a.startMs - b.startMs);
}

/** The rows of an agent on whole days. The memory gives those that are as they were. */
async function readDayBuckets(
  store: StoreReader,
  memory: ReadMemory,
  key: AgentKey,
  days: TimeSpan,
): Promise<readonly RollupBucket[]> {
  const buckets = await memory.days({
    table: 'agent_performance_per_day_v1',
    key: JSON.stringify(['days', key.tenant, key.agentId]),
    days: [days],
    read: (missing) => {
      const params = { from_day: dayText(startOf(missing)), to_day: dayText(endOf(missing)) };
      return readBuckets(store, { name: 'agent_days', sql: daysSql, params, key, widthMs: dayMs });
    },
    bytesOf,
  });
  return buckets.flat();
}

/** The rows of an agent by the minute, on the days that the spans lie in. */
async function readMinuteBuckets(
  store: StoreReader,
  memory: ReadMemory,
  key: AgentKey,
  spans: readonly TimeSpan[],
): Promise<readonly RollupBucket[]> {
  const starts = new Set(spans.flatMap(daysOf));
  const buckets = await memory.days({
    table: 'agent_performance_per_minute_v1',
    key: JSON.stringify(['minutes', key.tenant, key.agentId]),
    days: [...starts].sort((a, b) => a - b).map((fromMs) => ({ fromMs, toMs: fromMs + dayMs })),
    read: (missing) => {
      const params: Record<string, number> = {};
      for (let index = 0; index < spansMax; index++) {
        const span = missing[index] ?? { fromMs: 0, toMs: 0 };
        params[`from_${index}`] = span.fromMs / 1_000;
        params[`to_${index}`] =
          (index === spansMax - 1 && missing.length > spansMax ? endOf(missing) : span.toMs) / 1_000;
      }
      return readBuckets(store, { name: 'agent_minutes', sql: minutesSql, params, key, widthMs: 60_000 });
    },
    bytesOf,
  });
  return buckets.flat().filter(({ startMs }) => spans.some(({ fromMs, toMs }) => startMs >= fromMs && startMs < toMs));
}

function daysOf({ fromMs, toMs }: TimeSpan): number[] {
  const days: number[] = [];
  for (let day = floorTo(fromMs, dayMs); day < toMs; day += dayMs) days.push(day);
  return days;
}

interface BucketQuery {
  readonly name: string;
  readonly sql: string;
  readonly params: Readonly<Record<string, string | number>>;
  readonly key: AgentKey;
  readonly widthMs: number;
}

/** By the start of their day. */
async function readBuckets(
  store: StoreReader,
  { name, sql, params, key, widthMs }: BucketQuery,
): Promise<ReadonlyMap<number, RollupBucket[]>> {
  const asked = { name, sql, params: { tenant: key.tenant, agent_id: key.agentId, ...params } };
  const buckets = (await checkedRows(store, row, asked)).map(({ r }) => bucketOf(r, widthMs));
  const byDay = new Map<number, RollupBucket[]>();
  for (const bucket of buckets.sort((a, b) => a.startMs - b.startMs)) {
    const day = floorTo(bucket.startMs, dayMs);
    const list = byDay.get(day);
    if (list === undefined) byDay.set(day, [bucket]);
    else list.push(bucket);
  }
  return byDay;
}

function bucketOf(cells: readonly (number | string | null)[], widthMs: number): RollupBucket {
  const values = new Float64Array(numbers.length);
  for (let place = 0; place < values.length; place++) values[place] = numberOf(cells[place + 1]);
  const states = new PackedStates(Buffer.from(String(cells[numbers.length + 1]), 'base64'));
  return {
    startMs: numberOf(cells[0]) * 1_000,
    widthMs,
    values,
    durations: states.next(),
    successfulDurations: states.next(),
  };
}

/** A 64-bit integer may come as text; what JSON has no number for comes as null. */
function numberOf(cell: number | string | null | undefined): number {
  return cell === null || cell === undefined ? Number.NaN : Number(cell);
}

/** Of the values, the cells, and the three arrays and the object around them. */
function bytesOf(buckets: readonly RollupBucket[]): number {
  return buckets.reduce((sum, { values, durations, successfulDurations }) => {
    return sum + bucketBytes + 8 * (values.length + durations.length + successfulDurations.length);
  }, 0);
}

const bucketBytes = 600;

function startOf(spans: readonly TimeSpan[]): number {
  return Math.min(...spans.map(({ fromMs }) => fromMs));
}

function endOf(spans: readonly TimeSpan[]): number {
  return Math.max(...spans.map(({ toMs }) => toMs));
}
