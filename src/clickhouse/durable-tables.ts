import { z } from 'zod';
import type { StoreReader } from '../core/ports/store-reader.js';
import { durableTableSettings } from './embedded/engine-config.js';
import { checkedRows } from './queries/sql/checked-rows.js';

const tableRow = z.object({ name: z.string(), engine_full: z.string() });
const defaultRow = z.object({ name: z.string(), value: z.string() });

/**
 * Statements that mend the tables that would lose acknowledged rows in a power cut: their merges are not synced, or the
 * parts they replace are gone too soon. For a server whose settings are its operator's; replicated tables have their
 * replicas.
 */
export async function unsafeTableStatements(store: StoreReader): Promise<string[]> {
  const [tables, defaults] = await Promise.all([
    checkedRows(store, tableRow, {
      name: 'tables_with_parts',
      sql: `
        SELECT name, engine_full FROM system.tables
        WHERE database = currentDatabase() AND match(engine, '^(Replacing|Aggregating)?MergeTree$') ORDER BY name`,
      params: {},
    }),
    checkedRows(store, defaultRow, {
      name: 'defaults_of_tables',
      sql: 'SELECT name, value FROM system.merge_tree_settings WHERE name IN {names:Array(String)}',
      params: { names: Object.keys(durableTableSettings) },
    }),
  ]);
  return tables.flatMap(({ name, engine_full }) => {
    const missing = Object.entries(durableTableSettings).filter(([setting, least]) => {
      const own = new RegExp(` ${setting} = (\\d+)`).exec(engine_full)?.[1];
      return Number(own ?? defaults.find((found) => found.name === setting)?.value ?? 0) < least;
    });
    if (missing.length === 0) return [];
    const settings = missing.map(([setting, least]) => `${setting} = ${least}`).join(', ');
    return [`ALTER TABLE ${name} MODIFY SETTING ${settings}`];
  });
}
