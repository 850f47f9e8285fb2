import type { Clock } from '../../core/clock.js';
import { CollectorError } from '../../core/errors.js';
import type { EventLedger } from '../../core/event-ledger.js';
import type { ExportInstruments, QueryInstruments } from '../../core/instruments.js';
import type { DataEraser } from '../../core/ports/data-eraser.js';
import type { DayFinalizer } from '../../core/ports/day-finalizer.js';
import type { EndpointWindows } from '../../core/ports/endpoint-windows.js';
import type { EventIntake } from '../../core/ports/event-intake.js';
import type { HealthProbe } from '../../core/ports/health-probe.js';
import type { HttpReply, HttpRequest } from '../../core/ports/http-route.js';
import type { LiveWindows } from '../../core/ports/live-windows.js';
import type { StorageSources } from '../../core/ports/storage-sources.js';
import type { StoreExporter } from '../../core/ports/store-exporter.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { type RetentionDays, retentionDays } from '../../core/retention.js';

export interface ApiDependencies {
  readonly store: StoreReader;
  readonly exporter: StoreExporter;
  readonly windows: LiveWindows;
  readonly endpoints: EndpointWindows;
  readonly finalizer: DayFinalizer;
  readonly eraser: DataEraser;
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

export interface ApiOptions {
  /** A request's reads are cancelled and answered with `query_timeout` after this long. */
  readonly queryMsMax: number;
  /** Days a range of time may span; a longer one is refused with `parameter_invalid`. */
  readonly rangeDaysMax: number;
  /** How long what is read is kept. */
  readonly retention: RetentionDays;
  /** Requests of one tenant under way; one more is refused. */
  readonly tenantRequestsMax: number;
  /** Who may read the page of metrics without a key. */
  readonly metricsWithoutKey: 'loopback' | 'nobody';
  /** A task or run that has not ended is `orphaned` when nothing was heard of it for this long. */
  readonly leaseMs: number;
  /** Age, from the start of its read, at which an answer is no longer given to equal requests; 0 shares nothing. */
  readonly cacheMs: number;
  /** A probe that has not answered by then counts as unhealthy. */
  readonly probeMsMax: number;
  /** The result of the probes is reused for this long, so that health checks cost little however often they come. */
  readonly healthCacheMs: number;
}

export const defaultApiOptions: ApiOptions = {
  queryMsMax: 10_000,
  tenantRequestsMax: 500,
  metricsWithoutKey: 'loopback',
  leaseMs: 300_000,
  cacheMs: 1_000,
  rangeDaysMax: 400,
  retention: retentionDays,
  probeMsMax: 2_000,
  healthCacheMs: 500,
};

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
  const { queryMsMax } = context.options;
  const controller = new AbortController();
  const cancel = () => controller.abort();
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(queryMsMax, () => {
      reject(new CollectorError('query_timeout', `cannot answer within ${queryMsMax} ms: the query was cancelled`));
      cancel();
    });
    if (request.signal.aborted) cancel();
    request.signal.addEventListener('abort', cancel, { once: true });
    const bound: StoreReader = { rows: (query) => store.rows({ ...query, signal: controller.signal }) };
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
