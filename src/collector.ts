import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { createApiRoutes } from './api/api-routes.js';
import { describedRoutes } from './api/openapi/described-routes.js';
import { tryLoadFileLock } from './clickhouse/embedded/sandbox/native-calls.js';
import { type CollectorDeps, joinParts, type Parts, type Setting } from './collector-parts.js';
import type { Config } from './config/config.js';
import type { CollectorReport } from './core/collector-report.js';
import type { EventLedger } from './core/event-ledger.js';
import type { HttpRoute } from './core/ports/http-route.js';
import { retentionOf } from './core/retention.js';
import type { Stage } from './core/stage.js';
import { StageList } from './core/stage-list.js';
import { HttpServer } from './http/http-server.js';
import { loadSocketLibrary, type SocketLibrary } from './http/sockets/socket-library.js';
import { type ApiKeys, createApiKeys } from './ingest/api-keys.js';
import { createEntrances } from './ingest/entrances.js';
import { KeyBudgets } from './ingest/limits/key-budgets.js';
import { OwnEvents } from './ingest/own-events.js';
import { ReceiptClock } from './ingest/receipt-clock.js';
import type { RequestFrames } from './ingest/request-frames.js';
import { DataDirFormat } from './spool/data-dir-format.js';
import { DataDirLock } from './spool/data-dir-lock.js';
import { createFileLocker } from './spool/file-locker.js';
import { nodeFileSystem } from './spool/file-system.js';
import { FileAuditLog } from './telemetry/audit/file-audit-log.js';
import { bothRecord } from './telemetry/both-record.js';
import { createMetrics, type Metrics } from './telemetry/metrics.js';
import { loadUiFiles } from './ui-assets/ui-files.js';
import { withPages } from './ui-assets/ui-routes.js';

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
      const parts = await joinParts({ ...this.#deps, config, dataDir, receipt, metrics, locker, keys });
      const { burstSeconds } = config.keyLimits;
      const budgets = new KeyBudgets({ clock, logger, instruments: metrics.keys }, { dataDir, burstSeconds });
      budgets.follow(keys);
      const auditDeps = { clock, logger, locker, instruments: metrics.audit };
      const audit = new FileAuditLog(auditDeps, { dataDir, ...config.auditLog });
      const http = joinHttp({ ...this.#deps, config, metrics, version, sockets }, parts, { keys, budgets, audit });
      keys.onRevoked((isGone, code) => http.disconnect(isGone, code));
      observe(metrics, parts, http);
      const { logLinesDropped = () => 0 } = this.#deps;
      metrics.observe({ quotaUses: () => budgets.quotaUses(), receipt: () => receipt.state(), logLinesDropped });
      // What is called before who calls it; stopped in reverse. What needs the store is started in the background.
      const { wallClock, spool, insertNotes, startup, reads, decoder, snapshots } = parts;
      const received = receipt.after(spool);
      const stages: readonly Stage[] = [
        wallClock,
        snapshots,
        spool,
        insertNotes,
        received,
        startup,
        reads.memory,
        reads.dashboards,
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
  return createApiRoutes(
    {
      ...parts.reads,
      inserting: () => delivery.inserting,
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
