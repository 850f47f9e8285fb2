import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Defaults of every MergeTree table of the embedded engine, whoever creates it. chDB's own (0 each) lose acknowledged
 * rows in a power cut: a merged part is not synced, and the synced parts it was made of are already gone. Measured on
 * ext4: of 47,640 rows none was left.
 *
 *   fsync_after_insert,              an insert that succeeded is on the disk, its directory too
 *   fsync_part_directory
 *   min_rows_to_fsync_after_merge    so is every merged, mutated and patched part
 *   old_parts_lifetime               seconds that the parts it replaces are kept: a merged part that turns out torn all
 *                                    the same is set aside, and they take its place
 *
 * With merges synced, cuts were exact with a lifetime of 1 s too. Parts are small while events are few, and every
 * second brings one to each table: with 480 s there were 7,400 directories and 580 MB after ten minutes at 500 events
 * a second.
 */
export const durableTableSettings = {
  fsync_after_insert: 1,
  fsync_part_directory: 1,
  min_rows_to_fsync_after_merge: 1,
  old_parts_lifetime: 60,
} as const;

/**
 * Other defaults of those tables. By default a merge makes two statistics of every column: least and greatest values,
 * by which reads leave out parts, and sketches of how many values are distinct, which no read of ours asks for. Without
 * the sketches a merge pass of all tables takes 1.98 us of CPU an event, with them 2.09 (the least of four runs each in
 * turn, 631,000 events).
 */
const mergeTableSettings = { auto_statistics_types: 'basic' } as const;

/**
 * How soon a table looks for merges, old parts and expired rows when nobody tells it to: 0.1 s after an insert or the
 * end of a merge, then after twice as long each time, up to ten minutes. By the engine's own factor of 1.1 the tables
 * of an idle engine woke it 60 times a second, for half of its CPU time. No table is read as a stream here.
 */
const poolSettings = {
  background_processing_pool_task_sleep_seconds_when_no_work_multiplier: 2,
  background_streaming_processing_pool_thread_sleep_seconds_if_nothing_to_do: 600,
} as const;

/** Writes the engine's configuration file into its directory; settings of tables have no argument. Answers its path. */
export function writeEngineConfig(dataDir: string): string {
  const path = join(dataDir, 'engine.xml');
  const chosen = { ...durableTableSettings, ...mergeTableSettings };
  const settings = Object.entries(chosen).map(([name, value]) => `    <${name}>${value}</${name}>`);
  const pools = Object.entries(poolSettings).map(([name, value]) => `  <${name}>${value}</${name}>`);
  const lines = ['<clickhouse>', ...pools, '  <merge_tree>', ...settings, '  </merge_tree>', '</clickhouse>', ''];
  writeFileSync(path, lines.join('\n'), { mode: 0o600 });
  return path;
}
