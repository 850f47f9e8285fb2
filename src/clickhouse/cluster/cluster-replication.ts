import { packageFile } from '../../core/package-root.js';
import type { Replication } from '../erasure/replication.js';
import { readMigrationFiles } from '../migration-file.js';
import type { StoreWriter } from '../store-writer.js';
import { onClusterOf } from './schema-rendering.js';
import { type ClusterTarget, localDatabaseOf } from './schema-target.js';
import { schemaCatalog } from './table-definition.js';

/**
 * What an erasure asks of the replicas of a cluster: that each has what one of them has, since whichever answers is
 * read from, and each hides rows by what it knows of the ledger. Patches are left to tables of one server: to many
 * replicas of one table each would write its own.
 */
export function clusterReplication(store: StoreWriter, target: ClusterTarget): Replication {
  const { tables: known } = schemaCatalog(readMigrationFiles(packageFile('clickhouse/migrations/')));
  return {
    hasPatches: false,
    async caughtUp(tables) {
      for (const name of tables) {
        const database = known.get(name)?.isSharded === true ? localDatabaseOf(target) : target.database;
        const sql = `SYSTEM SYNC REPLICA${onClusterOf(target)} ${database}.${name} LIGHTWEIGHT`;
        await store.command({ name: `replicas of ${name}`, sql });
      }
    },
  };
}
