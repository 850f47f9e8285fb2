/**
 * What the stages count. `src/telemetry/metrics.ts` declares each metric once, with its name and help;
 * stages see only these shapes, which prom-client's classes satisfy.
 */
interface PlainCounter {
  inc(count?: number): void;
}
interface LabelCounter<L extends string> {
  inc(labels: Readonly<Record<L, string>>, count?: number): void;
}
interface PlainGauge {
  set(value: number): void;
}
interface LabelGauge<L extends string> {
  set(labels: Readonly<Record<L, string>>, value: number): void;
}
interface PlainHistogram {
  observe(value: number): void;
}

export interface IngestInstruments {
  /** Every event of a frame that could be read. = durable + duplicate + rejected. */
  readonly eventsReceived: PlainCounter;
  /** outcome: durable, duplicate, rejected. */
  readonly events: LabelCounter<'outcome'>;
  /** Rejected events by error code. */
  readonly eventsRejected: LabelCounter<'code'>;
  readonly eventsClamped: PlainCounter;
  readonly valuesRedacted: PlainCounter;
  readonly fieldsUnknown: PlainCounter;
  /** outcome: accepted, duplicate, or the code of the frame error. */
  readonly frames: LabelCounter<'outcome'>;
  readonly frameBytes: PlainCounter;
  /** Receipt of a frame to its ack, seconds. */
  readonly ackSeconds: PlainHistogram;
  /** What is no longer known, because its memory was full. kind: event_id, seq_gap, first_answer. */
  readonly dedupForgotten: LabelCounter<'kind'>;
  /** What of the work under way is no longer remembered. kind: start, run. */
  readonly workForgotten: LabelCounter<'kind'>;
  /** Ends that tell no duration and whose start is not remembered. */
  readonly endsWithoutStart: PlainCounter;
  /** Ends of what had ended otherwise before. */
  readonly endsConflicting: PlainCounter;
  /** Events that left out the run, and got the one their task was open in. */
  readonly runsInferred: PlainCounter;
  /** Batches kept though the last decode found out more that would have changed them. */
  readonly settlementsCut: PlainCounter;
  /** Batches whose frames were collected in memory that the decoding threads do not share: they are copied. */
  readonly batchesUnshared: PlainCounter;
  /** WebSocket connections closed by the collector, by error code. */
  readonly connectionsClosed: LabelCounter<'code'>;
}

export interface ReceiptInstruments {
  /** Batches received while the wall clock was behind what had been received before: their received is that. */
  readonly batchesHeld: PlainCounter;
}

export interface SpoolInstruments {
  /** Events found in the spool at start; of the ledger: durable + recovered = inserted + spooled + quarantined. */
  readonly eventsRecovered: PlainCounter;
  readonly bytesWritten: PlainCounter;
  readonly syncSeconds: PlainHistogram;
  readonly syncFailures: PlainCounter;
  /** Batches in one group sync. */
  readonly syncGroupBatches: PlainHistogram;
  /** reason: size, rows, age, partition, sync_failed, stop. */
  readonly segmentsClosed: LabelCounter<'reason'>;
  /** reason: corrupt, store_rejected, or damaged: a part of it, while its intact records are delivered. */
  readonly segmentsQuarantined: LabelCounter<'reason'>;
  readonly eventsQuarantined: PlainCounter;
  readonly tornBytes: PlainCounter;
  readonly producersForgotten: PlainCounter;
  /** Event ids of earlier processes found at start. */
  readonly eventIdsRestored: PlainCounter;
}

export interface DeliverInstruments {
  readonly eventsInserted: PlainCounter;
  readonly insertSeconds: PlainHistogram;
  readonly insertBytes: PlainCounter;
  /** reason: the error code. */
  readonly insertRetries: LabelCounter<'reason'>;
  /** Time of receipt of a segment's first row to its insert, seconds. */
  readonly freshnessSeconds: PlainHistogram;
}

