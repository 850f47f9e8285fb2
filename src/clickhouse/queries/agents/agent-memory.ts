import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import type { TimeSpan } from '../../../core/time-span.js';
import { dayText } from '../../../core/time-text.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64 } from '../sql/column-types.js';
import type { AgentKey } from './agent-known.js';

const row = z.object({
  day_s: integer64.nullable(),
  stored: integer64,
  recalled: integer64,
  first_activity_ms: epochMs,
  last_activity_ms: epochMs,
});

/** Memory operations of a UTC day, by its start in seconds since the epoch; null: of every other day there is. */
export type AgentMemoryRow = z.output<typeof row>;

/**
 * The memory operations of an agent on each UTC day of a range, which is half open, and on all other days together:
 * a row an agent and day is all there is to read. No row: the agent has none.
 */
export function readAgentMemory(store: StoreReader, agent: AgentKey, range: TimeSpan): Promise<AgentMemoryRow[]> {
  return checkedRows(store, row, {
    name: 'agent_memory',
    sql: `
      SELECT
        if(day >= {from_day:Date} AND day < {to_day:Date}, toUInt32(toDateTime(day, 'UTC')), NULL) AS day_s,
        sum(stored) AS stored,
        sum(recalled) AS recalled,
        toUnixTimestamp64Milli(min(first_activity)) AS first_activity_ms,
        toUnixTimestamp64Milli(max(last_activity)) AS last_activity_ms
      FROM agent_memory_per_day_v1
      WHERE tenant = {tenant:String} AND agent_id = {agent_id:String}
      GROUP BY day_s
      ORDER BY day_s`,
    params: {
      tenant: agent.tenant,
      agent_id: agent.agentId,
      from_day: dayText(range.fromMs),
      to_day: dayText(range.toMs),
    },
  });
}
