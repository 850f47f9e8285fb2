import type { Clock } from '../core/clock.js';
import type {
  AuditInstruments,
  DecodeInstruments,
  DeliverInstruments,
  EngineInstruments,
  ErasureInstruments,
  ExactInsertInstruments,
  ExecutionInstruments,
  ExportInstruments,
  HttpInstruments,
  IngestInstruments,
  KeyInstruments,
  LiveInstruments,
  MaintenanceInstruments,
  PartsInstruments,
  PreparedDashboardInstruments,
  QueryInstruments,
  ReceiptInstruments,
  RollupMemoryInstruments,
  SnapshotInstruments,
  SpoolInstruments,
  StoreReadInstruments,
  WindowInstruments,
} from '../core/instruments.js';
import type { LiveWindows } from '../core/ports/live-windows.js';
import { AgentExecutions } from './agent-executions.js';
import { renderAgentWindows } from './agent-quantiles.js';
import { auditMetrics } from './audit/audit-metrics.js';
import { type CachedPage, createCachedPage } from './cached-page.js';
import { renderEndpointWindows } from './endpoint-quantiles.js';
import { engineMetrics } from './engine-metrics.js';
import { keyMetrics } from './key-metrics.js';
import type { MetricDeclaration } from './metric-declaration.js';
import {
  decodeMetrics,
  deliverMetrics,
  erasureMetrics,
  exportMetrics,
  httpMetrics,
  ingestMetrics,
  liveMetrics,
  maintenanceMetrics,
  processMetrics,
  receiptMetrics,
  snapshotMetrics,
  spoolMetrics,
  windowMetrics,
} from './metrics-reference.js';
import { exactInsertMetrics, partsMetrics } from './parts-metrics.js';
import { ProcessSampler, residentBytesOf } from './process-sampler.js';
import { queryMetrics } from './query-metrics.js';
import { counterOf, createRegistry, gaugeOf, histogramOf, type Registry, replaceTotal } from './registered-metric.js';
import { createStageGauges, type MetricSources } from './stage-gauges.js';

export interface MetricsOptions {
  /** Agents with series of their own; the others are folded. */
  readonly agentsMax: number;
  /** Version of the collector. */
  readonly version: string;
}

/** All instruments of the collector and the page that shows them. */
export interface Metrics {
  readonly ingest: IngestInstruments;
  readonly receipt: ReceiptInstruments;
  readonly decode: DecodeInstruments;
  readonly spool: SpoolInstruments;
  readonly deliver: DeliverInstruments;
  readonly exactInserts: ExactInsertInstruments;
  readonly parts: PartsInstruments;
  readonly window: WindowInstruments;
  readonly live: LiveInstruments;
  readonly maintenance: MaintenanceInstruments;
  readonly erasure: ErasureInstruments;
  readonly snapshots: SnapshotInstruments;
  readonly executions: ExecutionInstruments;
  readonly engine: EngineInstruments;
  readonly storeReads: StoreReadInstruments;
  readonly query: QueryInstruments;
  readonly memory: RollupMemoryInstruments;
  readonly prepared: PreparedDashboardInstruments;
  readonly exports: ExportInstruments;
  readonly http: HttpInstruments;
  readonly keys: KeyInstruments;
  readonly audit: AuditInstruments;
  /** Names sources once the stages exist; until then their gauges are 0. */
  observe(sources: Partial<MetricSources>): void;
  /** The page in the text format; made at most once a second, however many ask. */
  render(): Promise<string>;
  readonly contentType: string;
  /** The counters of the event ledger, as they are now. */
  eventCounts(): Promise<EventCounts>;
  close(): void;
}

/** Events since the start of the process, by what became of them. */
interface EventCounts {
  readonly received: number;
  readonly durable: number;
  readonly duplicate: number;
  readonly rejected: number;
  readonly refused: number;
  readonly recovered: number;
  readonly inserted: number;
  readonly quarantined: number;
}

