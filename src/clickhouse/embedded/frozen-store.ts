import { copyFile, cp, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { quoteIdentifier, quoteString } from '../sql-text.js';
import type { StoreWriter } from '../store-writer.js';

/**
 * An image of the embedded engine's directory that another engine can be started on, while nothing is inserted.
 *
 * Parts by `ALTER TABLE … FREEZE`, hard links of a moment of each table, about 15 ms a table; the rest of a table
 * (`format_version.txt`, its deduplication log, mutations that are under way) and all metadata are copied. The names of
 * parts stay, which `RESTORE` of the engine's own BACKUP does not promise and exact inserts live on: the numbers in
 * them tell which segment has arrived. (BACKUP is not set up either: it wants `backups.allowed_path`.) Parts that were
 * detached, and what the engine makes anew at its start, are not in it.
 */
export async function freezeEngine(
  store: StoreWriter,
  { engineDir, id, target }: { readonly engineDir: string; readonly id: string; readonly target: string },
): Promise<void> {
  const tables = await store.writerRows<{ database: string; name: string }>({
    name: 'tables_to_freeze',
    sql: `
      SELECT database, name FROM system.tables
      WHERE endsWith(engine, 'MergeTree') AND database != 'system'
      ORDER BY database, name`,
    params: {},
  });
  const shadow = join(engineDir, 'db', 'shadow', id);
  try {
    for (const { database, name } of tables) {
      await store.command({
        name: `freezing of ${name}`,
        sql: `ALTER TABLE ${quoteIdentifier(database)}.${quoteIdentifier(name)} FREEZE WITH NAME ${quoteString(id)}`,
      });
    }
    await copyAround(join(engineDir, 'db'), join(target, 'db'));
    await moveParts(join(shadow, 'store'), join(target, 'db', 'store'));
  } finally {
    await rm(shadow, { recursive: true, force: true });
  }
}

/** Made anew by the engine, or of this process alone. */
const madeAnew = new Set(['shadow', 'tmp', 'status', 'store', 'preprocessed_configs']);

async function copyAround(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const entry of await readdir(from)) {
    // Links to tables and databases are relative, and stay so.
    if (!madeAnew.has(entry)) await cp(join(from, entry), join(to, entry), { recursive: true, verbatimSymlinks: true });
  }
  for (const place of await placesIn(join(from, 'store'))) {
    const [source, copy] = [join(from, 'store', place), join(to, 'store', place)];
    await mkdir(copy, { recursive: true, mode: 0o700 });
    for (const entry of await readdir(source, { withFileTypes: true })) {
      const paths = [join(source, entry.name), join(copy, entry.name)] as const;
      if (entry.isFile()) await copyFile(...paths);
      else if (entry.name === 'deduplication_logs') await cp(...paths, { recursive: true });
    }
  }
}

async function moveParts(from: string, to: string): Promise<void> {
  for (const place of await placesIn(from)) {
    await mkdir(join(to, place), { recursive: true, mode: 0o700 });
    for (const part of await readdir(join(from, place))) await rename(join(from, place, part), join(to, place, part));
  }
}

/** `<first digits>/<uuid>` of every table and database below `store`; none when there is no such directory. */
async function placesIn(store: string): Promise<string[]> {
  const places: string[] = [];
  const folders = await readdir(store).catch(() => []);
  for (const folder of folders) {
    for (const place of await readdir(join(store, folder))) places.push(join(folder, place));
  }
  return places;
}
