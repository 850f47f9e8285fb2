import type { TableDefinition } from './table-definition.js';

/**
 * FINAL keeps the best row of a key in each shard, and a key may be in several: what was sent to two collectors, or
 * settled in another shard. So where a query reads such a table FINAL, it reads one row of a key, the best of all
 * shards. Grouped, because a condition on the key then still reaches each shard; behind LIMIT BY it would not.
 */
export function onceAKey(sql: string, tables: ReadonlyMap<string, TableDefinition>): string {
  if (!sql.includes(' FINAL')) return sql;
  return sql.replaceAll(/\b(\w+)( AS \w+)? FINAL\b/g, (read, name: string, alias: string | undefined) => {
    const table = tables.get(name);
    const version = table?.engine.argument ?? null;
    if (table === undefined || version === null || !table.isSharded) return read;
    return `${distinctRows(table, version)}${alias ?? ''}`;
  });
}

function distinctRows({ name, columns, sortingKey }: TableDefinition, version: string): string {
  const keys = sortingKey.join(', ');
  const others = columns.filter((column) => !sortingKey.includes(column) && column !== version);
  const values = others.map((column, index) => `best.${index + 1} AS ${column}`);
  const best = `argMax(tuple(${others.map((column) => `seen.${column}`).join(', ')}), seen.${version}) AS best`;
  return (
    `(SELECT ${[keys, ...values, `best_version AS ${version}`].join(', ')} ` +
    `FROM (SELECT ${keys}, ${best}, max(seen.${version}) AS best_version ` +
    `FROM ${name} AS seen FINAL GROUP BY ${keys}))`
  );
}