export function createMetrics(deps: { readonly clock: Clock }, options: MetricsOptions): Metrics {
  const registry = createRegistry();
  const executions = new AgentExecutions(options);
  const sampler = new ProcessSampler(deps.clock);
  const sources: { -readonly [Name in keyof MetricSources]?: MetricSources[Name] } = {};
  const sampleGauges = createGauges(registry, { clock: deps.clock, sampler, executions, options });
  const page: CachedPage = createCachedPage(deps.clock, async () => {
    sampleGauges(sources);
    const agents = executions.render();
    const endpoints = sources.endpoints === undefined ? '' : renderEndpointWindows(sources.endpoints);
    return agents + (await renderWindows(executions, sources.windows)) + endpoints + (await registry.metrics());
  });
  return {
    ...createInstruments(registry),
    executions,
    observe: (more) => void Object.assign(sources, more),
    render: () => page.render(),
    contentType: registry.contentType,
    eventCounts: () => readEventCounts(registry),
    close: () => sampler.close(),
  };
}

async function readEventCounts(registry: Registry): Promise<EventCounts> {
  const total = async ({ name }: MetricDeclaration, outcome?: string): Promise<number> => {
    const metric = await registry.getSingleMetric(name)?.get();
    const found = metric?.values.filter(({ labels }) => outcome === undefined || labels.outcome === outcome) ?? [];
    return found.reduce((sum, { value }) => sum + value, 0);
  };
  return {
    received: await total(ingestMetrics.eventsReceived),
    durable: await total(ingestMetrics.events, 'durable'),
    duplicate: await total(ingestMetrics.events, 'duplicate'),
    rejected: await total(ingestMetrics.events, 'rejected'),
    refused: await total(ingestMetrics.events, 'refused'),
    recovered: await total(spoolMetrics.eventsRecovered),
    inserted: await total(deliverMetrics.eventsInserted),
    quarantined: await total(spoolMetrics.eventsQuarantined),
  };
}

/** When every slot is taken, agents without an event in the last 24 hours give theirs back. */
async function renderWindows(executions: AgentExecutions, windows: LiveWindows | undefined): Promise<string> {
  if (windows === undefined) return '';
  if (executions.isFull()) {
    for (const agent of executions.agents()) {
      if (windows.lastSeenMs(agent.tenant, agent.agentId) === undefined) executions.forget(agent);
    }
  }
  return renderAgentWindows(windows, executions.agents());
}

function createIngestInstruments(registry: Registry): IngestInstruments {
  const counter = (declaration: MetricDeclaration) => counterOf(registry, declaration);
  return {
    eventsReceived: counter(ingestMetrics.eventsReceived),
    events: counter(ingestMetrics.events),
    eventsRejected: counter(ingestMetrics.eventsRejected),
    eventsClamped: counter(ingestMetrics.eventsClamped),
    valuesRedacted: counter(ingestMetrics.valuesRedacted),
    fieldsUnknown: counter(ingestMetrics.fieldsUnknown),
    frames: counter(ingestMetrics.frames),
    frameBytes: counter(ingestMetrics.frameBytes),
    ackSeconds: histogramOf(registry, ingestMetrics.ackSeconds),
    dedupForgotten: counter(ingestMetrics.dedupForgotten),
    workForgotten: counter(ingestMetrics.workForgotten),
    endsWithoutStart: counter(ingestMetrics.endsWithoutStart),
    endsConflicting: counter(ingestMetrics.endsConflicting),
    runsInferred: counter(ingestMetrics.runsInferred),
    settlementsCut: counter(ingestMetrics.settlementsCut),
    batchesUnshared: counter(ingestMetrics.batchesUnshared),
    connectionsClosed: counter(ingestMetrics.connectionsClosed),
  };
}

