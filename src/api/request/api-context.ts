import type { Clock } from '../../core/clock.js';
import { CollectorError } from '../../core/errors.js';
import type { EventLedger } from '../../core/event-ledger.js';
import type { ExportInstruments, QueryInstruments } from '../../core/instruments.js';
import type { AuditLog } from '../../core/ports/audit-log.js';
import type { DataEraser } from '../../core/ports/data-eraser.js';
import type { DayFinalizer } from '../../core/ports/day-finalizer.js';
import type { EndpointWindows } from '../../core/ports/endpoint-windows.js';
import type { EventIntake } from '../../core/ports/event-intake.js';
import type { HealthProbe } from '../../core/ports/health-probe.js';
import type { HttpReply, HttpRequest } from '../../core/ports/http-route.js';
import type { KeyKeeper } from '../../core/ports/key-keeper.js';
import type { LiveWindows } from '../../core/ports/live-windows.js';
import type { ReadMemory } from '../../core/ports/read-memory.js';
import type { Snapshots } from '../../core/ports/snapshots.js';
import type { StorageSources } from '../../core/ports/storage-sources.js';
import type { StoreExporter } from '../../core/ports/store-exporter.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import type { ReadLimits } from '../../core/read-limits.js';
import type { RetentionDays } from '../../core/retention.js';
import type { TimeSpan } from '../../core/time-span.js';

export interface ApiDependencies {
  readonly store: StoreReader;
  /** Absent: every request reads the store. */
  readonly memory?: { open(): ReadMemory | null };
  /** Absent: no dashboard is read before somebody asks. */
  readonly dashboards?: { asked(tenant: string): void };
  /** When the events were received whose insert is under way; null: none is. Absent: nobody inserts. */
  readonly inserting?: () => TimeSpan | null;
  readonly exporter: StoreExporter;
  readonly windows: LiveWindows;
  readonly endpoints: EndpointWindows;
  readonly finalizer: DayFinalizer;
  readonly eraser: DataEraser;
  readonly keys: KeyKeeper;
  readonly audit: Pick<AuditLog, 'record' | 'read'>;
  readonly snapshots: Snapshots;
  readonly storage: StorageSources;
  readonly intake: EventIntake;
  readonly probes: readonly HealthProbe[];
  readonly ledger: () => EventLedger | Promise<EventLedger>;
  /** The page of `/metrics`, in the Prometheus text format. */
  readonly renderMetrics: () => Promise<string>;
  readonly instruments: QueryInstruments;
  readonly exports: ExportInstruments;
  readonly clock: Clock;
}

/** What the configuration says. */
export interface ApiSettings extends Pick<ReadLimits, 'timeoutMs' | 'rangeDaysMax' | 'tenantRequestsMax' | 'cacheMs'> {
  /** How long what is read is kept. */
  readonly retention: RetentionDays;
  /** Who may read the page of metrics without a key. */
  readonly metricsWithoutKey: 'loopback' | 'nobody';
  /** A task or run that has not ended is `orphaned` when nothing was heard of it for this long. */
  readonly leaseMs: number;
}

export interface ApiOptions extends ApiSettings {
  /** A probe that has not answered by then counts as unhealthy. */
  readonly probeMsMax: number;
  /** The result of the probes is reused for this long, so that health checks cost little however often they come. */
  readonly healthCacheMs: number;
}

export const probeLimits = { probeMsMax: 2_000, healthCacheMs: 500 } as const;

export interface ApiContext extends ApiDependencies {
  readonly options: ApiOptions;
}

/** A JSON answer; nothing of this API may be cached on its way. */
export function jsonReply(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): HttpReply {
  return {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: `${JSON.stringify(value)}\n`,
  };
}

/**
 * Runs the reads of one request under its time limit. The reads get a store whose queries are cancelled when the
 * limit passes, when the client goes away, or when one of them fails. Rejects with `query_timeout` on time even when
 * the store does not heed the cancellation.
 */
export function readWithin<Result>(
  context: ApiContext,
  request: HttpRequest,
  read: (store: StoreReader) => Promise<Result>,
): Promise<Result> {
  const { clock, store } = context;
  const { timeoutMs } = context.options;
  const controller = new AbortController();
  const cancel = () => controller.abort();
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(timeoutMs, () => {
      reject(new CollectorError('query_timeout', `cannot answer within ${timeoutMs} ms: the query was cancelled`));
      cancel();
    });
    if (request.signal.aborted) cancel();
    request.signal.addEventListener('abort', cancel, { once: true });
    const bound: StoreReader = {
      rows: (query) => store.rows({ ...query, signal: controller.signal }),
      memory: context.memory?.open() ?? null,
    };
    read(bound)
      .then(resolve, (error: unknown) => {
        reject(error);
        cancel();
      })
      .finally(() => {
        timer.cancel();
        request.signal.removeEventListener('abort', cancel);
      });
  });
}
