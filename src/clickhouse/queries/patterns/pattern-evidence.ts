import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';

const row = z.object({ evidence: z.array(z.string()) });

/**
 * Distinct references of the latest observations of a pattern, newest first, at most 64. Apart from the values of a
 * page: the states are kilobytes a row, and 100 patterns of 10,000 with 320 references each took 1.2 s with them.
 */
export async function readPatternEvidence(
  store: StoreReader,
  key: { readonly tenant: string; readonly patternId: string },
): Promise<readonly string[]> {
  const rows = await checkedRows(store, row, {
    name: 'pattern_evidence',
    sql: `
      SELECT arrayDistinct(groupArraySortedArrayMerge(64)(evidence_latest).2) AS evidence
      FROM agent_patterns_v1
      WHERE tenant = {tenant:String} AND pattern_id = {pattern_id:String}`,
    params: { tenant: key.tenant, pattern_id: key.patternId },
  });
  return rows[0]?.evidence ?? [];
}