function createInstruments(registry: Registry) {
  const counter = (declaration: MetricDeclaration) => counterOf(registry, declaration);
  const histogram = (declaration: MetricDeclaration) => histogramOf(registry, declaration);
  const requests = counter(httpMetrics.requests);
  const requestSeconds = histogram(httpMetrics.requestSeconds);
  const http: HttpInstruments = {
    refused: counter(httpMetrics.refused),
    recordRequest(route, method, status, seconds) {
      requests.inc({ route, method, status: String(status) });
      requestSeconds.observe({ route }, seconds);
    },
  };
  return {
    http,
    ...createAccessInstruments(registry),
    ingest: createIngestInstruments(registry),
    receipt: { batchesHeld: counter(receiptMetrics.batchesHeld) } satisfies ReceiptInstruments,
    decode: {
      batchSeconds: histogram(decodeMetrics.batchSeconds),
      batchRows: histogram(decodeMetrics.batchRows),
      workerRestarts: counter(decodeMetrics.workerRestarts),
      copied: counter(decodeMetrics.copied),
    } satisfies DecodeInstruments,
    spool: {
      eventsRecovered: counter(spoolMetrics.eventsRecovered),
      bytesWritten: counter(spoolMetrics.bytesWritten),
      syncSeconds: histogram(spoolMetrics.syncSeconds),
      syncFailures: counter(spoolMetrics.syncFailures),
      syncGroupBatches: histogram(spoolMetrics.syncGroupBatches),
      segmentsClosed: counter(spoolMetrics.segmentsClosed),
      segmentsQuarantined: counter(spoolMetrics.segmentsQuarantined),
      eventsQuarantined: counter(spoolMetrics.eventsQuarantined),
      tornBytes: counter(spoolMetrics.tornBytes),
      producersForgotten: counter(spoolMetrics.producersForgotten),
      eventIdsRestored: counter(spoolMetrics.eventIdsRestored),
    } satisfies SpoolInstruments,
    deliver: {
      eventsInserted: counter(deliverMetrics.eventsInserted),
      insertSeconds: histogram(deliverMetrics.insertSeconds),
      insertBytes: counter(deliverMetrics.insertBytes),
      insertRetries: counter(deliverMetrics.insertRetries),
      freshnessSeconds: histogram(deliverMetrics.freshnessSeconds),
    } satisfies DeliverInstruments,
    ...createStoreExactnessInstruments(registry),
    maintenance: createMaintenanceInstruments(registry),
    erasure: createErasureInstruments(registry),
    snapshots: { abandoned: counter(snapshotMetrics.abandoned) },
    window: {
      keysEvicted: counter(windowMetrics.keysEvicted),
      eventsLate: counter(windowMetrics.eventsLate),
    } satisfies WindowInstruments,
    live: createLiveInstruments(registry),
    exports: createExportInstruments(registry),
    engine: createEngineInstruments(registry),
    storeReads: { waitSeconds: histogram(queryMetrics.waitSeconds) } satisfies StoreReadInstruments,
    query: {
      requests: counter(queryMetrics.requests),
      failures: counter(queryMetrics.failures),
    } satisfies QueryInstruments,
    memory: {
      reads: counter(queryMetrics.remembered),
      evictions: counter(queryMetrics.forgotten),
      bytes: gaugeOf(registry, queryMetrics.rememberedBytes),
    } satisfies RollupMemoryInstruments,
    prepared: { reads: counter(queryMetrics.prepared) } satisfies PreparedDashboardInstruments,
  };
}

function createAccessInstruments(registry: Registry): {
  readonly keys: KeyInstruments;
  readonly audit: AuditInstruments;
} {
  const counter = (declaration: MetricDeclaration) => counterOf(registry, declaration);
  return {
    keys: { held: counter(keyMetrics.held), usageWriteFailures: counter(keyMetrics.usageWriteFailures) },
    audit: {
      entries: counter(auditMetrics.entries),
      unwritten: counter(auditMetrics.unwritten),
      turnOverFailures: counter(auditMetrics.turnOverFailures),
    },
  };
}

function createEngineInstruments(registry: Registry): EngineInstruments {
  return {
    restarts: counterOf(registry, engineMetrics.restarts),
    definitions: counterOf(registry, engineMetrics.definitions),
    refusals: counterOf(registry, engineMetrics.refusals),
    cancelled: counterOf(registry, engineMetrics.cancelled),
    streamed: counterOf(registry, engineMetrics.streamed),
    resultFiles: counterOf(registry, engineMetrics.resultFiles),
    heldBytes: gaugeOf(registry, engineMetrics.heldBytes),
    heldBytesMax: gaugeOf(registry, engineMetrics.heldBytesMax),
    keptConnections: counterOf(registry, engineMetrics.keptConnections),
    waitingConnections: gaugeOf(registry, engineMetrics.waitingConnections),
  };
}

