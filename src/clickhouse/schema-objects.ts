import { CollectorError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { SchemaRenderer } from './cluster/schema-rendering.js';
import { type ClusterTarget, localDatabaseOf } from './cluster/schema-target.js';
import type { MigrationFile } from './migration-file.js';
import { quoteString } from './sql-text.js';
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

/** The tables and views that the statements of a migration make or change. */
export function changedObjects(statements: readonly string[]): string[] {
  const names = statements.map((statement) => {
    const sql = statement.replaceAll(/\s+/g, ' ');
    return creation.exec(sql)?.[2] ?? change.exec(sql)?.[1] ?? null;
  });
  return [...new Set(names.filter((name) => name !== null))];
}

/**
 * Makes views again that are gone though their migration is applied: an insert without its materialized view leaves a
 * rollup behind for good. Rejects with `schema_incomplete` when a table is gone, because an empty one in its place
 * would hide that; nothing is inserted then, and events wait in the spool. In a cluster a table is gone when no node
 * has it; what some nodes lack, such as those that came later, is made there.
 */
export async function mendSchema(
  { store, logger }: { readonly store: StoreWriter; readonly logger: Logger },
  files: readonly MigrationFile[],
  { target, render }: SchemaRenderer,
): Promise<void> {
  const counts = await store.writerRows<{ readonly name: string; readonly places: number | string }>({
    name: 'schema_objects',
    sql: target.kind === 'cluster' ? objectsOfCluster(target) : objectsOfServer,
    params: {},
  });
  const places = new Map(counts.map((row) => [row.name, Number(row.places)]));
  const nodes = places.get('') ?? 1;
  const missing = [...schemaObjects(files)].flatMap(([name, object]) => {
    const isTwice = target.kind === 'cluster' && !object.isView && render(object.statements[0] ?? '').length > 1;
    const found = places.get(name) ?? 0;
    return found < nodes * (isTwice ? 2 : 1) ? [{ name, ...object, found }] : [];
  });
  const tables = missing.filter(({ isView, found }) => !isView && found === 0).map(({ name }) => name);
  if (tables.length > 0) {
    const cause = `${tables.join(', ')} ${tables.length === 1 ? 'is' : 'are'} missing though its migration is applied`;
    throw new CollectorError('schema_incomplete', `cannot use the store: ${cause}; put back a copy of the data`);
  }
  for (const { name, isView, statements } of missing) {
    logger.error({ [isView ? 'view' : 'table']: name }, 'an object of the schema is missing and made again');
    for (const sql of statements.flatMap(render))
      await store.command({ name: `${isView ? 'view' : 'table'} ${name}`, sql });
  }
}

const objectsOfServer = 'SELECT name, 1 AS places FROM system.tables WHERE database = currentDatabase()';

/** How many nodes have each, in both databases; the empty name is that of the nodes themselves. */
function objectsOfCluster(target: ClusterTarget): string {
  const all = (table: string) => `clusterAllReplicas(${quoteString(target.cluster)}, system.${table})`;
  const databases = [target.database, localDatabaseOf(target)].map(quoteString).join(', ');
  return `
    SELECT name, count() AS places FROM ${all('tables')} WHERE database IN (${databases}) GROUP BY name
    UNION ALL SELECT '', count() FROM ${all('one')}`;
}
