import { durationBucketsMs } from '../core/event-batch.js';
import { exportFormats } from '../core/ports/store-exporter.js';
import { auditMetrics } from './audit/audit-metrics.js';
import { engineMetrics } from './engine-metrics.js';
import { keyMetrics } from './key-metrics.js';
import { counter, doubling, fastSeconds, gauge, histogram, type MetricDeclaration } from './metric-declaration.js';
import { exactInsertMetrics, partsMetrics } from './parts-metrics.js';
import { queryMetrics } from './query-metrics.js';
import { tlsMetrics } from './tls-metrics.js';

/**
 * Every metric of `/metrics`, once: what `metrics.ts` builds, what the table of `docs/metrics.md` lists and a test
 * compares with the page. Names follow the Prometheus conventions: base units, `_total` on counters, `tidemark_` for
 * the collector's own.
 */
const slowSeconds = doubling(0.005, 14);

export const ingestMetrics = {
  eventsReceived: counter(
    'tidemark_events_received_total',
    'Events of frames that could be read. Equals the sum of tidemark_events_total once nothing is under way.',
  ),
  events: counter(
    'tidemark_events_total',
    'Events by outcome: durable (on disk, acknowledged), duplicate (seen before, dropped), ' +
      'rejected (named to the client), refused (neither kept nor acknowledged).',
    { labels: ['outcome'], zeros: ['durable', 'duplicate', 'rejected', 'refused'] },
  ),
  eventsRejected: counter('tidemark_events_rejected_total', 'Rejected events by error code.', { labels: ['code'] }),
  eventsClamped: counter('tidemark_events_clamped_total', 'Events whose ts was clamped to the accepted clock skew.'),
  valuesRedacted: counter('tidemark_values_redacted_total', 'Values in which a secret was masked.'),
  fieldsUnknown: counter('tidemark_fields_unknown_total', 'Fields or columns unknown to the schema, ignored.'),
  frames: counter('tidemark_frames_total', 'Frames by outcome: accepted, duplicate, or the code of the frame error.', {
    labels: ['outcome'],
    zeros: ['accepted', 'duplicate'],
  }),
  frameBytes: counter('tidemark_frame_bytes_total', 'Bytes of frames received.'),
  ackSeconds: histogram('tidemark_ack_seconds', 'From receipt of a frame to its acknowledgement.', {
    buckets: fastSeconds,
  }),
  dedupForgotten: counter(
    'tidemark_dedup_forgotten_total',
    'Forgotten because its memory was full: event_id, whose resend would count twice; seq_gap, a number skipped by a ' +
      'connection, which would pass for a duplicate; first_answer, so that a repeated request is answered again ' +
      'instead of with the answer it had. Producers have tidemark_spool_producers_forgotten_total.',
    { labels: ['kind'], zeros: ['event_id', 'seq_gap', 'first_answer'] },
  ),
  workForgotten: counter(
    'tidemark_work_forgotten_total',
    'Of the work under way, forgotten by number or age: start, whose end will know no duration of its own; run, of ' +
      'which events that leave it out will not be.',
    { labels: ['kind'], zeros: ['start', 'run'] },
  ),
  endsWithoutStart: counter(
    'tidemark_ends_without_start_total',
    'Ends that tell no duration and whose start was not heard of or is forgotten: windows and rollups count them ' +
      'without a duration.',
  ),
  endsConflicting: counter(
    'tidemark_ends_conflicting_total',
    'Ends of a run, task or step attempt that had ended otherwise before: kept, not counted.',
  ),
  runsInferred: counter(
    'tidemark_runs_inferred_total',
    'Events that left out the run and got the one their task was open in.',
  ),
  settlementsCut: counter(
    'tidemark_settlements_cut_total',
    'Batches decoded eight times that were kept although the last decode found out more: of the ends and of the ' +
      'events without a run in them some may be counted as they were told.',
  ),
  batchesUnshared: counter(
    'tidemark_ingest_batches_unshared_total',
    'Batches whose frames are copied to a decode worker: no shared buffer was free, or a frame is larger than one.',
  ),
  connectionsClosed: counter(
    'tidemark_connections_closed_total',
    'WebSockets closed by the collector, by error code.',
    {
      labels: ['code'],
    },
  ),
  connections: gauge('tidemark_connections', 'WebSockets that are open.'),
  credit: gauge(
    'tidemark_stream_credit_frames',
    'Frames that each connection may have unacknowledged now: ingest.creditFramesMax, less where those ' +
      'of all may be more than ingest.bytesInFlightMax or the spool is full, 0 when nothing is taken.',
  ),
  workOpen: gauge('tidemark_work_open', 'Runs, tasks and steps under way whose start is remembered for their end.'),
} as const;

