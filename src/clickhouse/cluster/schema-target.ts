/**
 * For what the migrations are rendered. The files are written for one engine; what differs elsewhere is made of them:
 *
 *   embedded   as written
 *   server     tables whose merges are synced, which the embedded engine's configuration does
 *   cloud      SharedMergeTree, whose parts lie in object storage: nothing to sync, a deduplication log of its own kind
 *   cluster    ON CLUSTER; tables that inserts reach are local to a shard, in a database beside, under their own names,
 *              and a Distributed table has the name that reads use; the rest is one table that every node has a copy of
 */
export type SchemaTarget =
  | { readonly kind: 'embedded' | 'server' | 'cloud' }
  | { readonly kind: 'cluster'; readonly cluster: string; readonly database: string };

export type ClusterTarget = Extract<SchemaTarget, { readonly kind: 'cluster' }>;

/** Where the shards keep their own tables and materialized views. */
export function localDatabaseOf({ database }: Pick<ClusterTarget, 'database'>): string {
  return `${database}_local`;
}
