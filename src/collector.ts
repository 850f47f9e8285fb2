import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { createApiRoutes } from './api/api-routes.js';
import { describedRoutes } from './api/openapi/described-routes.js';
import { tryLoadFileLock } from './clickhouse/embedded/sandbox/native-calls.js';
import { RollupMemory } from './clickhouse/memory/rollup-memory.js';
import { preparedStore } from './clickhouse/prepared-store.js';
import { readRememberedWork } from './clickhouse/queries/restoration/remembered-work.js';
import { readWindowRestore } from './clickhouse/queries/restoration/window-restore.js';
import { type ConnectedStore, connectStore, type StoreOptions } from './clickhouse/store.js';
import { StoreStartup } from './clickhouse/store-startup.js';
import { createStoreUpkeep, type StoreUpkeep } from './clickhouse/store-upkeep.js';
import type { Config } from './config/config.js';
import type { Clock, Random } from './core/clock.js';
import type { CollectorReport } from './core/collector-report.js';
import type { EventLedger } from './core/event-ledger.js';
import type { FileLocker } from './core/file-lock.js';
import type { Logger } from './core/logger.js';
import type { HttpRoute } from './core/ports/http-route.js';
import type { Progress } from './core/progress.js';
import { retentionOf } from './core/retention.js';
import { type Stage, sideBySide } from './core/stage.js';
import { StageList } from './core/stage-list.js';
import { createDecodePool, type DecodePool } from './decode/decode-pool.js';
import { workKeys } from './decode/work-keys.js';
import { createDelivery, type Delivery } from './deliver/delivery.js';
import { HttpServer } from './http/http-server.js';
import { loadSocketLibrary, type SocketLibrary } from './http/sockets/socket-library.js';
import { type TlsFiles, tlsFilesOf } from './http/tls-files.js';
import { type ApiKeys, createApiKeys } from './ingest/api-keys.js';
import { createEntrances } from './ingest/entrances.js';
import { EventIdMemory } from './ingest/event-id-memory.js';
import { KeyBudgets } from './ingest/limits/key-budgets.js';
import { OwnEvents } from './ingest/own-events.js';
import { IngestPipeline } from './ingest/pipeline.js';
import { ReceiptClock } from './ingest/receipt-clock.js';
import type { RequestFrames } from './ingest/request-frames.js';
import { WorkMemory } from './ingest/work/work-memory.js';
import { WorkRestoration } from './ingest/work/work-restoration.js';
import { createLiveView, type LiveView } from './live/live-view.js';
import { DataDirFormat } from './spool/data-dir-format.js';
import { DataDirLock } from './spool/data-dir-lock.js';
import { DataDirSnapshots } from './spool/data-dir-snapshots.js';
import { createFileLocker } from './spool/file-locker.js';
import { type DiskSpace, type FileSystem, nodeFileSystem } from './spool/file-system.js';
import { InsertNoteFile } from './spool/insert-note-file.js';
import { createReservedFileSystem } from './spool/reserved-file-system.js';
import { createSpool, type Spool } from './spool/spool.js';
import { FileAuditLog } from './telemetry/audit/file-audit-log.js';
import { bothRecord } from './telemetry/both-record.js';
import { ClockHealth } from './telemetry/clock-health.js';
import { DiskHealth } from './telemetry/disk-health.js';
import { createMetrics, type Metrics } from './telemetry/metrics.js';
import { loadUiFiles } from './ui-assets/ui-files.js';
import { withPages } from './ui-assets/ui-routes.js';
import { createEndpointWindows, type RollingEndpoints } from './window/endpoint-windows.js';
import { createLiveWindows, type RollingWindows } from './window/live-windows.js';
import { WindowRestoration } from './window/window-restoration.js';

export interface CollectorDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Where long work is shown. */
  readonly progress: Progress;
}

export interface CollectorOptions {
  readonly config: Config;
  readonly version: string;
}

/** Everything, joined: the only place that knows all stages. */
export interface Collector {
  /** Resolves when events are accepted; the store may still be starting. */
  start(): Promise<CollectorReport>;
  /** Idempotent. What is acknowledged stays in the spool and is inserted after the next start. */
  stop(deadlineMs: number): Promise<void>;
}

export function createCollector(deps: CollectorDeps, options: CollectorOptions): Collector {
  return new JoinedCollector(deps, options);
}

/** What every part is built from. */
interface Setting extends CollectorDeps {
  readonly config: Config;
  readonly dataDir: string;
  readonly receipt: ReceiptClock;
  readonly metrics: Metrics;
  readonly locker: FileLocker;
}

