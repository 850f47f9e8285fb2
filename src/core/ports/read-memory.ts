import { rawTable } from '../event-schema.js';
import type { TimeSpan } from '../time-span.js';

/**
 * The raw events, and tables of sums by agent and day or minute. Of the sums the memory knows which UTC days have
 * changed, of the raw events only that some have.
 */
export const rememberedTables = [
  'agent_performance_per_day_v1',
  'agent_errors_per_day_v1',
  'agent_performance_per_minute_v1',
  rawTable,
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

export interface ValueAsked<Value> {
  readonly sources: readonly RememberedSource[];
  /** As in `DaysAsked`. */
  readonly key: string;
  read(): Promise<Value>;
  bytesOf(value: Value): number;
}

/**
 * What was read of the store before, for one request: a day or a value is read again when the store has changed since.
 * Nothing given may be changed by who gets it. Rejects as `StoreReader.rows`.
 */
export interface ReadMemory {
  /** The values of the days that have one, in the order of the days. */
  days<Value>(asked: DaysAsked<Value>): Promise<Value[]>;
  value<Value>(asked: ValueAsked<Value>): Promise<Value>;
}
