import { z } from 'zod';
import { rawTable } from '../../core/event-schema.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import type { StoreWriter } from '../store-writer.js';

/** What an erasure is about, and what it takes with it. */
export type ErasureKind = 'run' | 'user';

/** A table whose rows name runs, tasks, people or what they wrote; with the columns it has. */
export interface ErasableTable {
  readonly name: string;
  readonly columns: ReadonlySet<string>;
  /** Rows leave by a patch: no mutation, and no part is rewritten. Else the parts that hold them are. */
  readonly isPatchable: boolean;
}

/** Tables of the erasure itself; their ids are hashes, or gone when the erasure is complete. */
export const ownTables = ['erasures_v1', 'erased_ids_v1', 'erased_agent_days_v1', 'erasure_targets_v1'] as const;

/** Tables with texts and references among their sums, which are changed (`text-redaction.ts`). */
export const rewrittenTables = ['agent_errors_per_day_v1', 'agent_patterns_v1'] as const;

/**
 * Tables that name no run and no person: sums per agent or engagement and time, display names of agents, hashes of
 * what was tried, ledgers.
 */
export const impersonalTables: readonly string[] = [
  'schema_migrations',
  'day_finalizations_v1',
  'failure_settlements_v1',
  'agent_tries_v1',
  'leases_v1',
  'agent_performance_per_minute_v1',
  'agent_performance_per_day_v1',
  'engagement_performance_per_day_v1',
  'agent_memory_per_day_v1',
  ...rewrittenTables,
];

const personalColumns = ['run_id', 'task_id', 'user_id', 'session_id', 'feedback_id'];
const tableRow = z.object({ name: z.string(), engine: z.string(), columns: z.array(z.string()) });

/**
 * Found by their columns, so that none is left out, but for those that are made beside another for a moment. The raw
 * table comes last: in it is found what else there is.
 */
export async function readErasableTables(store: StoreReader): Promise<ErasableTable[]> {
  const rows = await checkedRows(store, tableRow, {
    name: 'erasable_tables',
    sql: `
      SELECT t.name AS name, any(t.engine) AS engine, groupArray(c.name) AS columns
      FROM system.tables AS t
      INNER JOIN system.columns AS c ON c.table = t.name AND c.database = t.database
      WHERE t.database = currentDatabase() AND t.engine LIKE '%MergeTree' AND t.name NOT IN {own:Array(String)}
        AND position(t.name, '_beside_') = 0
      GROUP BY name
      HAVING has(columns, 'tenant') AND hasAny(columns, {personal:Array(String)})
      ORDER BY name = '${rawTable}', name`,
    params: { own: ownTables, personal: personalColumns },
  });
  return rows.map(({ name, engine, columns }) => ({
    name,
    columns: new Set(columns),
    isPatchable: engine === 'MergeTree' || engine === 'ReplacingMergeTree',
  }));
}

const settingRow = z.object({ name: z.string() });

/**
 * Has the tables as erasures need them, where they are not yet; changes of metadata.
 *
 * Patches need numbered rows: at merges that costs 0.3 % of disk, and no CPU that can be told from noise (960,000 raw
 * rows). And a part of sums of which each row was replaced stays, with none, until it is merged with another: the
 * engine forgets the deduplication tokens of a part that it removes for being empty, and a replay of the segment behind
 * it would add up again what the new rows have.
 */
export async function prepareErasures(store: StoreReader & StoreWriter): Promise<void> {
  const reader: StoreReader = { rows: (query) => store.writerRows(query) };
  const patched = (await readErasableTables(reader)).filter(({ isPatchable }) => isPatchable);
  await setWhereMissing(store, reader, {
    tables: patched.map(({ name }) => name),
    settings: ['enable_block_number_column = 1', 'enable_block_offset_column = 1'],
  });
  await setWhereMissing(store, reader, { tables: rewrittenTables, settings: ['remove_empty_parts = 0'] });
}

async function setWhereMissing(
  store: StoreWriter,
  reader: StoreReader,
  { tables, settings }: { readonly tables: readonly string[]; readonly settings: readonly string[] },
): Promise<void> {
  const rows = await checkedRows(reader, settingRow, {
    name: 'tables_without_settings',
    sql: `
      SELECT name FROM system.tables
      WHERE database = currentDatabase() AND name IN {tables:Array(String)} AND engine LIKE '%MergeTree'
        AND NOT arrayAll(setting -> position(engine_full, setting) > 0, {settings:Array(String)})`,
    params: { tables, settings },
  });
  for (const { name } of rows) {
    await store.command({
      name: `settings of ${name}`,
      sql: `ALTER TABLE ${name} MODIFY SETTING ${settings.join(', ')}`,
    });
  }
}
