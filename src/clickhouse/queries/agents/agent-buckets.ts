import { z } from 'zod';
import type { ReadMemory, RememberedSource } from '../../../core/ports/read-memory.js';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { ceilTo, dayMs, floorTo, minuteMs, type TimeSpan } from '../../../core/time-span.js';
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

const row = z.object({ r: z.array(z.union([z.number(), z.string(), z.null()])).length(numbers.length + 3) });

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

const selected = (startSeconds: string, widthMs: number): string => `
  SELECT (
    ${startSeconds}, total, successful, failed, cancelled, duration_count, duration_sum_ms, duration_min_ms,
    duration_max_ms, llm_calls, tokens_in, tokens_out, cost_micros, tokens_unpriced, confidence_sum, confidence_count,
    memory_mb_count, memory_mb_max, toUnixTimestamp64Milli(last_received),
    base64Encode(concat(CAST(duration_digest, 'String'), CAST(successful_duration_digest, 'String'))), ${widthMs}
  ) AS r`;

const agent = 'tenant = {tenant:String} AND agent_id = {agent_id:String}';

/** At most so many spans of days are missing at once: the edges and the middle of a range. */
const spansMax = 3;

const daysSql = `
  ${selected("toUnixTimestamp(toDateTime(day, 'UTC'))", dayMs)}
  FROM agent_performance_per_day_v1
  WHERE ${agent} AND day >= {from_day:Date} AND day < {to_day:Date}`;

/** Each span costs 0.4 ms of CPU to plan, whether or not it holds anything. */
const minutesSql = (spans: number): string => `
  ${selected('toUnixTimestamp(minute)', minuteMs)}
  FROM agent_performance_per_minute_v1
  WHERE ${agent} AND (${Array.from(
    { length: spans },
    (_, index) =>
      `(minute >= toDateTime({from_${index}:UInt32}, 'UTC') AND minute < toDateTime({to_${index}:UInt32}, 'UTC'))`,
  ).join(' OR ')})`;

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
  const reading = new BucketReading(store, key);
  const [ofDays, ofMinutes] = await Promise.all([
    days.toMs > days.fromMs ? readDayBuckets(reading, memory, key, days) : [],
    spans.length > 0 ? readMinuteBuckets(reading, memory, key, spans) : [],
  ]);
  const buckets = [...ofDays.filter(({ startMs }) => startMs !== dayLeftOutMs), ...ofMinutes];
  return buckets.sort((a, b) => a.startMs - b.startMs);
}

/** The rows of an agent on whole days. The memory gives those that are as they were. */
async function readDayBuckets(
  reading: BucketReading,
  memory: ReadMemory,
  key: AgentKey,
  days: TimeSpan,
): Promise<readonly RollupBucket[]> {
  const buckets = await memory.days({
    table: 'agent_performance_per_day_v1',
    key: JSON.stringify(['days', key.tenant, key.agentId]),
    days: [days],
    read: (missing) => reading.days(missing),
    bytesOf,
  });
  return buckets.flat();
}

/** The rows of an agent by the minute, on the days that the spans lie in. */
async function readMinuteBuckets(
  reading: BucketReading,
  memory: ReadMemory,
  key: AgentKey,
  spans: readonly TimeSpan[],
): Promise<readonly RollupBucket[]> {
  const starts = new Set(spans.flatMap(daysOf));
  const buckets = await memory.days({
    table: 'agent_performance_per_minute_v1',
    key: JSON.stringify(['minutes', key.tenant, key.agentId]),
    days: [...starts].sort((a, b) => a - b).map((fromMs) => ({ fromMs, toMs: fromMs + dayMs })),
    read: (missing) => reading.minutes(missing),
    bytesOf,
  });
  return buckets.flat().filter(({ startMs }) => spans.some(({ fromMs, toMs }) => startMs >= fromMs && startMs < toMs));
}

function daysOf({ fromMs, toMs }: TimeSpan): number[] {
  const days: number[] = [];
  for (let day = floorTo(fromMs, dayMs); day < toMs; day += dayMs) days.push(day);
  return days;
}

type BucketsByDay = ReadonlyMap<number, RollupBucket[]>;

interface BucketSource {
  readonly sql: string;
  readonly params: Readonly<Record<string, string | number>>;
}

/** What is missing of days and of minutes, read in one statement where both are asked for at once: it saves 3 ms. */
class BucketReading {
  readonly #store: StoreReader;
  readonly #key: AgentKey;
  #asked: BucketSource[] = [];
  #running: Promise<readonly RollupBucket[]> | null = null;

  constructor(store: StoreReader, key: AgentKey) {
    this.#store = store;
    this.#key = key;
  }

  async days(missing: readonly TimeSpan[]): Promise<BucketsByDay> {
    const params = { from_day: dayText(startOf(missing)), to_day: dayText(endOf(missing)) };
    return byDay(await this.#read({ sql: daysSql, params }), dayMs);
  }

  async minutes(missing: readonly TimeSpan[]): Promise<BucketsByDay> {
    const spans = missing.slice(0, spansMax);
    const params: Record<string, number> = {};
    for (const [index, { fromMs, toMs }] of spans.entries()) {
      const isLast = index === spansMax - 1;
      params[`from_${index}`] = fromMs / 1_000;
      params[`to_${index}`] = (isLast ? endOf(missing) : toMs) / 1_000;
    }
    return byDay(await this.#read({ sql: minutesSql(spans.length), params }), minuteMs);
  }

  /** Who asks in the same turn is answered by the same statement. */
  #read(source: BucketSource): Promise<readonly RollupBucket[]> {
    this.#asked.push(source);
    this.#running ??= Promise.resolve().then(() => this.#run());
    return this.#running;
  }

  async #run(): Promise<readonly RollupBucket[]> {
    const asked = this.#asked;
    this.#asked = [];
    this.#running = null;
    const rows = await checkedRows(this.#store, row, {
      name: 'agent_buckets',
      sql: asked.map(({ sql }) => sql).join(' UNION ALL '),
      params: Object.assign(
        { tenant: this.#key.tenant, agent_id: this.#key.agentId },
        ...asked.map((each) => each.params),
      ),
    });
    return rows.map(({ r }) => bucketOf(r)).sort((a, b) => a.startMs - b.startMs);
  }
}

/** Those of one width, by the start of their day. */
function byDay(buckets: readonly RollupBucket[], widthMs: number): BucketsByDay {
  const days = new Map<number, RollupBucket[]>();
  for (const bucket of buckets) {
    if (bucket.widthMs !== widthMs) continue;
    const day = floorTo(bucket.startMs, dayMs);
    const list = days.get(day);
    if (list === undefined) days.set(day, [bucket]);
    else list.push(bucket);
  }
  return days;
}

function bucketOf(cells: readonly (number | string | null)[]): RollupBucket {
  const values = new Float64Array(numbers.length);
  for (let place = 0; place < values.length; place++) values[place] = numberOf(cells[place + 1]);
  const states = new PackedStates(Buffer.from(String(cells[numbers.length + 1]), 'base64'));
  return {
    startMs: numberOf(cells[0]) * 1_000,
    widthMs: numberOf(cells[numbers.length + 2]),
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