export const receiptMetrics = {
  batchesHeld: counter(
    'tidemark_receipt_batches_held_total',
    'Batches received while the wall clock was behind what had been received before.',
  ),
  aheadSeconds: gauge('tidemark_receipt_ahead_seconds', 'How far received stands ahead of the wall clock, 0 when not.'),
  clockUnset: gauge('tidemark_clock_unset', '1 while the wall clock is not set and nothing is acknowledged.'),
} as const;

export const decodeMetrics = {
  batchSeconds: histogram(
    'tidemark_decode_batch_seconds',
    'Time a batch of frames took in the decode pool, waiting included.',
    {
      buckets: fastSeconds,
    },
  ),
  batchRows: histogram('tidemark_decode_batch_rows', 'Rows of a decoded batch.', { buckets: doubling(1, 15) }),
  workerRestarts: counter('tidemark_decode_worker_restarts_total', 'Decode workers replaced after a failure.'),
  copied: counter(
    'tidemark_decode_batches_copied_total',
    'Batches of which rows or lists were copied from a decode worker: no shared buffer was free or large enough.',
    { labels: ['part'], zeros: ['rows', 'lists'] },
  ),
  workers: gauge('tidemark_decode_workers', 'Threads of the decode pool.'),
  utilisation: gauge('tidemark_decode_utilisation_ratio', 'Share of time the decode workers were busy, 0 to 1.'),
  queueDepth: gauge('tidemark_decode_queue_depth', 'Batches that wait for a decode worker.'),
} as const;

export const spoolMetrics = {
  eventsRecovered: counter(
    'tidemark_spool_events_recovered_total',
    'Events found in the spool at start. durable + recovered = inserted + spooled + quarantined.',
  ),
  bytesWritten: counter('tidemark_spool_bytes_written_total', 'Bytes written to the spool.'),
  syncSeconds: histogram('tidemark_spool_sync_seconds', 'Duration of an fdatasync of the spool.', {
    buckets: fastSeconds,
  }),
  syncFailures: counter('tidemark_spool_sync_failures_total', 'Failed writes or syncs; the segment was given up.'),
  syncGroupBatches: histogram('tidemark_spool_sync_group_batches', 'Batches made durable by one sync.', {
    buckets: doubling(1, 9),
  }),
  segmentsClosed: counter('tidemark_spool_segments_closed_total', 'Segments closed, by reason.', {
    labels: ['reason'],
  }),
  segmentsQuarantined: counter(
    'tidemark_spool_segments_quarantined_total',
    'Segments put aside, never deleted, by reason.',
    {
      labels: ['reason'],
      zeros: ['corrupt', 'store_rejected'],
    },
  ),
  eventsQuarantined: counter(
    'tidemark_spool_events_quarantined_total',
    'Events of segments put aside since the start.',
  ),
  tornBytes: counter('tidemark_spool_torn_bytes_total', 'Bytes never acknowledged that recovery cut off.'),
  producersForgotten: counter(
    'tidemark_spool_producers_forgotten_total',
    'Positions of producers forgotten, by age or number.',
  ),
  eventIdsRestored: counter(
    'tidemark_spool_event_ids_restored_total',
    'Event ids of acknowledged events found at start, so that their resend is still a duplicate.',
  ),
  segments: gauge('tidemark_spool_segments', 'Closed segments that wait for their insert.'),
  bytes: gauge('tidemark_spool_bytes', 'Bytes of the spool on disk.'),
  events: gauge('tidemark_spool_events', 'Events durable in the spool and not yet inserted.'),
  oldestAgeSeconds: gauge(
    'tidemark_spool_oldest_age_seconds',
    'Age of the oldest undelivered event, 0 when there is none.',
  ),
  fullness: gauge('tidemark_spool_fullness_ratio', '0 (empty) to 1 (appends are refused).'),
  producers: gauge('tidemark_spool_producers', 'Producers whose position is remembered.'),
  quarantinedSegments: gauge('tidemark_spool_quarantined_segments', 'Segments put aside that lie on the disk.'),
  quarantinedEvents: gauge(
    'tidemark_spool_quarantined_events',
    'Events of the segments put aside that lie on the disk.',
  ),
} as const;

