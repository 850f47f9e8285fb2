import { resolve } from 'node:path';
import { PreparedDashboards } from './api/dashboard/prepared-dashboards.js';
import { RollupMemory } from './clickhouse/memory/rollup-memory.js';
import { preparedStore } from './clickhouse/prepared-store.js';
import { readRememberedWork } from './clickhouse/queries/restoration/remembered-work.js';
import { readWindowRestore } from './clickhouse/queries/restoration/window-restore.js';
import { type ConnectedStore, connectStore, type StoreOptions } from './clickhouse/store.js';
import { StoreStartup } from './clickhouse/store-startup.js';
import { createStoreUpkeep, type StoreUpkeep } from './clickhouse/store-upkeep.js';
import type { Config } from './config/config.js';
import type { Clock, Random } from './core/clock.js';
import type { FileLocker } from './core/file-lock.js';
import type { Logger } from './core/logger.js';
import type { Progress } from './core/progress.js';
import { retentionOf } from './core/retention.js';
import { type Stage, sideBySide } from './core/stage.js';
import { createDecodePool, type DecodePool } from './decode/decode-pool.js';
import { workKeys } from './decode/work-keys.js';
import { createDelivery, type Delivery } from './deliver/delivery.js';
import { type TlsFiles, tlsFilesOf } from './http/tls-files.js';
import type { ApiKeys } from './ingest/api-keys.js';
import { EventIdMemory } from './ingest/event-id-memory.js';
import { IngestPipeline } from './ingest/pipeline.js';
import type { ReceiptClock } from './ingest/receipt-clock.js';
import { WorkMemory } from './ingest/work/work-memory.js';
import { WorkRestoration } from './ingest/work/work-restoration.js';
import { createLiveView, type LiveView } from './live/live-view.js';
import { DataDirSnapshots } from './spool/data-dir-snapshots.js';
import type { DiskSpace, FileSystem } from './spool/file-system.js';
import { InsertNoteFile } from './spool/insert-note-file.js';
import { createReservedFileSystem } from './spool/reserved-file-system.js';
import { createSpool, type Spool } from './spool/spool.js';
import { ClockHealth } from './telemetry/clock-health.js';
import { DiskHealth } from './telemetry/disk-health.js';
import type { Metrics } from './telemetry/metrics.js';
import { createEndpointWindows, type RollingEndpoints } from './window/endpoint-windows.js';
import { createLiveWindows, type RollingWindows } from './window/live-windows.js';
import { WindowRestoration } from './window/window-restoration.js';

export interface CollectorDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Lines of the log that could not be written, as yet. */
  readonly logLinesDropped?: () => number;
  /** Where long work is shown. */
  readonly progress: Progress;
}

/** What every part is built from. */
export interface Setting extends CollectorDeps {
  readonly config: Config;
  readonly dataDir: string;
  readonly receipt: ReceiptClock;
  readonly metrics: Metrics;
  readonly locker: FileLocker;
  readonly keys: ApiKeys;
}

/** The stages other stages meet through their ports. */
export interface Parts {
  readonly spool: Spool;
  readonly insertNotes: InsertNoteFile;
  readonly windows: RollingWindows;
  readonly endpoints: RollingEndpoints;
  readonly decoder: DecodePool;
  readonly store: ConnectedStore;
  readonly delivery: Delivery;
  readonly pipeline: IngestPipeline;
  readonly work: WorkMemory;
  readonly live: LiveView;
  readonly upkeep: StoreUpkeep;
  readonly startup: StoreStartup;
  readonly reads: ReturnType<typeof joinMemory>;
  readonly snapshots: DataDirSnapshots;
  readonly disk: DiskHealth;
  /** Null: plain HTTP. */
  readonly tls: TlsFiles | null;
  readonly diskUse: () => Promise<DiskSpace>;
  readonly wallClock: ClockHealth;
}

export async function joinParts(setting: Setting): Promise<Parts> {
  const { config, dataDir, receipt, clock, random, logger, progress, metrics, locker } = setting;
  const directory = resolve(dataDir, 'spool');
  const fileSystem = createReservedFileSystem();
  const { spool, eventIds, insertNotes } = joinSpool(setting, { fileSystem, directory });
  const windows = createLiveWindows(
    { clock, logger, instruments: metrics.window },
    { ...config.window, futureMs: config.limits.skewFutureMs },
  );
  const decoder = createDecodePool(
    { clock, logger, instruments: metrics.decode },
    { ...config.decode, batchBytesMax: config.ingest.batchBytesMax, limits: config.limits },
  );
  const store = await connectStore(
    { ...setting, instruments: metrics.engine, reads: metrics.storeReads, inserts: metrics.exactInserts, insertNotes },
    storeOptions(config, { dataDir, spoolDir: directory, diskUsedRatioMax: config.spool.diskUsedRatioMax }),
  );
  const delivery = createDelivery({
    reader: spool,
    writer: store.segments,
    clock,
    random,
    logger,
    progress,
    instruments: metrics.deliver,
  });
  const instruments = {
    ...metrics.ingest,
    recordExecutions: metrics.executions.recordExecutions.bind(metrics.executions),
  };
  const live = createLiveView({ clock, instruments: metrics.live }, { ...config.live, ...config.history });
  const onForgotten = (kind: 'start' | 'run', count: number) => metrics.ingest.workForgotten.inc({ kind }, count);
  const work = new WorkMemory({ ...config.ingest, onForgotten });
  const pipeline = new IngestPipeline(
    { decoder, spool, windows, live: live.sink, eventIds, work, clock, receipt, logger, instruments },
    config.ingest,
  );
  const upkeep = joinUpkeep(setting, { spool, store, delivery });
  const startup = joinStartup(setting, { spool, windows, store, delivery, upkeep, work });
  const reads = joinMemory(setting, { store, startup });
  const snapshotDeps = { clock, logger, locker, instruments: metrics.snapshots, spool, delivery };
  const snapshots = new DataDirSnapshots({ ...snapshotDeps, freezeStore: store.freeze }, dataDir);
  const endpoints = createEndpointWindows(clock);
  const diskUse = () => fileSystem.diskSpace(dataDir);
  const disk = new DiskHealth({ clock, diskUse }, config.health);
  const tls = tlsFilesOf({ clock, logger }, config.tls);
  const wallClock = new ClockHealth({ clock, receipt: () => receipt.state() });
  return {
    spool,
    insertNotes,
    windows,
    endpoints,
    decoder,
    store,
    delivery,
    pipeline,
    work,
    live,
    upkeep,
    startup,
    reads,
    snapshots,
    disk,
    diskUse,
    tls,
    wallClock,
  };
}

