import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64, optionalFloat, optionalText } from '../sql/column-types.js';

const row = z.object({
  pattern_id: z.string(),
  pattern_type: optionalText,
  name: optionalText,
  description: optionalText,
  agents: z.array(z.string()),
  agent_count: integer64,
  observations: integer64,
  confidence: optionalFloat,
  effectiveness: optionalFloat,
  evidence_count: integer64,
  first_seen_ms: epochMs,
  last_seen_ms: epochMs,
});

/** `agents`: ids in order of their last observation, the latest first. */
export type PatternRow = z.output<typeof row>;

export interface PatternKeys {
  readonly tenant: string;
  readonly patternIds: readonly string[];
}

/** Agents named in a row; `agent_count` counts them all. */
const agentsNamedMax = 20;

/** The value of a `latest` tuple, null when no event had one. */
function latest(column: string): string {
  const told = `max(observed.${column})`;
  return `if(${told}.1 = fromUnixTimestamp64Milli(0, 'UTC'), NULL, ${told}.2) AS ${column}`;
}

/** Some patterns in full, in no particular order; unknown ids have no row. */
export function readPatterns(store: StoreReader, { tenant, patternIds }: PatternKeys): Promise<PatternRow[]> {
  return checkedRows(store, row, {
    name: 'pattern_rows',
    sql: `
      SELECT
        pattern_id,
        max(observed.pattern_type).2 AS pattern_type,
        max(observed.name).2 AS name,
        max(observed.description).2 AS description,
        arrayDistinct(arrayReverseSort(groupArray((last_seen, toString(agent_id)))).2) AS all_agents,
        arraySlice(all_agents, 1, ${agentsNamedMax}) AS agents,
        length(all_agents) AS agent_count,
        sum(observed.observations) AS observations,
        ${latest('confidence')},
        ${latest('effectiveness')},
        uniqArrayMerge(observed.evidence_count) AS evidence_count,
        toUnixTimestamp64Milli(min(first_seen)) AS first_seen_ms,
        toUnixTimestamp64Milli(max(last_seen)) AS last_seen_ms
      FROM agent_patterns_v1 AS observed
      WHERE tenant = {tenant:String} AND pattern_id IN {pattern_ids:Array(String)}
      GROUP BY pattern_id`,
    params: { tenant, pattern_ids: patternIds },
  });
}
