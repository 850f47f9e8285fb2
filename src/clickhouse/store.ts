import { join } from 'node:path';
import type { Clock, Random } from '../core/clock.js';
import type { FileLocker } from '../core/file-lock.js';
import type { EngineInstruments, ExactInsertInstruments, StoreReadInstruments } from '../core/instruments.js';
import type { Logger } from '../core/logger.js';
import type { HealthProbe } from '../core/ports/health-probe.js';
import type { InsertNotes } from '../core/ports/insert-notes.js';
import type { SegmentWriter } from '../core/ports/segment-writer.js';
import type { ReadLimits } from '../core/read-limits.js';
import type { Stage } from '../core/stage.js';
import { type ClickhouseClient, clickhouseLimits, createClickhouseClient } from './client.js';
import { ClusterSegmentWriter } from './cluster/cluster-segment-writer.js';
import type { SchemaTarget } from './cluster/schema-target.js';
import { mustHaveLibrary } from './embedded/engine-load.js';
import { collectorReader } from './embedded/front/engine-door.js';
import { freezeEngine } from './embedded/frozen-store.js';
import {
  type KeptPassword,
  readOrCreateReaderPassword,
  readOrCreateWriterPassword,
  writeGrafanaEnvironment,
} from './embedded/process/engine-passwords.js';
import { createEngineProcess } from './embedded/process/engine-process.js';
import type { EngineLimits } from './embedded/process/engine-protocol.js';
import { mustHaveSandbox } from './embedded/sandbox/engine-fork.js';
import type { SandboxMode } from './embedded/sandbox/launch-report.js';
import type { InsertCompression } from './insert-compression.js';
import { machineMemoryBytes } from './machine-memory.js';
import { ExactSegmentWriter } from './segments/exact-segment-writer.js';
import { reopeningDays } from './segments/returned-segments.js';
import { createSegmentWriter } from './segments/segment-insert.js';
import { connectToServer } from './server/server-connection.js';
import { ServerSettings } from './server/server-settings.js';
import type { OwnEngine } from './store-upkeep.js';

export interface StoreDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly instruments: EngineInstruments;
  readonly reads: StoreReadInstruments;
  readonly inserts: ExactInsertInstruments;
  readonly insertNotes: InsertNotes;
  readonly locker: FileLocker;
}

export interface StoreOptions {
  /** A ClickHouse server; null starts the embedded engine. */
  readonly url: string | null;
  readonly user: string | null;
  readonly password: string | null;
  readonly caFile: string | null;
  readonly certificateFile: string | null;
  readonly keyFile: string | null;
  readonly compression: InsertCompression;
  /** Of the server; null: it is alone, or hides that it is not. */
  readonly cluster: string | null;
  readonly insertQuorum: string | null;
  /** Of the embedded engine, on 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  readonly database: string;
  /** Who reads through the engine's open port, and what one of their queries may take. */
  readonly readerAccess: 'password' | 'open';
  readonly readerPassword: string | null;
  readonly readers: readonly { readonly name: string; readonly tenant: string; readonly password: string }[];
  readonly readerConnections: number;
  readonly readerSocketsMax: number;
  readonly readerMemoryBytesMax: number;
  readonly readerThreadsMax: number;
  readonly readerTimeoutMs: number;
  readonly readerResultBytesMax: number;
  readonly readerHeldBytesMax: number;
  readonly readerRowsMax: number;
  /** Names, beside the loopback ones, under which the ports are addressed. */
  readonly hosts: readonly string[];
  /** Origins whose pages may query the embedded engine. */
  readonly corsOrigins: readonly string[];
  readonly readConnections: number;
  readonly memoryRatioMax: number;
  readonly sandbox: SandboxMode;
  /** Whether the maintenance removes what has expired from an embedded engine. */
  readonly schedule: 'on' | 'off';
  readonly reads: ReadLimits;
  /** How long a client of an export may take nothing. */
  readonly replyIdleTimeoutMs: number;
  readonly dataDir: string;
  readonly spoolDir: string;
  /** Used share of the disk above which the spool refuses events. */
  readonly diskUsedRatioMax: number;
}

/** The store as the other stages use it, whichever kind it is. */
export interface ConnectedStore {
  readonly url: string;
  /** Of the reader `default`, made at this start; null when there was one, or none is asked for. */
  readonly newReaderPassword: string | null;
  readonly client: ClickhouseClient;
  readonly segments: SegmentWriter;
  readonly probes: readonly HealthProbe[];
  /** What runs in this collector for the store: the embedded engine, or nothing; and the way to the store. */
  readonly stages: readonly Stage[];
  enginePid(): number | undefined;
  /** What the schema is rendered for. Rejects as `StoreReader.rows`. */
  target(): Promise<SchemaTarget>;
  /** Of a server, whose settings are its operator's; null for the embedded engine. */
  readonly settings: ServerSettings | null;
  /** Of the embedded engine. Null for a server. */
  readonly engine: OwnEngine | null;
  /** An image of the embedded engine's files, while nothing is inserted. Null for a server. */
  readonly freeze: ((image: { readonly id: string; readonly target: string }) => Promise<void>) | null;
}

const engineUsers = { writer: 'tidemark', reader: 'default' } as const;

export async function connectStore(deps: StoreDeps, options: StoreOptions): Promise<ConnectedStore> {
  return options.url === null ? connectEmbedded(deps, options) : connectServer(deps, options, options.url);
}

