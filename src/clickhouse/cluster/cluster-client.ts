import type { ClickhouseClient } from '../client.js';
import type { StoreStatement } from '../store-writer.js';
import type { ClusterStatements } from './cluster-statements.js';
import { type ClusterTopology, shardOf } from './cluster-topology.js';

/** A client whose statements are those of one server, and are rendered for a cluster on their way. */
export function createClusterClient(
  client: ClickhouseClient,
  {
    statements,
    topology,
  }: { readonly statements: ClusterStatements; readonly topology: Pick<ClusterTopology, 'shards'> },
): ClickhouseClient {
  let turn = 0;
  /**
   * Where rows of the upkeep go that are of no segment: to each shard in turn, or, with a token, to that of the token,
   * since no other shard knows whether they are there.
   */
  async function inOneShard(statement: StoreStatement): Promise<StoreStatement> {
    if (!/^\s*INSERT INTO /.test(statement.sql)) return statement;
    const shards = await topology.shards();
    const token = /\binsert_deduplication_token = '([^']+)'/.exec(statement.sql)?.[1];
    const shard = token === undefined ? (shards[turn++ % shards.length]?.number ?? 1) : shardOf(token, shards);
    return { ...statement, settings: { insert_shard_id: shard, ...statement.settings } };
  }
  return {
    name: client.name,
    ifUnhealthy: client.ifUnhealthy,
    get writerSteps() {
      return client.writerSteps;
    },
    rows: (query) => client.rows({ ...query, sql: statements.read(query.sql) }),
    export: (query) => client.export({ ...query, sql: statements.read(query.sql) }),
    writerRows: (query) => client.writerRows({ ...query, sql: statements.read(query.sql) }),
    rowsOfEach: (query) => client.rowsOfEach(query),
    command: async (statement) =>
      await client.command(await inOneShard({ ...statement, sql: statements.write(statement.sql) })),
    insertStream: (statement, openBody) => client.insertStream(statement, openBody),
    ping: () => client.ping(),
    health: () => client.health(),
    close: () => client.close(),
  };
}
