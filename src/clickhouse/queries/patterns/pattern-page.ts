import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs } from '../sql/column-types.js';

const row = z.object({ pattern_id: z.string(), last_seen_ms: epochMs });

/** A pattern and when it was last observed, ms since the epoch. */
export type PatternPageRow = z.output<typeof row>;

export interface PatternPage {
  readonly tenant: string;
  readonly patternType: string | undefined;
  /** Patterns this agent has observed, whoever else has. */
  readonly agentId: string | undefined;
  /** 0 to 1; leaves out patterns without a confidence. */
  readonly confidenceMin: number | undefined;
  /** Patterns after this one, in the order of the page. */
  readonly after: { readonly lastSeenMs: number; readonly patternId: string } | undefined;
  readonly limit: number;
}

/**
 * A page of the patterns of a tenant, last observed first, with the filter applied to their latest values. It groups
 * all patterns of the tenant, of which it reads the few columns the filter names.
 */
export function readPatternPage(store: StoreReader, page: PatternPage): Promise<PatternPageRow[]> {
  const conditions = ['1'];
  const params: Record<string, string | number> = { tenant: page.tenant, limit: page.limit };
  if (page.patternType !== undefined) {
    conditions.push('max(pattern_type).2 = {pattern_type:String}');
    params.pattern_type = page.patternType;
  }
  if (page.agentId !== undefined) {
    conditions.push('countIf(agent_id = {agent_id:String}) > 0');
    params.agent_id = page.agentId;
  }
  if (page.confidenceMin !== undefined) {
    conditions.push("max(confidence).1 > fromUnixTimestamp64Milli(0, 'UTC')");
    conditions.push('max(confidence).2 >= {confidence_min:Float64}');
    params.confidence_min = page.confidenceMin;
  }
  if (page.after !== undefined) {
    conditions.push('(last_seen_ms, pattern_id) < ({after_ms:Int64}, {after_id:String})');
    params.after_ms = page.after.lastSeenMs;
    params.after_id = page.after.patternId;
  }
  return checkedRows(store, row, {
    name: 'pattern_page',
    sql: `
      SELECT pattern_id, toUnixTimestamp64Milli(max(last_seen)) AS last_seen_ms
      FROM agent_patterns_v1
      WHERE tenant = {tenant:String}
      GROUP BY pattern_id
      HAVING ${conditions.join(' AND ')}
      ORDER BY last_seen_ms DESC, pattern_id DESC
      LIMIT {limit:UInt32}`,
    params,
  });
}