function createExportInstruments(registry: Registry): ExportInstruments {
  return {
    started: counterOf(registry, exportMetrics.started),
    finished: counterOf(registry, exportMetrics.finished),
    failed: counterOf(registry, exportMetrics.failed),
    bytes: counterOf(registry, exportMetrics.bytes),
  };
}

function createLiveInstruments(registry: Registry): LiveInstruments {
  return {
    eventsSent: counterOf(registry, liveMetrics.eventsSent),
    eventsDropped: counterOf(registry, liveMetrics.eventsDropped),
    refused: counterOf(registry, liveMetrics.refused),
    evicted: counterOf(registry, liveMetrics.evicted),
    orphaned: counterOf(registry, liveMetrics.orphaned),
  };
}

function createErasureInstruments(registry: Registry): ErasureInstruments {
  return {
    completed: counterOf(registry, erasureMetrics.completed),
    rows: counterOf(registry, erasureMetrics.rows),
    failures: counterOf(registry, erasureMetrics.failures),
  };
}

function createStoreExactnessInstruments(registry: Registry): {
  readonly exactInserts: ExactInsertInstruments;
  readonly parts: PartsInstruments;
} {
  const parts: PartsInstruments = {
    partsBroken: counterOf(registry, partsMetrics.partsBroken),
    partsDetached: counterOf(registry, partsMetrics.partsDetached),
    rowsMissing: counterOf(registry, partsMetrics.rowsMissing),
    mergesHeld: gaugeOf(registry, partsMetrics.mergesHeld),
  };
  return { exactInserts: { settled: counterOf(registry, exactInsertMetrics.settled), ...parts }, parts };
}

function createMaintenanceInstruments(registry: Registry): MaintenanceInstruments {
  return {
    finalizations: counterOf(registry, maintenanceMetrics.finalizations),
    agentsRepaired: counterOf(registry, maintenanceMetrics.agentsRepaired),
    failures: counterOf(registry, maintenanceMetrics.failures),
    seconds: histogramOf(registry, maintenanceMetrics.seconds),
    lastSuccess: gaugeOf(registry, maintenanceMetrics.lastSuccess),
  };
}

/** Declares what is read rather than counted; the returned function reads it all. */
function createGauges(
  registry: Registry,
  from: {
    readonly clock: Clock;
    readonly sampler: ProcessSampler;
    readonly executions: AgentExecutions;
    readonly options: MetricsOptions;
  },
): (sources: Partial<MetricSources>) => void {
  const gauge = (declaration: MetricDeclaration) => gaugeOf(registry, declaration);
  const sampleStages = createStageGauges(registry, from.clock);
  gauge(processMetrics.buildInfo).set({ version: from.options.version, node: process.versions.node }, 1);
  gauge(processMetrics.startTime).set(Math.round(from.clock.nowMs() / 1000 - process.uptime()));
  const cpuSeconds = counterOf(registry, processMetrics.cpuSeconds);
  const residentBytes = gauge(processMetrics.residentBytes);
  const loopDelay = gauge(processMetrics.loopDelay);
  const loopUtilisation = gauge(processMetrics.loopUtilisation);
  const agentsFolded = gauge(processMetrics.agentsFolded);
  const executionsFolded = counterOf(registry, processMetrics.executionsFolded);
  const logLinesDropped = counterOf(registry, processMetrics.logLinesDropped);
  return (sources) => {
    sampleStages(sources);
    const sample = from.sampler.sample();
    replaceTotal(cpuSeconds, sample.cpuSeconds);
    replaceTotal(logLinesDropped, sources.logLinesDropped?.() ?? 0);
    const enginePid = sources.enginePid?.();
    const engineBytes = enginePid === undefined ? null : residentBytesOf(enginePid);
    for (const [name, bytes] of Object.entries({ collector: sample.residentBytes, engine: engineBytes })) {
      if (bytes === null) residentBytes.remove({ process: name });
      else residentBytes.set({ process: name }, bytes);
    }
    for (const stat of ['p50', 'p99', 'max'] as const) loopDelay.set({ stat }, sample.loopDelaySeconds[stat]);
    loopUtilisation.set(sample.loopUtilisation);
    agentsFolded.set(from.executions.foldedAgents());
    replaceTotal(executionsFolded, from.executions.executionsFolded());
  };
}
