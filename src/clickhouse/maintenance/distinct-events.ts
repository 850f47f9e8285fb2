import { rawTable } from '../../core/event-schema.js';
import type { StoreQuery } from '../../core/ports/store-reader.js';
import { dayMs } from '../../core/time-span.js';
import type { AgentSelection } from './agent-selection.js';

/** An event may be dated ahead of its receipt by at most this, whatever the configuration (limits.skewFutureMs). */
const aheadMsMax = 7 * dayMs;

/** The raw events of some agents on one UTC day of event time. */
export interface DayEvents {
  readonly dayMs: number;
  readonly agents: AgentSelection;
}

/** Condition on the raw table; the time of receipt, which is bounded by that of the event, prunes partitions. */
export function dayCondition({ agents }: DayEvents): string {
  return `${agents.sql}
      AND ts >= fromUnixTimestamp64Milli({day_from_ms:Int64}, 'UTC')
      AND ts < fromUnixTimestamp64Milli({day_to_ms:Int64}, 'UTC')
      AND received >= fromUnixTimestamp64Milli({received_from_ms:Int64}, 'UTC')`;
}

export function dayParams(events: DayEvents): StoreQuery['params'] {
  return {
    ...events.agents.params,
    day_from_ms: events.dayMs,
    day_to_ms: events.dayMs + dayMs,
    received_from_ms: events.dayMs - aheadMsMax,
  };
}

/**
 * Raw rows in which an event_id counts once an agent and day, as it was first received; rows without one all count.
 * The order behind the time of receipt only makes the choice the same each time.
 */
export function distinctRows(condition: string): string {
  return `(
    SELECT * FROM ${rawTable} WHERE ${condition}
    ORDER BY tenant, agent_id, event_id, received, ts, type, attempt
    LIMIT 1 BY tenant, agent_id, event_id, if(event_id = '', rowNumberInAllBlocks(), 0)
  )`;
}

/** The same where no event_id occurs twice: no sorting. */
export function plainRows(condition: string): string {
  return `(SELECT * FROM ${rawTable} WHERE ${condition})`;
}

/** One thread, and what does not fit into memory goes to the disk: ingest comes first. */
export const calmSettings = `SETTINGS max_threads = 1, max_bytes_before_external_group_by = 536870912,
      max_bytes_before_external_sort = 536870912`;
