import { z } from 'zod';
import type { StoreReader } from '../../core/ports.js';
import type { AgentKey } from './agent-known.js';
import type { TimeSpan } from './agent-performance.js';
import { checkedRows } from './checked-rows.js';
import { epochMs, integer64, optionalText } from './column-types.js';
import { normalizedMessage } from './normalized-message.js';

const row = z.object({
  category: optionalText,
  code: optionalText,
  message: optionalText,
  occurrences: integer64,
  first_ms: epochMs,
  last_ms: epochMs,
});

export type AgentErrorRow = z.output<typeof row>;

/**
 * The most frequent errors of an agent's failed executions within a span of event time, by category, code and
 * normalized message. Read from the raw rows (kept for the raw retention), by primary key range. Equal messages
 * are grouped before they are normalized: the regular expressions are what this query costs.
 */
export function readAgentTopErrors(
  store: StoreReader,
  key: AgentKey,
  options: { readonly span: TimeSpan; readonly limit: number },
): Promise<AgentErrorRow[]> {
  return checkedRows(store, row, {
    name: 'agent_top_errors',
    sql: `
      SELECT
        toString(error_category) AS category,
        toString(error_code) AS code,
        ${normalizedMessage('error_message')} AS message,
        sum(same) AS occurrences,
        toUnixTimestamp64Milli(min(first_ts)) AS first_ms,
        toUnixTimestamp64Milli(max(last_ts)) AS last_ms
      FROM (
        SELECT error_category, error_code, error_message, count() AS same, min(ts) AS first_ts, max(ts) AS last_ts
        FROM agent_events_raw_v1
        WHERE tenant = {tenant:String} AND agent_id = {agent_id:String}
          AND ts >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
          AND ts < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
          AND type = 'task.failed'
        GROUP BY error_category, error_code, error_message
      )
      GROUP BY category, code, message
      ORDER BY occurrences DESC, last_ms DESC, category, code, message
      LIMIT {limit:UInt32}`,
    params: {
      tenant: key.tenant,
      agent_id: key.agentId,
      from_ms: options.span.fromMs,
      to_ms: options.span.toMs,
      limit: options.limit,
    },
  });
}
