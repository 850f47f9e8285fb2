import { z } from 'zod';
import type { ReadMemory, RememberedSource } from '../../../core/ports/read-memory.js';
import type { StoreQuery, StoreReader } from '../../../core/ports/store-reader.js';
import { ceilTo, dayMs, floorTo, minuteMs, type TimeSpan } from '../../../core/time-span.js';
import { dayText } from '../../../core/time-text.js';
import { checkedRows } from '../sql/checked-rows.js';
import { DigestCells, type MergedDigest } from '../sql/merged-digest.js';
import type { PerformanceRange } from '../sql/rollup-range.js';
import { ByteReader, malformed, rowBytes } from '../sql/row-bytes.js';
import type { AgentKey } from './agent-known.js';

/** What a row of both rollups holds beside its digests, in this order. A null of the store is NaN here. */
const numberTypes = {
  total: 'UInt64',
  successful: 'UInt64',
  failed: 'UInt64',
  cancelled: 'UInt64',
  duration_count: 'UInt64',
  duration_sum_ms: 'Float64',
  duration_min_ms: 'Float64',
  duration_max_ms: 'Float64',
  llm_calls: 'UInt64',
  tokens_in: 'UInt64',
  tokens_out: 'UInt64',
  cost_micros: 'Nullable(UInt64)',
  tokens_unpriced: 'UInt64',
  confidence_sum: 'Float64',
  confidence_count: 'UInt64',
  memory_mb_count: 'UInt64',
  memory_mb_max: 'Float64',
  // A DateTime64(3): milliseconds.
  last_received: 'UInt64',
} as const;
export type BucketNumber = keyof typeof numberTypes;
type NumberType = (typeof numberTypes)[BucketNumber];

const numbers = Object.keys(numberTypes) as BucketNumber[];
const types: readonly NumberType[] = Object.values(numberTypes);

const row = z.object({ r: z.string() });

/** The rows of a day, in arrays that they share: thousands of small ones are a fourth of what a first read costs. */
interface DayBlock {
  /** Those of a row after those of the row before. */
  readonly values: Float64Array;
  /** Cells of `MergedDigest`: of a row all durations, then those of successes. */
  readonly digests: Float64Array;
}

/** Where a row's cells begin, where those of successes do, and where they end. */
type CellPlaces = readonly [from: number, successesFrom: number, to: number];

/** A row of a rollup, as stored: rows of one agent and time that were not merged yet are apart. */
export class RollupBucket {
  readonly #block: DayBlock;
  readonly #place: number;
  readonly #cells: CellPlaces;

  constructor(
    readonly startMs: number,
    readonly widthMs: number,
    block: DayBlock,
    { row: index, cells }: { readonly row: number; readonly cells: CellPlaces },
  ) {
    this.#block = block;
    this.#place = index * numbers.length;
    this.#cells = cells;
  }

  /** `place` is that of `bucketPlace`. */
  number(place: number): number {
    return this.#block.values[this.#place + place]!;
  }

  addDurations(to: MergedDigest): void {
    to.add(this.#block.digests, this.#cells[0], this.#cells[1]);
  }

  addSuccessfulDurations(to: MergedDigest): void {
    to.add(this.#block.digests, this.#cells[1], this.#cells[2]);
  }

  /** Of the values and the cells, and of what holds them. */
  get bytes(): number {
    return bucketBytes + 8 * (numbers.length + this.#cells[2] - this.#cells[0]);
  }
}

const bucketBytes = 200;

const places = new Map<string, number>(numbers.map((name, place) => [name, place]));

export function bucketPlace(name: BucketNumber): number {
  return places.get(name) ?? 0;
}

/** The rollup a row is of, its start, its numbers and its digests. */
const selected = (rollup: number, start: string): string =>
  `SELECT ${rowBytes(String(rollup), start, ...numbers, 'duration_digest', 'successful_duration_digest')} AS r`;

const [ofDay, ofMinute] = [0, 1];

/** Said as PREWHERE, which the engine would make of it: 0.17 ms of 1.5 to plan a statement less. */
const agent = 'tenant = {tenant:String} AND agent_id = {agent_id:String}';

const daysSql = `
  ${selected(ofDay, 'day')}
  FROM agent_performance_per_day_v1
  PREWHERE ${agent} AND day >= {from_day:Date} AND day < {to_day:Date}`;

const minutesSql = (when: string): string => `
  ${selected(ofMinute, 'minute')}
  FROM agent_performance_per_minute_v1
  PREWHERE ${agent} AND ${when}`;

const minutesOfSpan = minutesSql(`
    minute >= toDateTime({from_s:UInt32}, 'UTC') AND minute < toDateTime({to_s:UInt32}, 'UTC')`);

/** Days apart from each other: as spans, three of them take 0.5 ms of CPU more to plan, of 4.2 in all. */
const minutesOfDays = minutesSql('toDate(minute) IN {minute_days:Array(Date)}');

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
  readonly params: StoreQuery['params'];
}

/** What is missing of days and of minutes, read in one statement where both are asked for at once: it saves 3 ms. */
class BucketReading {
  readonly #store: StoreReader;
  readonly #key: AgentKey;
  #asked: BucketSource[] = [];
  #running: Promise<BucketsByWidth> | null = null;

  constructor(store: StoreReader, key: AgentKey) {
    this.#store = store;
    this.#key = key;
  }

  async days(missing: readonly TimeSpan[]): Promise<BucketsByDay> {
    const params = { from_day: dayText(startOf(missing)), to_day: dayText(endOf(missing)) };
    return (await this.#read({ sql: daysSql, params })).get(dayMs) ?? noDays;
  }

  async minutes(missing: readonly TimeSpan[]): Promise<BucketsByDay> {
    const [span, ...others] = missing;
    const isOne = span !== undefined && others.length === 0;
    const source = isOne
      ? { sql: minutesOfSpan, params: { from_s: span.fromMs / 1_000, to_s: span.toMs / 1_000 } }
      : { sql: minutesOfDays, params: { minute_days: missing.flatMap(daysOf).map(dayText) } };
    return (await this.#read(source)).get(minuteMs) ?? noDays;
  }

  /** Who asks in the same turn is answered by the same statement. */
  #read(source: BucketSource): Promise<BucketsByWidth> {
    this.#asked.push(source);
    this.#running ??= Promise.resolve().then(() => this.#run());
    return this.#running;
  }

  async #run(): Promise<BucketsByWidth> {
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
      isSmall: true,
    });
    return bucketsOf(rows);
  }
}

