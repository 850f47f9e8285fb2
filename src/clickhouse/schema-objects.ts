import { CollectorError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { MigrationFile } from './migration-file.js';
import type { StoreWriter } from './store-writer.js';

/** A table or view as the migrations leave it. */
interface SchemaObject {
  readonly isView: boolean;
  /** What makes it and what has changed it since, in order. */
  readonly statements: string[];
}

const creation = /^CREATE (?:OR REPLACE )?(TABLE|VIEW|MATERIALIZED VIEW) (?:IF NOT EXISTS )?(\w+)/;
const change = /^ALTER TABLE (\w+)/;
const removal = /^DROP (?:TABLE|VIEW) (?:IF EXISTS )?(\w+)/;

/** What is there when every statement of `files` has been run. */
export function schemaObjects(files: readonly MigrationFile[]): ReadonlyMap<string, SchemaObject> {
  const objects = new Map<string, SchemaObject>();
  for (const statement of files.flatMap(({ up }) => up)) {
    const sql = statement.replaceAll(/\s+/g, ' ');
    const [, kind, created = ''] = creation.exec(sql) ?? [];
    const before = objects.get(created || (change.exec(sql)?.[1] ?? ''));
    if (before !== undefined) before.statements.push(statement);
    else if (kind !== undefined) objects.set(created, { isView: kind !== 'TABLE', statements: [statement] });
    objects.delete(removal.exec(sql)?.[1] ?? '');
  }
  return objects;
}

/**
 * Makes views again that are gone though their migration is applied: an insert without its materialized view leaves a
 * rollup behind for good. Rejects with `schema_incomplete` when a table is gone, because an empty one in its place
 * would hide that; nothing is inserted then, and events wait in the spool.
 */
export async function mendSchema(
  { store, logger }: { readonly store: StoreWriter; readonly logger: Logger },
  files: readonly MigrationFile[],
): Promise<void> {
  const rows = await store.writerRows<{ readonly name: string }>({
    name: 'schema_objects',
    sql: 'SELECT name FROM system.tables WHERE database = currentDatabase()',
    params: {},
  });
  const there = new Set(rows.map(({ name }) => name));
  const missing = [...schemaObjects(files)].filter(([name]) => !there.has(name));
  const tables = missing.filter(([, { isView }]) => !isView).map(([name]) => name);
  if (tables.length > 0) {
    const cause = `${tables.join(', ')} ${tables.length === 1 ? 'is' : 'are'} missing though its migration is applied`;
    throw new CollectorError('schema_incomplete', `cannot use the store: ${cause}; put back a copy of the data`);
  }
  for (const [name, { statements }] of missing) {
    logger.error({ view: name }, 'a view of the schema is missing and made again');
    for (const sql of statements) await store.command({ name: `view ${name}`, sql });
  }
}
