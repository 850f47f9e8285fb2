import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64, optionalFloat, optionalText } from '../sql/column-types.js';

const row = z.object({
  id: z.string(),
  latest_type: optionalText,
  latest_name: optionalText,
  latest_description: optionalText,
  agents: z.array(z.string()),
  agent_count: integer64,
  times_observed: integer64,
  latest_confidence: optionalFloat,
  latest_effectiveness: optionalFloat,
  references_count: integer64,
  first_ms: epochMs,
  last_ms: epochMs,
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
  return `if(max(${column}).1 = fromUnixTimestamp64Milli(0, 'UTC'), NULL, max(${column}).2)`;
}

/** Some patterns in full, in no particular order; unknown ids have no row. */
export function readPatterns(store: StoreReader, { tenant, patternIds }: PatternKeys): Promise<PatternRow[]> {
  return checkedRows(store, row, {
    name: 'pattern_rows',
    sql: `
      SELECT
        pattern_id AS id,
        max(pattern_type).2 AS latest_type,
        max(name).2 AS latest_name,
        max(description).2 AS latest_description,
        arrayDistinct(arrayReverseSort(groupArray((last_seen, toString(agent_id)))).2) AS all_agents,
        arraySlice(all_agents, 1, ${agentsNamedMax}) AS agents,
        length(all_agents) AS agent_count,
        sum(observations) AS times_observed,
        ${latest('confidence')} AS latest_confidence,
        ${latest('effectiveness')} AS latest_effectiveness,
        uniqArrayMerge(evidence_count) AS references_count,
        toUnixTimestamp64Milli(min(first_seen)) AS first_ms,
        toUnixTimestamp64Milli(max(last_seen)) AS last_ms
      FROM agent_patterns_v1
      WHERE tenant = {tenant:String} AND pattern_id IN {pattern_ids:Array(String)}
      GROUP BY pattern_id`,
    params: { tenant, pattern_ids: patternIds },
  });
}