export const deliverMetrics = {
  eventsInserted: counter('tidemark_events_inserted_total', 'Events the store has, durably.'),
  insertSeconds: histogram('tidemark_insert_seconds', 'Duration of one insert of one segment.', {
    buckets: slowSeconds,
  }),
  insertBytes: counter('tidemark_insert_bytes_total', 'Bytes inserted.'),
  insertRetries: counter('tidemark_insert_retries_total', 'Inserts tried again, by error code.', {
    labels: ['reason'],
  }),
  freshnessSeconds: histogram(
    'tidemark_freshness_seconds',
    'From receipt of the first row of a segment to its insert.',
    {
      buckets: slowSeconds,
    },
  ),
} as const;

export const maintenanceMetrics = {
  finalizations: counter(
    'tidemark_maintenance_finalizations_total',
    'Finished days, or agents of one, recomputed from their raw events and compared with the rollups.',
  ),
  agentsRepaired: counter(
    'tidemark_maintenance_agents_repaired_total',
    'Agents of a day whose rollups differed from their raw events and were rewritten.',
  ),
  failures: counter('tidemark_maintenance_failures_total', 'Passes of the maintenance that failed, by error code.', {
    labels: ['code'],
  }),
  seconds: histogram('tidemark_maintenance_day_seconds', 'Duration of one finalization.', {
    buckets: doubling(0.05, 14),
  }),
  lastSuccess: gauge(
    'tidemark_maintenance_last_success_time_seconds',
    'When the last pass without failure ended, seconds since the epoch; 0 before the first.',
  ),
} as const;

export const erasureMetrics = {
  completed: counter('tidemark_erasures_total', 'Requests to erase runs or people that were completed, by kind.', {
    labels: ['kind'],
  }),
  rows: counter('tidemark_erasure_rows_total', 'Rows erased or rewritten, those of late events included.'),
  failures: counter('tidemark_erasure_failures_total', 'Passes that look after erasures that failed, by error code.', {
    labels: ['code'],
  }),
} as const;

export const snapshotMetrics = {
  abandoned: counter(
    'tidemark_snapshots_abandoned_total',
    'Images of the data directory that were dropped since the backup that copied them had ended without doing so.',
  ),
} as const;

export const windowMetrics = {
  keysEvicted: counter(
    'tidemark_window_keys_evicted_total',
    'Agents evicted from the live windows, least recently active first.',
  ),
  eventsLate: counter(
    'tidemark_window_events_late_total',
    'Executions dated before the longest live window: in the store, not in the live windows.',
  ),
  keys: gauge('tidemark_window_keys', 'Agents in the live windows.'),
  bytes: gauge('tidemark_window_bytes', 'Memory of the live windows.'),
} as const;

export const liveMetrics = {
  eventsSent: counter(
    'tidemark_live_events_sent_total',
    'Events handed to the sockets of live subscribers, once a subscriber.',
  ),
  eventsDropped: counter(
    'tidemark_live_events_dropped_total',
    'Events a live subscriber did not get: slow (it read too slowly, and was told), closed (it went before).',
    { labels: ['reason'], zeros: ['slow', 'closed'] },
  ),
  refused: counter(
    'tidemark_live_refused_total',
    'Live subscriptions refused: total, tenant (as many as there may be), parameter_invalid.',
    { labels: ['reason'], zeros: ['total', 'tenant', 'parameter_invalid'] },
  ),
  evicted: counter(
    'tidemark_live_evicted_total',
    'Open runs, tasks and steps, and heartbeats of agents, dropped from the live view because it was full.',
    { labels: ['kind'], zeros: ['run', 'task', 'step', 'heartbeat'] },
  ),
  orphaned: counter(
    'tidemark_live_orphaned_total',
    'Open runs, tasks and steps dropped from the live view because nothing was heard of them within their lease.',
    { labels: ['kind'], zeros: ['run', 'task', 'step'] },
  ),
  subscribers: gauge('tidemark_live_subscribers', 'Live subscribers, over WebSocket and as Server-Sent Events.'),
  runs: gauge('tidemark_live_runs', 'Runs in the live view; ended ones stay 30 seconds.'),
  open: gauge('tidemark_live_open', 'Open tasks and steps in the live view.'),
} as const;

export const exportMetrics = {
  started: counter(
    'tidemark_exports_started_total',
    'Exports begun, by format. Equals finished + failed + under way.',
    {
      labels: ['format'],
      zeros: exportFormats,
    },
  ),
  finished: counter('tidemark_exports_finished_total', 'Exports sent to their end, by format.', {
    labels: ['format'],
    zeros: exportFormats,
  }),
  failed: counter(
    'tidemark_exports_failed_total',
    'Exports that did not come to their end: client_gone, client_stalled (took nothing for too long), ' +
      'or the error code.',
    { labels: ['reason'], zeros: ['client_gone', 'client_stalled'] },
  ),
  bytes: counter('tidemark_export_bytes_total', 'Bytes of exports that clients took.'),
} as const;