/** The stages other stages meet through their ports. */
interface Parts {
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
  readonly memory: RollupMemory;
  readonly snapshots: DataDirSnapshots;
  readonly disk: DiskHealth;
  /** Null: plain HTTP. */
  readonly tls: TlsFiles | null;
  readonly diskUse: () => Promise<DiskSpace>;
  readonly wallClock: ClockHealth;
}

class JoinedCollector implements Collector {
  readonly #deps: CollectorDeps;
  readonly #options: CollectorOptions;
  readonly #stages: StageList;

  constructor(deps: CollectorDeps, options: CollectorOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#stages = new StageList(deps);
  }

  async start(): Promise<CollectorReport> {
    const { config, version } = this.#options;
    const { clock, logger } = this.#deps;
    const dataDir = resolve(config.dataDir);
    try {
      // Before anything is made: what cannot be loaded now cannot be loaded later.
      const sockets = await loadSocketLibrary(config.http.server);
      // The lock comes before everything that touches the directory.
      const locker = createFileLocker({ lock: tryLoadFileLock() });
      await this.#stages.start(new DataDirLock({ locker }, dataDir));
      const place = { directory: dataDir, version };
      await this.#stages.start(new DataDirFormat({ fileSystem: nodeFileSystem }, place));
      const metrics = createMetrics({ clock }, { agentsMax: config.metrics.agentsMax, version });
      const keys = createApiKeys(
        { clock, locker, logger },
        {
          dataDir,
          keysFromConfig: config.apiKeys,
          contentTenants: config.contentTenants,
          metricsKey: config.metrics.key,
          keyLimits: config.keyLimits,
        },
      );
      const receipt = new ReceiptClock({ clock, logger, instruments: metrics.receipt });
      const parts = await joinParts({ ...this.#deps, config, dataDir, receipt, metrics, locker });
      const { burstSeconds } = config.keyLimits;
      const budgets = new KeyBudgets({ clock, logger, instruments: metrics.keys }, { dataDir, burstSeconds });
      budgets.follow(keys);
      const auditDeps = { clock, logger, locker, instruments: metrics.audit };
      const audit = new FileAuditLog(auditDeps, { dataDir, ...config.auditLog });
      const http = joinHttp({ ...this.#deps, config, metrics, version, sockets }, parts, { keys, budgets, audit });
      keys.onRevoked((isGone, code) => http.disconnect(isGone, code));
      observe(metrics, parts, http);
      metrics.observe({ quotaUses: () => budgets.quotaUses() });
      metrics.observe({ receipt: () => receipt.state() });
      // What is called before who calls it; stopped in reverse. What needs the store is started in the background.
      const { wallClock, spool, insertNotes, startup, memory, decoder, snapshots } = parts;
      const received = receipt.after(spool);
      const stages: readonly Stage[] = [
        wallClock,
        snapshots,
        spool,
        insertNotes,
        received,
        startup,
        memory,
        decoder,
        budgets,
        audit,
        keys,
        http,
      ];
      for (const stage of stages) await this.#stages.start(stage);
      return {
        url: http.url,
        storeUrl: parts.store.url,
        dataDir,
        generatedAdminKey: keys.generatedAdminKey,
        generatedReaderPassword: parts.store.newReaderPassword,
        keysFromConfig: config.apiKeys.length > 0,
      };
    } catch (error) {
      // Why it could not start matters more than what could not be stopped then, which the log tells.
      await this.stop(config.stopDeadlineMs).catch(() => undefined);
      throw error;
    }
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#stages.stop(deadlineMs);
  }
}

async function joinParts(setting: Setting): Promise<Parts> {
  const { config, dataDir, receipt, clock, random, logger, progress, metrics } = setting;
  const directory = resolve(dataDir, 'spool');
  const fileSystem = createReservedFileSystem();
  const { spool, eventIds, insertNotes } = joinSpool(setting, { fileSystem, directory });
  const windows = createLiveWindows(
    { clock, logger, instruments: metrics.window },
    { ...config.window, futureMs: config.limits.skewFutureMs },
  );
  const decoder = createDecodePool(
    { clock, logger, instruments: metrics.decode },
    { ...config.decode, limits: config.limits },
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
  const memory = joinMemory(setting, { store, startup });
  const snapshots = new DataDirSnapshots({ clock, spool, delivery, freezeStore: store.freeze }, dataDir);
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
    memory,
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

function joinMemory({ config, clock, metrics }: Setting, { store, startup }: Pick<Parts, 'store' | 'startup'>) {
  const ownSteps = () => store.client.writerSteps;
  return new RollupMemory(
    { store: preparedStore(store.client, startup), ownSteps, clock, instruments: metrics.memory },
    { bytesMax: config.query.rememberedBytesMax, unseenMsMax: 250 },
  );
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

function joinHttp(
  setting: Pick<Setting, 'clock' | 'random' | 'logger' | 'config' | 'metrics'> & {
    readonly version: string;
    readonly sockets: SocketLibrary;
  },
  parts: Parts,
  { keys, budgets, audit }: { readonly keys: ApiKeys; readonly budgets: KeyBudgets; readonly audit: FileAuditLog },
): HttpServer {
  const { clock, logger, config, metrics, version } = setting;
  const { pipeline, spool, live, endpoints, tls } = parts;
  const { frames, events, stream } = createEntrances(
    { pipeline, spool, clock, budgets, instruments: metrics.ingest },
    { frameBytesMax: config.limits.frameBytesMax, ...config.ingest },
  );
  metrics.observe({ credit: () => stream.credit });
  const routes = [events, live.events, ...joinReads(setting, parts, { keys, frames, audit })];
  const sockets = [stream, live.socket];
  return new HttpServer(
    {
      authenticator: keys,
      clock,
      logger,
      sockets: setting.sockets,
      instruments: bothRecord(metrics.http, endpoints),
      limiter: budgets,
      audit,
      tls,
    },
    {
      host: config.host,
      port: config.port,
      ...config.http,
      hosts: [hostname(), ...config.http.hosts],
      ...config.socket,
      directory: resolve(config.dataDir),
    },
    { http: withPages(describedRoutes(routes, sockets, version), loadUiFiles()), sockets },
  );
}

function joinReads(
  { clock, random, config, metrics }: Pick<Setting, 'clock' | 'random' | 'config' | 'metrics'>,
  parts: Parts,
  { keys, frames, audit }: { readonly keys: ApiKeys; readonly frames: RequestFrames; readonly audit: FileAuditLog },
): readonly HttpRoute[] {
  const { spool, windows, endpoints, store, decoder, delivery, upkeep, startup, disk, tls, wallClock } = parts;
  const storeProbes = [upkeep.maintenance, upkeep.parts, upkeep.lease].filter((probe) => probe !== null);
  const certificate = tls === null ? [] : [tls];
  const prepared = preparedStore(store.client, startup);
  return createApiRoutes(
    {
      store: prepared,
      memory: parts.memory,
      exporter: prepared,
      windows,
      endpoints,
      finalizer: upkeep.finalizer,
      eraser: upkeep.eraser,
      keys,
      audit,
      snapshots: parts.snapshots,
      storage: {
        metadata: { rows: (query) => store.client.writerRows(query) },
        spool: () => spool.stats(),
        disk: parts.diskUse,
      },
      intake: new OwnEvents({ frames, clock, random }),
      probes: [
        spool,
        decoder,
        ...store.probes,
        startup,
        delivery,
        ...storeProbes,
        disk,
        ...certificate,
        audit,
        wallClock,
      ],
      ledger: () => eventLedger(metrics, parts),
      renderMetrics: () => {
        upkeep.maintenance.tellLastSuccess();
        return metrics.render();
      },
      instruments: metrics.query,
      exports: metrics.exports,
      clock,
    },
    {
      ...config.query,
      ...config.history,
      retention: retentionOf(config.retention),
      metricsWithoutKey: config.metrics.withoutKey,
    },
  );
}

async function eventLedger(metrics: Metrics, { spool, pipeline }: Parts): Promise<EventLedger> {
  const { events: spooled, oldestReceivedMs: oldestUndeliveredMs } = spool.stats();
  const counts = await metrics.eventCounts();
  return { ...counts, underway: pipeline.eventsUnderway, spooled, oldestUndeliveredMs };
}

function observe(metrics: Metrics, parts: Parts, http: HttpServer): void {
  metrics.observe({
    spool: () => parts.spool.stats(),
    windows: parts.windows,
    endpoints: parts.endpoints,
    windowStats: () => parts.windows.stats(),
    decodePool: () => parts.decoder.usage(),
    connections: () => http.connections(),
    workOpen: () => parts.work.openCount,
    live: () => parts.live.usage(),
    certificate: () => parts.tls,
    enginePid: () => parts.store.enginePid(),
  });
}