function connectServer(deps: StoreDeps, options: StoreOptions, url: string): ConnectedStore {
  const server = connectToServer({ ...deps, instruments: deps.reads }, { ...options, url });
  const { client } = server;
  const settings = new ServerSettings(server, deps.logger);
  const { database, insertQuorum: quorum } = options;
  const segments =
    server.topology === null
      ? createSegmentWriter({ store: client }, { database, transport: 'body', quorum })
      : new ClusterSegmentWriter(
          { store: client, topology: server.topology, notes: deps.insertNotes },
          { database, quorum },
        );
  return {
    url,
    newReaderPassword: null,
    client,
    segments: reopeningDays(segments, { ...deps, store: client }),
    probes: [client, settings],
    settings,
    stages: [closing(client)],
    enginePid: () => undefined,
    target: server.target,
    engine: null,
    freeze: null,
  };
}

async function connectEmbedded(deps: StoreDeps, options: StoreOptions): Promise<ConnectedStore> {
  // Later these would be among the failures that are tried again.
  mustHaveLibrary();
  if (options.sandbox === 'on') await mustHaveSandbox();
  const writerPassword = readOrCreateWriterPassword(options.dataDir, deps.logger);
  const reader = readerPasswordOf(deps, options);
  const { port } = options;
  const engineDir = join(options.dataDir, 'engine');
  const engine = createEngineProcess(deps, {
    dataDir: engineDir,
    port,
    spoolDir: options.spoolDir,
    database: options.database,
    hosts: options.hosts,
    corsOrigins: options.corsOrigins,
    writerUser: engineUsers.writer,
    writerPassword,
    readers: [{ name: engineUsers.reader, password: reader.password, tenant: null }, ...options.readers],
    ...engineLimits(options),
    sandbox: options.sandbox,
    keepsExpired: options.schedule === 'on',
  });
  await engine.reserve();
  writeGrafanaEnvironment(options.dataDir, { port: engine.port, password: reader.password }, deps.logger);
  const client = createClient(deps, options, {
    url: engine.url,
    channelPath: engine.channelPath,
    writer: { user: engineUsers.writer, password: writerPassword },
    reader: { user: collectorReader, password: writerPassword },
  });
  const segments = new ExactSegmentWriter(
    { ...deps, store: client, notes: deps.insertNotes, instruments: deps.inserts },
    { database: options.database, engineDir },
  );
  return {
    url: engine.url,
    newReaderPassword: reader.isNew ? reader.password : null,
    client,
    segments: reopeningDays(segments, { ...deps, store: client }),
    probes: [engine, client],
    stages: [engine, closing(client)],
    enginePid: () => engine.pid(),
    target: async () => ({ kind: 'embedded' }),
    settings: null,
    engine: {
      directory: engineDir,
      ledgerPath: join(options.dataDir, 'engine-parts.json'),
      restart: (reason, options) => engine.restart(reason, options),
      definitions: engine.definitions,
    },
    freeze: (image) => freezeEngine(client, { engineDir, ...image }),
  };
}

function readerPasswordOf(
  { logger }: StoreDeps,
  { readerAccess, readerPassword, dataDir }: StoreOptions,
): KeptPassword {
  if (readerAccess === 'open') return { password: '', isNew: false };
  return readerPassword === null
    ? readOrCreateReaderPassword(dataDir, logger)
    : { password: readerPassword, isNew: false };
}

function engineLimits(options: StoreOptions): EngineLimits {
  return {
    readConnections: options.readConnections,
    streamsMax: options.reads.exportsMax,
    streamMsMax: options.reads.exportTimeoutMs,
    // The collector cuts its own slow clients off before the engine does.
    streamIdleMsMax: 2 * options.replyIdleTimeoutMs,
    memoryBytesMax: engineMemoryBytes(options),
    guestReadsMax: options.readerConnections,
    guestStreamsMax: options.readerConnections,
    guestConnectionsMax: options.readerSocketsMax,
    guestMemoryBytesMax: queryMemoryBytes(options, options.readerMemoryBytesMax),
    guestThreadsMax: options.readerThreadsMax,
    guestRowsMax: options.readerRowsMax,
    guestQueryMsMax: options.readerTimeoutMs,
    guestResultBytesMax: options.readerResultBytesMax,
    guestHeldBytesMax: options.readerHeldBytesMax,
    heldDiskUsedRatioMax: heldDiskShare * options.diskUsedRatioMax,
  };
}

function engineMemoryBytes({ memoryRatioMax }: StoreOptions): number {
  return Math.floor(memoryRatioMax * machineMemoryBytes());
}

/** At the most three quarters of the engine's: who needs more is told so, and not that it may be asked again. */
function queryMemoryBytes(options: StoreOptions, bytesMax: number): number {
  return Math.min(bytesMax, Math.floor(0.75 * engineMemoryBytes(options)));
}

/** Results that are held leave the spool more than what it takes to accept events again. */
const heldDiskShare = 0.95;

function createClient(
  deps: StoreDeps,
  options: StoreOptions,
  access: Pick<Parameters<typeof createClickhouseClient>[1], 'url' | 'channelPath' | 'writer' | 'reader'>,
): ClickhouseClient {
  const { reads } = options;
  const limits = clickhouseLimits({
    ...reads,
    memoryBytesMax: queryMemoryBytes(options, reads.memoryBytesMax),
    exportMemoryBytesMax: queryMemoryBytes(options, reads.exportMemoryBytesMax),
  });
  const { clock, reads: instruments } = deps;
  return createClickhouseClient({ clock, instruments }, { ...access, database: options.database, limits });
}

function closing(client: ClickhouseClient): Stage {
  return { name: 'clickhouse', stop: () => client.close() };
}
