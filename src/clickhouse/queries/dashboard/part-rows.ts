import { z } from 'zod';
import type { StoreQuery, StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';

/** Rows of one part and kind: texts as lists, and of each row numbers (`packed`) and states, one after another. */
export interface PartRows {
  readonly kind: string;
  readonly part: string;
  readonly keys: readonly string[];
  readonly names: readonly string[];
  /** In base64. */
  readonly numbers: string;
  readonly states: string;
}

const texts = z.array(z.string());
const row = z.object({ r: z.tuple([z.string(), z.string(), texts, texts, z.string(), z.string()]) });

/** Rows of `part`, `kind`, `key`, `name`, `numbers` and `state`; of one part and kind as one, with states as a few. */
export function byPart(branches: readonly string[]): string {
  return `
    SELECT (
      kind, toString(part), list.1, list.2,
      base64Encode(arrayStringConcat(list.3)), base64Encode(arrayStringConcat(list.4))
    ) AS r
    FROM (
      SELECT part, kind, groupArray((key, name, numbers, state)) AS list FROM (${branches.join(' UNION ALL ')})
      GROUP BY part, kind, if(state = '', 0, cityHash64(key) % ${slices})
    )`;
}

/** States are unpacked a row at a time: in so many turns of the event loop for a part of many agents. */
const slices = 16;

/** What a branch reads; without a part that is known, the engine plans it in less time without that condition. */
export const ofUnknownParts = 'tenant = {tenant:String} AND _part NOT IN {known:Array(String)}';
const ofTenant = 'tenant = {tenant:String}';

/** Of several statements in one, whose known parts are parameters of their own: `known` is the name of this one's. */
export function branchesOf(sql: readonly string[], known: string | null): string[] {
  const condition = known === null ? ofTenant : ofUnknownParts.replace('{known:', `{${known}:`);
  return sql.map((branch) => branch.replaceAll(ofUnknownParts, condition));
}

export async function askPartRows(store: StoreReader, query: StoreQuery): Promise<PartRows[]> {
  const rows = await checkedRows(store, row, query);
  return rows.map(({ r: [kind, part, keys, names, numbers, states] }) => ({
    kind,
    part,
    keys,
    names,
    numbers,
    states,
  }));
}
