import { rawTable } from '../event-schema.js';
import type { TimeSpan } from '../time-span.js';

/**
 * The raw events, failed attempts and what tells what became of them, the events of tasks, and tables of sums by agent
 * and day or minute. Of the sums the memory knows which UTC days have changed, of the others only that some have.
 */
export const rememberedTables = [
  'agent_performance_per_day_v1',
  'agent_errors_per_day_v1',
  'agent_performance_per_minute_v1',
  rawTable,
  'agent_failures_v1',
  'agent_tries_v1',
  'agent_task_history_v1',
  'agent_tasks_by_start_v1',
] as const;
export type RememberedTable = (typeof rememberedTables)[number];

/** What a value was read from: the rows of whole UTC days; null: of all days. */
export interface RememberedSource {
  readonly table: RememberedTable;
  readonly days: TimeSpan | null;
}

export interface DaysAsked<Value> {
  readonly table: RememberedTable;
  /** What is asked for, the tenant among it, but the day: equal keys have equal values. */
  readonly key: string;
  /** Whole UTC days, half open, ms since the epoch; in order and apart from each other. */
  readonly days: readonly TimeSpan[];
  /** Reads days from the store; the values by the start of their day. A day without rows has none. */
  read(days: readonly TimeSpan[]): Promise<ReadonlyMap<number, Value>>;
  bytesOf(value: Value): number;
}

/** Where rows are that came into tables: in none of the parts of these names. */
export type RowsSince = ReadonlyMap<RememberedTable, readonly string[]>;

export interface ValueAsked<Value> {
  readonly sources: readonly RememberedSource[];
  /** As in `DaysAsked`. */
  readonly key: string;
  read(): Promise<Value>;
  bytesOf(value: Value): number;
  /** Whether what was read before answers this too, as its sources are; absent: it does. */
  fits?(value: Value): boolean;
  /** Whether a value is still so although rows came into its sources, where none went; absent: it is not. */
  isUntouched?(value: Value, since: RowsSince): Promise<boolean>;
  /**
   * Whether it is read at once for a while after it was found changed, as it may well have changed again: beside ingest
   * a look at the store each time would be in vain. Default false.
   */
  readonly rests?: boolean;
}

export interface UnknownParts {
  /** Names of the parts that are not to be read. */
  readonly known: readonly string[];
  /** Rows of the others, of all tenants, about; null where nobody has counted. */
  readonly rows: number | null;
}

/**
 * A value of each part of a table, and what they are together. A part never changes: a merge, a mutation and an insert
 * each make another one, so only parts that nothing is known of are read.
 */
export interface PartsAsked<Value, Joined> {
  readonly table: RememberedTable;
  /** As in `DaysAsked`; of one key one range is remembered, the one that was asked for last. */
  readonly key: string;
  readonly range: string;
  /** Keys that are of no use without each other: too much of one is too much of all. */
  readonly together: string;
  /** Of no use where nothing is remembered of it yet: null then, and nothing is read. */
  readonly onlyHeld?: boolean;
  /** Parts without a row of these days are of no interest; null: all are. */
  readonly days: TimeSpan | null;
  /** Reads all parts but those known, in one statement; the values by name of the part. One without rows has none. */
  read(unknown: UnknownParts): Promise<ReadonlyMap<string, Value>>;
  /**
   * Of the values in the order of their inserts; `before` is what was made of others of that range. Where they are many
   * it gives others a turn of the event loop.
   */
  join(values: readonly Value[], before: Joined | null): Joined | Promise<Joined>;
  /** Of a value and its share of what is joined. */
  bytesOf(value: Value): number;
}

/** What is held of a key, and where in its table the rows are that came since it was read. */
export interface HeldBefore<Value> {
  readonly value: Value;
  /** False: none came. */
  readonly isChanged: boolean;
  /** Names of parts that have none of them; not told where none came. */
  readonly partsBefore: readonly string[];
}

/** A value that is kept up with the rows that come into a table. */
export interface GrownAsked<Value, Answer> {
  readonly table: RememberedTable;
  /** As in `DaysAsked`. */
  readonly key: string;
  /** Of no use where nothing is held of it yet: null then, and nothing is read. */
  readonly onlyHeld: boolean;
  /**
   * Makes of what is held, null where there is none or rows have gone since, what is held from now on; one at a time,
   * and it may change the value it is given. What takes more than `bytesMax` is not held.
   */
  grow(before: HeldBefore<Value> | null, bytesMax: number): Promise<{ readonly value: Value; readonly answer: Answer }>;
  bytesOf(value: Value): number;
}

/**
 * What was read of the store before, for one request: a day or a value is read again when the store has changed since.
 * Nothing given may be changed by who gets it, but by `grow`. Rejects as `StoreReader.rows`.
 */
export interface ReadMemory {
  /** The values of the days that have one, in the order of the days. */
  days<Value>(asked: DaysAsked<Value>): Promise<Value[]>;
  value<Value>(asked: ValueAsked<Value>): Promise<Value>;
  /** Null: nothing can be known of the parts, or what they hold is too much to be remembered, or as `onlyHeld` says. */
  parts<Value, Joined>(asked: PartsAsked<Value, Joined>): Promise<Joined | null>;
  /** Null: nothing can be known of the parts, or what is held is too much, or as `onlyHeld` says. */
  grown<Value, Answer>(asked: GrownAsked<Value, Answer>): Promise<Answer | null>;
}
