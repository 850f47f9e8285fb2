import { packageFile } from '../../core/package-root.js';
import { readMigrationFiles } from '../migration-file.js';
import { quoteString } from '../sql-text.js';
import type { StoreSettings } from '../store-writer.js';
import { onceAKey } from './distinct-reads.js';
import { onClusterOf } from './schema-rendering.js';
import { type ClusterTarget, localDatabaseOf } from './schema-target.js';
import { qualifyTables } from './statement-tokens.js';
import { type SchemaCatalog, schemaCatalog } from './table-definition.js';

/**
 * The statements of reads and upkeep as a cluster takes them. They are written for one server, and name the tables that
 * reads use, which are Distributed here: most go as they are. What else there is:
 *
 *   a read FINAL           one row of a key over all shards (`onceAKey`)
 *   system tables          of one replica of each shard, or of every node, and about the database of the shards
 *   DELETE, ALTER          on the shards' own tables, on every node, which asks its own copy of a ledger what goes
 *   INSERT                 into one shard, by a setting: a Distributed table without a sharding key takes no other
 *   IN, JOIN               the inner query once, its result to every shard, by a setting
 */
export interface ClusterStatements {
  read(sql: string): string;
  write(sql: string): string;
}

export function clusterStatements(target: ClusterTarget): ClusterStatements {
  const catalog = schemaCatalog(readMigrationFiles(packageFile('clickhouse/migrations/')));
  const read = (sql: string) => ofAllNodes(onceAKey(sql, catalog.tables), target);
  // What makes and drops tables, and what waits for replicas, names its databases and the cluster itself.
  const write = (sql: string) => (/^\s*(CREATE|DROP|SYSTEM) /.test(sql) ? sql : onShards(read(sql), target, catalog));
  return { read, write };
}

/** Of every statement to a cluster. */
export const clusterSettings: StoreSettings = {
  distributed_product_mode: 'global',
  distributed_foreground_insert: 1,
  // A shard that does not answer fails the read: an answer without it would pass for the whole.
  skip_unavailable_shards: 0,
  // Nodes that are away catch up by themselves; what they would do is in the queue.
  distributed_ddl_output_mode: 'throw_only_active',
  distributed_ddl_task_timeout: 100,
  // What an erasure hides is asked of a ledger, which every replica has a copy of.
  allow_nondeterministic_mutations: 1,
};

/** Its replicas have the same parts; mutations and processes are of each node. */
const ofOneReplica: ReadonlySet<string> = new Set(['parts', 'detached_parts']);
const ofEveryNode: ReadonlySet<string> = new Set(['mutations', 'processes']);

function ofAllNodes(sql: string, target: ClusterTarget): string {
  if (!sql.includes('system.')) return sql;
  const cluster = quoteString(target.cluster);
  return sql
    .replaceAll('currentDatabase()', quoteString(localDatabaseOf(target)))
    .replaceAll(/\bsystem\.(\w+)/g, (table, name: string) => {
      if (ofOneReplica.has(name)) return `cluster(${cluster}, ${table})`;
      return ofEveryNode.has(name) ? `clusterAllReplicas(${cluster}, ${table})` : table;
    });
}

/** DELETE and ALTER of a table of the shards. A ledger replicates them itself. */
function onShards(sql: string, target: ClusterTarget, { tables }: SchemaCatalog): string {
  const [head, verb, name = ''] = /^\s*(DELETE FROM|ALTER TABLE) (\w+)/.exec(sql) ?? [];
  if (head === undefined || tables.get(name)?.isSharded !== true) return sql;
  const rest = qualifyTables(sql.slice(head.length), (table) => (tables.has(table) ? target.database : null));
  return `${verb} ${localDatabaseOf(target)}.${name}${onClusterOf(target)}${rest}`;
}