export const httpMetrics = {
  requests: counter('tidemark_http_requests_total', 'Finished HTTP requests.', {
    labels: ['route', 'method', 'status'],
  }),
  refused: counter(
    'tidemark_http_refused_total',
    'HTTP requests and WebSocket upgrades refused before their handler, by error code: who may not ask, and whose ' +
      'places are taken.',
    { labels: ['code'] },
  ),
  requestSeconds: histogram('tidemark_http_request_duration_seconds', 'Duration of HTTP requests by route.', {
    buckets: doubling(0.001, 14),
    labels: ['route'],
  }),
  requestQuantile: {
    name: 'tidemark_http_request_duration_quantile_seconds',
    type: 'summary',
    help: 'Quantiles of the duration of HTTP requests over the rolling window (5m), from a t-digest.',
    labels: ['route', 'method', 'window', 'quantile'],
  },
} as const satisfies Record<string, MetricDeclaration>;

export const processMetrics = {
  buildInfo: gauge('tidemark_build_info', 'Always 1; version of the collector and of Node.', ['version', 'node']),
  startTime: gauge('tidemark_process_start_time_seconds', 'When the collector started, seconds since the epoch.'),
  cpuSeconds: counter('tidemark_process_cpu_seconds_total', 'CPU time of the collector, user and system.'),
  residentBytes: gauge(
    'tidemark_process_resident_memory_bytes',
    'Resident memory of each process: collector, engine.',
    ['process'],
  ),
  loopDelay: gauge(
    'tidemark_event_loop_delay_seconds',
    'Delay of the event loop since the previous page: p50, p99, max.',
    ['stat'],
  ),
  loopUtilisation: gauge(
    'tidemark_event_loop_utilisation_ratio',
    'Share of time the event loop was busy since the previous page.',
  ),
  logLinesDropped: counter(
    'tidemark_log_lines_dropped_total',
    'Lines of the log that were not written: nobody reads it, or its disk is full.',
  ),
  agentsFolded: gauge(
    'tidemark_metrics_agents_folded',
    'Agents beyond metrics_agents_max, counted together as agent_id="__other__". At most 100,000 are told apart.',
  ),
  executionsFolded: counter('tidemark_metrics_executions_folded_total', 'Executions counted as agent_id="__other__".'),
} as const;

const agent = ['tenant', 'agent_id'] as const;

export const agentMetrics = {
  executions: counter(
    'agent_execution_total',
    'Executions (tasks that ended) since the start, by status: completed, failed, cancelled.',
    {
      labels: [...agent, 'status'],
    },
  ),
  durations: histogram('agent_execution_duration_seconds', 'Duration of executions that report one, since the start.', {
    buckets: durationBucketsMs.map((bound) => bound / 1000),
    labels: agent,
  }),
  errors: counter('agent_execution_errors_total', 'Failed executions since the start, by error category.', {
    labels: [...agent, 'error_category'],
  }),
  successRate: gauge(
    'agent_success_rate',
    'completed / (completed + failed), 0 to 1, over the rolling window (5m, 1h) of event time. ' +
      'It cannot be averaged over agents.',
    [...agent, 'window'],
  ),
  durationQuantile: {
    name: 'agent_execution_duration_quantile_seconds',
    type: 'summary',
    help: 'Quantiles of execution durations over the rolling window (5m, 1h) of event time, from a t-digest.',
    labels: [...agent, 'window', 'quantile'],
  },
} as const satisfies Record<string, MetricDeclaration>;

export const metricsReference: readonly MetricDeclaration[] = [
  agentMetrics,
  ingestMetrics,
  receiptMetrics,
  decodeMetrics,
  spoolMetrics,
  deliverMetrics,
  exactInsertMetrics,
  partsMetrics,
  maintenanceMetrics,
  erasureMetrics,
  snapshotMetrics,
  windowMetrics,
  liveMetrics,
  engineMetrics,
  queryMetrics,
  exportMetrics,
  httpMetrics,
  keyMetrics,
  auditMetrics,
  tlsMetrics,
  processMetrics,
].flatMap((group): MetricDeclaration[] => Object.values(group));

/** The table of `docs/metrics.md`: one row a metric. */
export function metricsTable(): string {
  const rows = metricsReference.map(
    ({ name, type, labels, help }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(' ')} | ${help} |`,
  );
  return ['| metric | type | labels | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