/** By their width, and by the start of their day. */
type BucketsByWidth = ReadonlyMap<number, BucketsByDay>;

const noDays: BucketsByDay = new Map();

const bytes = new ByteReader();

function bucketsOf(rows: readonly z.output<typeof row>[]): BucketsByWidth {
  const building = new Map<number, Map<number, DayBuilder>>();
  for (const { r } of rows) {
    bytes.decode(r);
    const widthMs = bytes.uint8() === ofDay ? dayMs : minuteMs;
    // A Date is a number of days, a DateTime of seconds.
    const startMs = widthMs === dayMs ? bytes.uint16() * dayMs : bytes.uint32() * 1_000;
    const day = floorTo(startMs, dayMs);
    const days = building.get(widthMs) ?? new Map<number, DayBuilder>();
    building.set(widthMs, days);
    const builder = days.get(day) ?? new DayBuilder(widthMs);
    days.set(day, builder);
    builder.add(startMs, bytes);
  }
  const built = (days: ReadonlyMap<number, DayBuilder>) =>
    new Map([...days].map(([day, builder]) => [day, builder.buckets()]));
  return new Map([...building].map(([widthMs, days]) => [widthMs, built(days)]));
}

function numberOf(type: NumberType, from: ByteReader): number {
  if (type === 'Float64') return from.float64();
  return type === 'Nullable(UInt64)' && from.uint8() === 1 ? Number.NaN : from.uint64();
}

/** The rows of one day, while they are read. */
class DayBuilder {
  readonly #widthMs: number;
  readonly #startsMs: number[] = [];
  readonly #values: number[] = [];
  readonly #cells: CellPlaces[] = [];
  readonly #digests = new DigestCells();

  constructor(widthMs: number) {
    this.#widthMs = widthMs;
  }

  /** The rest of a row is numbers and digests. */
  add(startMs: number, rest: ByteReader): void {
    this.#startsMs.push(startMs);
    for (const type of types) this.#values.push(numberOf(type, rest));
    const [successesFrom = 0, to = 0] = this.#digests.take(rest, 2);
    if (rest.left > 0) throw malformed(`${rest.left} bytes are left of a row of an agent's rollup`);
    this.#cells.push([this.#cells.at(-1)?.[2] ?? 0, successesFrom, to]);
  }

  /** In the order of time. */
  buckets(): RollupBucket[] {
    const block = { values: Float64Array.from(this.#values), digests: this.#digests.cells() };
    const made = this.#startsMs.map(
      (startMs, index) => new RollupBucket(startMs, this.#widthMs, block, { row: index, cells: this.#cells[index]! }),
    );
    return made.sort((a, b) => a.startMs - b.startMs);
  }
}

function bytesOf(buckets: readonly RollupBucket[]): number {
  return buckets.reduce((sum, { bytes }) => sum + bytes, 0);
}

function startOf(spans: readonly TimeSpan[]): number {
  return Math.min(...spans.map(({ fromMs }) => fromMs));
}

function endOf(spans: readonly TimeSpan[]): number {
  return Math.max(...spans.map(({ toMs }) => toMs));
}