export interface ExactInsertInstruments {
  /** Interrupted inserts brought to an end. outcome: complete (all was there), completed, repeated (nothing was). */
  readonly settled: LabelCounter<'outcome'>;
  readonly partsBroken: PartsInstruments['partsBroken'];
}

export interface PartsInstruments {
  /** Parts that were not what they should be. found: insert, start, files, check. */
  readonly partsBroken: LabelCounter<'found'>;
  /** Parts the engine has set aside, by its reason. */
  readonly partsDetached: LabelCounter<'reason'>;
  /** Rows that are gone from a table without having expired. */
  readonly rowsMissing: LabelCounter<'table'>;
  /** 1 while merges wait after one that wrote a broken part, else 0. */
  readonly mergesHeld: PlainGauge;
}

export interface MaintenanceInstruments {
  readonly finalizations: PlainCounter;
  /** Agents of a day whose rollup differed from its raw events and was rewritten. */
  readonly agentsRepaired: PlainCounter;
  /** Passes that failed, by error code. */
  readonly failures: LabelCounter<'code'>;
  /** Duration of one finalization. */
  readonly seconds: PlainHistogram;
  /** When the last pass without failure ended, seconds since the epoch. */
  readonly lastSuccess: PlainGauge;
}

export interface ErasureInstruments {
  /** Requests that are complete. kind: run, user. */
  readonly completed: LabelCounter<'kind'>;
  /** Rows erased or rewritten, of late events too. */
  readonly rows: PlainCounter;
  /** Passes that failed, by error code. */
  readonly failures: LabelCounter<'code'>;
}

export interface SnapshotInstruments {
  /** Images of the data directory dropped since the process that copied them has ended. */
  readonly abandoned: PlainCounter;
}

export interface WindowInstruments {
  readonly keysEvicted: PlainCounter;
  /** Events older than the longest window: in ClickHouse, not in the live windows. */
  readonly eventsLate: PlainCounter;
}

export interface LiveInstruments {
  /** Events handed to subscribers' sockets, each once a subscriber. */
  readonly eventsSent: PlainCounter;
  /** Events a subscriber did not get. reason: slow (it reads too slowly), closed (it went away before). */
  readonly eventsDropped: LabelCounter<'reason'>;
  /** Subscriptions refused. reason: total, tenant, parameter_invalid. */
  readonly refused: LabelCounter<'reason'>;
  /** Open runs, tasks and steps dropped from the registry because it was full. */
  readonly evicted: LabelCounter<'kind'>;
  /** Dropped because nothing was heard of them within their lease. */
  readonly orphaned: LabelCounter<'kind'>;
}

export interface ExecutionInstruments {
  /** Adds one batch's slice of an agent to the `agent_execution_*` metrics; folds agents beyond the cap. */
  recordExecutions(slice: import('./event-batch.js').WindowSlice): void;
}

export interface DecodeInstruments {
  readonly batchSeconds: PlainHistogram;
  readonly batchRows: PlainHistogram;
  readonly workerRestarts: PlainCounter;
  /** Batches of which something came by a copy, since no shared buffer was free or large enough. part: rows, lists. */
  readonly copied: LabelCounter<'part'>;
}

export interface EngineInstruments {
  readonly restarts: LabelCounter<'reason'>;
  readonly definitions: LabelCounter<'outcome'>;
  readonly refusals: LabelCounter<'reason'>;
  readonly cancelled: LabelCounter<'reason'>;
  readonly streamed: PlainCounter;
  readonly resultFiles: LabelCounter<'outcome'>;
  readonly heldBytes: PlainGauge;
  readonly heldBytesMax: PlainGauge;
  readonly keptConnections: LabelCounter<'account' | 'outcome'>;
  readonly waitingConnections: LabelGauge<'account'>;
}

/** What became of definitions of tables and views that were not written: see `kept-definitions.ts`. */
export const definitionOutcomes = ['put_back', 'set_aside', 'left'] as const;

/** Whose connections wait for a statement, apart from each other. */
export const connectionAccounts = ['collector', 'readers'] as const;
export type ConnectionAccount = (typeof connectionAccounts)[number];