/** By name where two groups of the configuration meet: the origins of `http` are not those of the engine's port. */
function storeOptions(config: Config, places: Pick<StoreOptions, 'dataDir' | 'spoolDir' | 'diskUsedRatioMax'>) {
  const { hosts, replyIdleTimeoutMs } = config.http;
  const { schedule } = config.maintenance;
  return { ...config.clickhouse, hosts, replyIdleTimeoutMs, schedule, reads: config.query, ...places };
}

function joinMemory(
  { config, clock, logger, keys, metrics }: Setting,
  { store, startup }: Pick<Parts, 'store' | 'startup'>,
) {
  const ownSteps = () => store.client.writerSteps;
  const prepared = preparedStore(store.client, startup);
  const { rememberedBytesMax, preparedTenantsMax: tenantsMax } = config.query;
  // What has changed is told from the parts of one server (`StoreChanges`).
  const bytesMax = config.clickhouse.cluster === null ? rememberedBytesMax : 0;
  const deps = { store: prepared, ownSteps, clock, instruments: metrics.memory };
  const memory = new RollupMemory(deps, { bytesMax, unseenMsMax: 250 });
  const reads = { store: prepared, memory, schema: startup, keys, clock, logger, instruments: metrics.prepared };
  return { store: prepared, exporter: prepared, memory, dashboards: new PreparedDashboards(reads, { tenantsMax }) };
}

function joinSpool(
  { config, clock, logger, metrics }: Setting,
  { fileSystem, directory }: { readonly fileSystem: FileSystem; readonly directory: string },
) {
  const eventIds = new EventIdMemory({
    idsMax: config.ingest.eventIdsMax,
    onForgotten: (count) => metrics.ingest.dedupForgotten.inc({ kind: 'event_id' }, count),
  });
  const wasOffered = (id: string) => insertNotes.wasNoted(id);
  const spool = createSpool(
    { fileSystem, clock, logger, instruments: metrics.spool, eventIds, wasOffered },
    { directory, ...config.spool, eventIdsMax: config.ingest.eventIdsMax },
  );
  const insertNotes = new InsertNoteFile({ fileSystem, foundSegments: () => spool.foundSegments }, directory);
  return { spool, eventIds, insertNotes };
}

function joinUpkeep(setting: Setting, { spool, store, delivery }: Pick<Parts, 'spool' | 'store' | 'delivery'>) {
  const { config, metrics, receipt } = setting;
  const undeliveredSinceMs = () => spool.stats().oldestReceivedMs;
  return createStoreUpkeep(
    { ...setting, store: store.client, delivery, undeliveredSinceMs, instruments: metrics },
    {
      ...config.clickhouse,
      ...config.maintenance,
      startedMs: () => receipt.startedMs,
      skewFutureMs: config.limits.skewFutureMs,
      retention: retentionOf(config.retention),
      erasure: config.erasure,
      engine: store.engine,
      target: store.target,
      settings: store.settings,
    },
  );
}

/**
 * What needs the store, in the order it is started. When the schema is there, delivery begins; once the old backlog is
 * in the store, the windows come back and the maintenance begins.
 */
function joinStartup(
  setting: Setting,
  parts: Pick<Parts, 'spool' | 'windows' | 'store' | 'delivery' | 'upkeep' | 'work'>,
): StoreStartup {
  const { config, receipt, clock, random, logger } = setting;
  const { client } = parts.store;
  const backlog = { spool: parts.spool, clockUnset: () => receipt.mustWait(), clock, logger };
  const startedMs = () => receipt.startedMs;
  const restoration = new WindowRestoration(
    {
      ...backlog,
      readPages: (receivedBeforeMs, onAgents) => {
        const range = { receivedBeforeMs, nowMs: clock.nowMs(), agentsMax: config.window.keysMax };
        const onErrorsSkipped = () =>
          logger.warn({}, 'error categories of the live windows are not restored: counting them takes too long');
        return readWindowRestore(client, range, { onErrorsSkipped, onAgents });
      },
      windows: parts.windows,
      progress: setting.progress,
    },
    { startedMs },
  );
  const remembering = new WorkRestoration(
    { ...backlog, work: parts.work, keysOf: workKeys, read: (range) => readRememberedWork(client, range) },
    { startedMs, openAgeMsMax: config.ingest.openStartsAgeMsMax },
  );
  const schema: Stage = { name: 'schema', start: () => parts.upkeep.prepare() };
  const background = sideBySide('background', [remembering, restoration, ...parts.upkeep.stages]);
  return new StoreStartup({ clock, random, logger }, [...parts.store.stages, schema, parts.delivery, background]);
}
