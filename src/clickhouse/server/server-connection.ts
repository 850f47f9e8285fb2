import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Clock, Random } from '../../core/clock.js';
import { CollectorError, errorMessage } from '../../core/errors.js';
import { rawTable } from '../../core/event-schema.js';
import type { StoreReadInstruments } from '../../core/instruments.js';
import type { ReadLimits } from '../../core/read-limits.js';
import { type ClickhouseClient, type ClickhouseTls, clickhouseLimits, createClickhouseClient } from '../client.js';
import { createClusterClient } from '../cluster/cluster-client.js';
import { clusterSettings, clusterStatements } from '../cluster/cluster-statements.js';
import { ClusterTopology } from '../cluster/cluster-topology.js';
import type { SchemaTarget } from '../cluster/schema-target.js';
import type { InsertCompression } from '../insert-compression.js';
import { readingAsWriter } from '../maintenance/rollup-repair.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { integer64 } from '../queries/sql/column-types.js';

/** The way to a ClickHouse server, to several, or to a cluster, as it is configured. */
export interface ServerOptions {
  readonly url: string;
  readonly user: string | null;
  readonly password: string | null;
  readonly caFile: string | null;
  readonly certificateFile: string | null;
  readonly keyFile: string | null;
  readonly compression: InsertCompression;
  readonly cluster: string | null;
  readonly database: string;
  readonly reads: ReadLimits;
}

export interface ServerConnection {
  readonly client: ClickhouseClient;
  /** Of a cluster; null: there are no shards. */
  readonly topology: ClusterTopology | null;
  readonly database: string;
  readonly cluster: string | null;
  /** What the schema is rendered for. Rejects as `StoreReader.rows`. */
  target(): Promise<SchemaTarget>;
  /** Each server that answers: which it is, and what its table of raw events is made of; empty when there is none. */
  servers(): Promise<readonly ServerIdentity[]>;
}

interface ServerIdentity {
  readonly url: string;
  readonly uuid: string;
  readonly engine: string;
}

/** Throws CollectorError `config_invalid` when a file of the configuration cannot be read. */
export function connectToServer(
  deps: { readonly clock: Clock; readonly random: Random; readonly instruments?: StoreReadInstruments },
  options: ServerOptions,
): ServerConnection {
  const { cluster, database } = options;
  const account = { user: options.user ?? 'default', password: options.password ?? '' };
  const tls = tlsOf(options);
  const client = createClickhouseClient(deps, {
    url: options.url,
    database,
    writer: account,
    reader: account,
    limits: clickhouseLimits(options.reads),
    insertCompression: options.compression,
    ...(tls === null ? {} : { tls }),
    ...(cluster === null ? {} : { settings: clusterSettings }),
  });
  const common = { database, cluster, servers: () => readServers(client, database) };
  if (cluster === null) {
    const target = async () => ({ kind: (await isCloud(client)) ? ('cloud' as const) : ('server' as const) });
    return { ...common, client, topology: null, target };
  }
  const target = { kind: 'cluster', cluster, database } as const;
  const topology = new ClusterTopology({ store: readingAsWriter(client), clock: deps.clock }, cluster);
  const statements = clusterStatements(target);
  const rendering = createClusterClient(client, { statements, topology });
  return { ...common, client: rendering, topology, target: async () => target };
}

const countRow = z.object({ count: integer64 });

/** Asked by what only the cloud has. */
async function isCloud(client: ClickhouseClient): Promise<boolean> {
  const [found] = await checkedRows(readingAsWriter(client), countRow, {
    name: 'kind_of_server',
    sql: "SELECT count() AS count FROM system.table_engines WHERE name = 'SharedMergeTree'",
    params: {},
  });
  return found !== undefined && found.count > 0;
}

async function readServers(client: ClickhouseClient, database: string): Promise<ServerIdentity[]> {
  const found = await client.rowsOfEach<{ readonly uuid: string; readonly engine: string }>({
    name: 'servers',
    sql: `
      SELECT toString(serverUUID()) AS uuid, (SELECT any(engine) FROM system.tables
        WHERE database = {database:String} AND name = {table:String}) AS engine`,
    params: { database, table: rawTable },
  });
  return found.flatMap(({ url, rows: [row] }) => (row === undefined ? [] : [{ url, ...row }]));
}

function tlsOf({ caFile, certificateFile, keyFile }: ServerOptions): ClickhouseTls | null {
  if (caFile === null) return null;
  const client =
    certificateFile === null || keyFile === null
      ? null
      : { certificate: fileOf('certificateFile', certificateFile), key: fileOf('keyFile', keyFile) };
  return { ca: fileOf('caFile', caFile), client };
}

function fileOf(field: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CollectorError('config_invalid', `cannot read clickhouse.${field} ${path}: ${errorMessage(error)}`);
  }
}
