import { z } from 'zod';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { integer64 } from '../queries/sql/column-types.js';
import { normalizedMessage } from '../queries/sql/normalized-message.js';
import { failuresWithRecovery } from '../queries/sql/recovered-failures.js';
import { type CountedAgent, groupAgents } from './agent-census.js';
import { type AgentSelection, selectRange } from './agent-selection.js';
import { distinctRows } from './distinct-events.js';
import type { DaySpan } from './finalization-ledger.js';
import { type HeldInsertDeps, insertHeld } from './held-insert.js';

export interface RecoveredRefreshDeps extends HeldInsertDeps {
  readonly reader: StoreReader;
}

const groupBounds = { rowsMax: 250_000, agentsMax: 100_000, addressMax: Number.POSITIVE_INFINITY };

const countRow = z.object({ tenant: z.string(), agent_id: z.string(), rows: integer64 });

/**
 * Writes how many failures of a span of days recovered (`failuresWithRecovery` has the definition) into the error
 * groups that exist, where the number has grown: a maximum is kept, and a failure that recovered stays so. A
 * completion may come days later, so recent days are done again. Groups folded into `<other>` are not told apart and
 * stay at 0. Goes by agents whose failures fit into memory. Rejects as `StoreReader.rows` and `StoreWriter.command`.
 */
export async function refreshRecovered(
  deps: RecoveredRefreshDeps,
  span: DaySpan,
  options: { readonly agents: AgentSelection; readonly isStopping: () => boolean },
): Promise<void> {
  const agents = await readFailedAgents(deps.reader, span, options.agents);
  for (const group of groupAgents(agents, groupBounds)) {
    const [first] = group;
    const last = group.at(-1);
    if (first === undefined || last === undefined || options.isStopping()) return;
    await refreshGroup(deps, span, selectRange(first, last));
  }
}

async function readFailedAgents(reader: StoreReader, span: DaySpan, agents: AgentSelection): Promise<CountedAgent[]> {
  const rows = await checkedRows(reader, countRow, {
    name: 'agents_with_failures',
    sql: `
      SELECT tenant, agent_id, sum(occurrences) AS rows FROM agent_errors_per_day_v1
      WHERE ${agents.sql} AND ${isWithin('day')}
      GROUP BY tenant, agent_id ORDER BY tenant, agent_id`,
    params: { ...agents.params, from_ms: span.fromMs, until_ms: span.untilMs },
  });
  return rows.map((row) => ({ tenant: row.tenant, agentId: row.agent_id, rows: row.rows }));
}

async function refreshGroup(deps: RecoveredRefreshDeps, span: DaySpan, agents: AgentSelection): Promise<void> {
  const from = `ts >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')`;
  const until = `ts < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')`;
  // Only failures are counted, so only they must be distinct.
  const events = `(
      SELECT * FROM agent_events_raw_v1 WHERE type = 'task.completed' AND ${agents.sql} AND ${from}
      UNION ALL
      SELECT * FROM ${distinctRows(`type = 'task.failed' AND ${agents.sql} AND ${from} AND ${until}`)}
    )`;
  const keys = 'tenant, agent_id, day, error_category, error_code, message';
  await insertHeld(deps, {
    name: 'recovered failures',
    table: 'agent_errors_per_day_v1',
    columns: [keys, 'occurrences', 'recovered', 'first_seen', 'last_seen'],
    select: `
      SELECT ${keys}, 0, found, first_ts, last_ts
      FROM (
        SELECT
          tenant, agent_id, toDate(ts) AS day, error_category, error_code,
          ${normalizedMessage('error_message')} AS message,
          countIf(is_recovered) AS found, min(ts) AS first_ts, max(ts) AS last_ts
        FROM (${failuresWithRecovery({ from: events, failures: `${from} AND ${until}`, completions: from })})
        GROUP BY ${keys}
        HAVING found > 0
      ) AS recent
      INNER JOIN (
        SELECT ${keys}, max(recovered) AS known
        FROM agent_errors_per_day_v1
        WHERE ${agents.sql} AND ${isWithin('day')}
        GROUP BY ${keys}
      ) AS recorded USING (${keys})
      WHERE found > known`,
    params: { ...agents.params, from_ms: span.fromMs, until_ms: span.untilMs },
  });
}

function isWithin(day: string): string {
  return `${day} >= toDate(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
        AND ${day} < toDate(fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC'))`;
}