/** What a statement that may share a connection found; `crowded_out`: closed, since too many waited. */
export const keptConnectionOutcomes = ['reused', 'opened', 'crowded_out'] as const;
export type KeptConnectionOutcome = (typeof keptConnectionOutcomes)[number];

/** How many wait now, and what became of those that may wait since the start. */
export type KeptConnections = Readonly<Record<KeptConnectionOutcome | 'waiting', number>>;

/**
 * Results of guests that are held until they are complete: `kept` in a file, whole; refused because of their own bytes
 * (`too_large`), those of all (`no_room`) or the disk (`disk_full`).
 */
export const engineResultFiles = ['kept', 'too_large', 'no_room', 'disk_full'] as const;
export type EngineResultFile = (typeof engineResultFiles)[number];

/** Why a statement of a guest ended before its end: his client closed the connection, or somebody ran KILL. */
export const engineCancellations = ['disconnect', 'kill'] as const;
export type EngineCancellation = (typeof engineCancellations)[number];

/**
 * Why a guest of the embedded engine's port was turned away: `authentication`; `busy` (lanes full, or too many results
 * that nobody reads); `connection` (cut, because there were too many); `limit` (memory, time, rows or bytes); `session`
 * (forgotten, because its user had too many); `site` (a page of elsewhere, or a name we do not go by); `slow_request`
 * (it did not arrive in time); `statement` (the guard).
 */
export const engineRefusals = [
  'authentication',
  'busy',
  'connection',
  'limit',
  'session',
  'site',
  'slow_request',
  'statement',
] as const;
export type EngineRefusal = (typeof engineRefusals)[number];

export interface StoreReadInstruments {
  /** From asking for a read to its turn at the store, seconds. */
  readonly waitSeconds: PlainHistogram;
}

export interface QueryInstruments {
  /** Requests of routes with shared answers. outcome: hit, shared, miss. */
  readonly requests: LabelCounter<'outcome'>;
  /** Requests that failed at the store, by route template and error code. */
  readonly failures: LabelCounter<'route' | 'code'>;
}

/** Of the days and sums that are kept of the store. */
export interface RollupMemoryInstruments {
  /** Days and sums that were asked for. outcome: hit, miss, changed: known and read again, unseen: not remembered. */
  readonly reads: LabelCounter<'outcome'>;
  /** Entries that went because there were too many bytes. */
  readonly evictions: PlainCounter;
  readonly bytes: PlainGauge;
}

export interface PreparedDashboardInstruments {
  /** outcome: read, failed, unremembered: too much, or no parts to know it by, given_way: more tenants than may be. */
  readonly reads: LabelCounter<'outcome'>;
}

export interface ExportInstruments {
  /** = finished + failed + under way. */
  readonly started: LabelCounter<'format'>;
  readonly finished: LabelCounter<'format'>;
  /** reason: client_gone, client_stalled, or the error code. */
  readonly failed: LabelCounter<'reason'>;
  /** Bytes taken by clients. */
  readonly bytes: PlainCounter;
}

export interface RequestRecorder {
  /** One finished HTTP request. `route` is the template, never the path. */
  recordRequest(route: string, method: string, status: number, seconds: number): void;
}

export interface AuditInstruments {
  readonly entries: PlainCounter;
  /** reason: disk, queue, refusals. */
  readonly unwritten: LabelCounter<'reason'>;
  /** The entry was written all the same. */
  readonly turnOverFailures: PlainCounter;
}

export interface KeyInstruments {
  /** Times a limit held a key back: credit 0 was told, or a request or connection refused. limit: as in KeyLimits. */
  readonly held: LabelCounter<'tenant' | 'key' | 'limit'>;
  readonly usageWriteFailures: PlainCounter;
}

export interface HttpInstruments extends RequestRecorder {
  /** Requests and upgrades refused before their handler, by error code. */
  readonly refused: LabelCounter<'code'>;
}
