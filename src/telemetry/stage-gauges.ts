import type { Clock } from '../core/clock.js';
import type { EndpointWindows } from '../core/ports/endpoint-windows.js';
import type { LiveWindows } from '../core/ports/live-windows.js';
import type { SpoolStats } from '../core/ports/spool-reader.js';
import type { ReceiptState } from '../core/receipt-state.js';
import { keyMetrics } from './key-metrics.js';
import type { MetricDeclaration } from './metric-declaration.js';
import {
  decodeMetrics,
  ingestMetrics,
  liveMetrics,
  receiptMetrics,
  spoolMetrics,
  windowMetrics,
} from './metrics-reference.js';
import { gaugeOf, type Registry } from './registered-metric.js';
import { type CertificateState, tlsMetrics } from './tls-metrics.js';

/** Where the page's gauges come from; each is read once a page. */
export interface MetricSources {
  readonly logLinesDropped: () => number;
  readonly spool: () => SpoolStats;
  readonly receipt: () => ReceiptState;
  readonly windows: LiveWindows;
  readonly endpoints: EndpointWindows;
  readonly windowStats: () => { readonly keys: number; readonly bytes: number };
  readonly decodePool: () => { readonly workers: number; readonly utilisation: number; readonly queueDepth: number };
  readonly connections: () => number;
  readonly credit: () => number;
  readonly workOpen: () => number;
  readonly live: () => { readonly subscribers: number; readonly runs: number; readonly open: number };
  /** Of the keys that have used most of it. */
  readonly quotaUses: () => readonly { readonly tenant: string; readonly key: string; readonly ratio: number }[];
  /** Null: plain HTTP. */
  readonly certificate: () => CertificateState | null;
  /** Process id of the embedded engine, undefined when it is not running. */
  readonly enginePid: () => number | undefined;
}

/** Of the stages: declares what is read rather than counted; the returned function reads it all. */
export function createStageGauges(registry: Registry, clock: Clock): (sources: Partial<MetricSources>) => void {
  const gauge = (declaration: MetricDeclaration) => gaugeOf(registry, declaration);
  const connections = gauge(ingestMetrics.connections);
  const credit = gauge(ingestMetrics.credit);
  const workOpen = gauge(ingestMetrics.workOpen);
  const workers = gauge(decodeMetrics.workers);
  const utilisation = gauge(decodeMetrics.utilisation);
  const queueDepth = gauge(decodeMetrics.queueDepth);
  const windowKeys = gauge(windowMetrics.keys);
  const windowBytes = gauge(windowMetrics.bytes);
  const liveSubscribers = gauge(liveMetrics.subscribers);
  const liveRuns = gauge(liveMetrics.runs);
  const liveOpen = gauge(liveMetrics.open);
  const sampleSpool = createSpoolGauges(registry, clock);
  const quotaUsed = gauge(keyMetrics.quotaUsed);
  const certificateEnds = gauge(tlsMetrics.certificateEnds);
  const reloadFailing = gauge(tlsMetrics.reloadFailing);
  const receiptAhead = gauge(receiptMetrics.aheadSeconds);
  const clockUnset = gauge(receiptMetrics.clockUnset);
  return (sources) => {
    connections.set(sources.connections?.() ?? 0);
    credit.set(sources.credit?.() ?? 0);
    workOpen.set(sources.workOpen?.() ?? 0);
    const pool = sources.decodePool?.();
    workers.set(pool?.workers ?? 0);
    utilisation.set(pool?.utilisation ?? 0);
    queueDepth.set(pool?.queueDepth ?? 0);
    const windows = sources.windowStats?.();
    windowKeys.set(windows?.keys ?? 0);
    windowBytes.set(windows?.bytes ?? 0);
    const live = sources.live?.();
    liveSubscribers.set(live?.subscribers ?? 0);
    liveRuns.set(live?.runs ?? 0);
    liveOpen.set(live?.open ?? 0);
    const receipt = sources.receipt?.();
    receiptAhead.set((receipt?.aheadMs ?? 0) / 1_000);
    clockUnset.set(receipt?.isSet === false ? 1 : 0);
    quotaUsed.reset();
    for (const { tenant, key, ratio } of sources.quotaUses?.() ?? []) quotaUsed.set({ tenant, key }, ratio);
    const certificate = sources.certificate?.() ?? null;
    certificateEnds.set(Math.floor((certificate?.endsMs ?? 0) / 1_000));
    reloadFailing.set(certificate?.isFailing === true ? 1 : 0);
    if (sources.spool !== undefined) sampleSpool(sources.spool());
  };
}

function createSpoolGauges(registry: Registry, clock: Clock): (stats: SpoolStats) => void {
  const gauge = (declaration: MetricDeclaration) => gaugeOf(registry, declaration);
  const segments = gauge(spoolMetrics.segments);
  const bytes = gauge(spoolMetrics.bytes);
  const events = gauge(spoolMetrics.events);
  const oldestAgeSeconds = gauge(spoolMetrics.oldestAgeSeconds);
  const fullness = gauge(spoolMetrics.fullness);
  const producers = gauge(spoolMetrics.producers);
  const quarantinedSegments = gauge(spoolMetrics.quarantinedSegments);
  const quarantinedEvents = gauge(spoolMetrics.quarantinedEvents);
  return (stats) => {
    segments.set(stats.segments);
    bytes.set(stats.bytes);
    events.set(stats.events);
    const { oldestReceivedMs } = stats;
    oldestAgeSeconds.set(oldestReceivedMs === null ? 0 : Math.max(0, clock.nowMs() - oldestReceivedMs) / 1000);
    fullness.set(stats.fullness);
    producers.set(stats.producers);
    quarantinedSegments.set(stats.quarantinedSegments);
    quarantinedEvents.set(stats.quarantinedEvents);
  };
}
