import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';

const row = z.object({ agent_id: z.string() });

/** The agent that last observed a pattern; undefined: this tenant has no observation of it. */
export async function readPatternObserver(
  store: StoreReader,
  key: { readonly tenant: string; readonly patternId: string },
): Promise<string | undefined> {
  const rows = await checkedRows(store, row, {
    name: 'pattern_observer',
    sql: `
      SELECT agent_id
      FROM agent_patterns_v1
      WHERE tenant = {tenant:String} AND pattern_id = {pattern_id:String}
      ORDER BY last_seen DESC, agent_id DESC
      LIMIT 1`,
    params: { tenant: key.tenant, pattern_id: key.patternId },
  });
  return rows[0]?.agent_id;
}
