import type { ApiOperation } from './api-operation.js';
import type { AccessErrorCode, ErrorCode } from './errors.js';
import type { DecodedBatch, EventIdList, FrameBatch, WindowSlice } from './event-batch.js';
import type { LiveInterest } from './live-batch.js';

/**
 * What the stages offer each other. Each port is implemented by one stage, used by others, and joined
 * to them in `collector.ts` only.
 */

// ── http ────────────────────────────────────────────────────────────────────────────────────────────────────

/** `metrics` is for the page of all tenants, so no key of a tenant has it by being its `admin`. */
export const scopes = ['ingest', 'read', 'admin', 'metrics'] as const;
export type Scope = (typeof scopes)[number];

/** Who is calling: the tenant always comes from the key. `admin` implies `ingest` and `read`. */
export interface Principal {
  readonly tenant: string;
  readonly scopes: ReadonlySet<Scope>;
  /** A short, non-secret name of the key, for logs. */
  readonly keyName: string;
  /** Content keys (prompts, responses) are accepted for this tenant. */
  readonly contentAllowed: boolean;
  /** The key is bound to this user: it sends, and is told, what is of this user alone. Absent or null: the tenant's. */
  readonly user?: string | null;
}

export interface Authenticator {
  /** `authorization` is the header's value, or undefined when none was sent. */
  authenticate(authorization: string | undefined, scope: Scope): Principal | AccessErrorCode;
}

export interface HttpRequest {
  readonly method: string;
  /** As requested, without the query string, still percent-encoded. */
  readonly path: string;
  /** Decoded values of the template's `{name}` parts. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  /** Empty when the method has none. Owned by the handler: not reused afterwards. */
  readonly body: Uint8Array;
  /** Aborted when the client went away. */
  readonly signal: AbortSignal;
}

export interface HttpReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is written with backpressure, in chunks. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
}

export interface HttpRoute {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** `/api/v1/agents/{agent_id}/live`; a part in braces matches one path segment. */
  readonly path: string;
  /** `null`: no key needed, and `principal` is `anonymous`. */
  readonly scope: Scope | null;
  /** Bytes of the body as sent; default 0, no body. */
  readonly bodyBytesMax?: number;
  /** Programs of this machine, on the loopback address and through no proxy, need no key of `scope`. */
  readonly openToLoopback?: true;
  /** Its answers do not end by themselves: bounded by the route, not among `http.requestsMax`. */
  readonly longLived?: true;
  /** Says whether all is well: has places of its own, which no other request takes. So has a route without a scope. */
  readonly monitoring?: true;
  /** Tells a key that is bound to a user of that user alone; without it such a key is refused. */
  readonly byUser?: true;
  /** Absent: not part of the described API. */
  readonly operation?: ApiOperation;
  /** Throws `CollectorError` for a problem answer; anything else becomes `internal`. */
  handle(request: HttpRequest, principal: Principal): HttpReply | Promise<HttpReply>;
}

export const anonymous: Principal = { tenant: '', scopes: new Set(), keyName: '', contentAllowed: false };

/** One WebSocket, as the stages see it. All calls after `closed` are ignored. */
export interface Socket {
  /**
   * A string is sent as text, bytes as binary unless said to be UTF-8 text. `dropped` only when the outbound buffer
   * limit is passed; the socket is then closing.
   */
  send(data: Uint8Array | string, kind?: 'binary' | 'text'): 'sent' | 'buffered' | 'dropped';
  /** Sends a close frame with `code` and a short reason. */
  close(code: number, reason: string): void;
}

export interface SocketHandlers {
  /** `bytes` is valid only until the call returns: copy what must stay. */
  message(bytes: ArrayBuffer, isBinary: boolean): void;
  /** What was `buffered` has gone out. */
  drained?(): void;
  /** Tells the client why the server ends the connection, in the client's format, and closes it. */
  end(code: ErrorCode): void;
  closed(code: number): void;
}

export interface SocketRoute {
  readonly path: string;
  readonly scope: Scope;
  /** For the description of the API: one sentence, without the full stop. */
  readonly summary?: string;
  /** Frames above this are closed by the server without a named code: keep it above the protocol's own limit. */
  readonly payloadBytesMax: number;
  /** Sub-protocol answered when the client offers it. */
  readonly protocol: string;
  /** `{op: "error", code, message}` in the format in which a client with this query expects its first message. */
  errorMessage(
    error: { readonly code: ErrorCode; readonly message: string },
    query: URLSearchParams,
  ): Uint8Array | string;
  /** After a successful upgrade. */
  open(socket: Socket, request: SocketRequest): SocketHandlers;
  /** Before the sockets are closed at stop: resolves when what was received has been answered. */
  drain?(deadlineMs: number): Promise<void>;
}

export interface SocketRequest {
  readonly principal: Principal;
  readonly query: URLSearchParams;
}

// ── decode ──────────────────────────────────────────────────────────────────────────────────────────────────

export interface FrameDecoder {
  /** Transfers `batch.bytes`; it comes back with the result. Rejects with CollectorError `overloaded` or `internal`. */
  decode(batch: FrameBatch): Promise<DecodedBatch>;
  /** Workers that are idle now; 0 means a further batch would wait. */
  idleWorkers(): number;
}

// ── spool ───────────────────────────────────────────────────────────────────────────────────────────────────

/** A frame of a batch as its log remembers it. */
export interface SpoolFrame {
  readonly tenant: string;
  /** Empty: no position is kept for this frame. */
  readonly producer: string;
  /** 0 when `producer` is empty. */
  readonly seq: number;
  readonly rows: number;
}

export interface SpoolBatch {
  /** One Native block; may be empty when every event was rejected but positions must still advance. */
  readonly rows: Uint8Array;
  readonly rowCount: number;
  readonly rowsCrc: number;
  readonly receivedMs: number;
  readonly frames: readonly SpoolFrame[];
  /** Of the rows that have one; null when none has. Kept in the log, durable with the batch. */
  readonly eventIds: EventIdList | null;
}

/** Who looks for repeated event ids; what earlier processes have acknowledged is told to it before the first append. */
export interface EventIdSink {
  /** Answers how many of them were not known. */
  restore(ids: EventIdList): number;
  /** This many ids cannot be read any more. */
  forgotten(count: number): void;
}

export type AppendOutcome =
  /** Settles when the batch is on disk (rejects with `spool_failed`; then nothing of it is acknowledged). */
  | { readonly status: 'appended'; readonly durable: Promise<void> }
  /** Nothing was written. */
  | { readonly status: 'full' }
  | { readonly status: 'stopped' };

export interface SpoolAppender {
  /** Hot path: once a batch. Batches become durable in the order of the calls. */
  tryAppend(batch: SpoolBatch): AppendOutcome;
  /** Highest appended seq of a producer, 0 when it is not known. */
  lastSeq(tenant: string, producer: string): number;
  /** 0 (empty) … 1 (at the high watermark, appends are refused). Drives the credit. */
  fullness(): number;
  /** Called when appends are accepted again after a refusal. */
  onSpace(callback: () => void): void;
}

/** A closed segment, ready to be inserted. */
export interface SpoolSegment {
  /** Unique for ever; the insert's deduplication token. */
  readonly id: string;
  /** Absolute path; its bytes are the body of the insert, `FORMAT Native`. */
  readonly dataPath: string;
  readonly bytes: number;
  readonly rows: number;
  readonly columns: readonly string[];
  /** Time of receipt of its first and last batch, ms since the epoch. */
  readonly firstReceivedMs: number;
  readonly lastReceivedMs: number;
  /** What `SegmentWriter.giveUp` told when it was put aside, empty for null, and it has come back; else absent. */
  readonly arrived?: string;
}

export interface SpoolReader {
  /** The oldest closed segment that is neither released nor quarantined, or null. Does not remove it. */
  peek(): SpoolSegment | null;
  /** Called whenever a segment is closed. One listener. */
  onClosed(callback: () => void): void;
  /** The segment is in the store, durably: carries its positions forward, then deletes its files. */
  release(id: string): Promise<void>;
  /**
   * Renames the files to `*.quarantined`, carries positions forward, counts; never deletes. `arrived`: what the store
   * has of it all the same, kept beside it.
   */
  quarantine(id: string, reason: 'corrupt' | 'store_rejected', arrived: string | null): Promise<void>;
  stats(): SpoolStats;
}

export interface SpoolStats {
  readonly segments: number;
  readonly bytes: number;
  /** Events durable in the spool and not yet inserted. */
  readonly events: number;
  /** Time of receipt of the oldest undelivered event, null when there is none. */
  readonly oldestReceivedMs: number | null;
  readonly quarantinedSegments: number;
  readonly quarantinedEvents: number;
  readonly producers: number;
  readonly fullness: number;
}

// ── store ───────────────────────────────────────────────────────────────────────────────────────────────────

export interface SegmentWriter {
  /**
   * Inserts a segment as one block with its id as token; resolves when the store has it durably, complete and once.
   * A call for a segment whose earlier call failed, or was cut short by a crash, completes what that one began.
   * Rejects with CollectorError: `store_rejected` (permanent), `store_overloaded`, `store_unreachable`, `store_failed`.
   */
  insert(segment: SpoolSegment): Promise<void>;
  /**
   * What the store has of a segment that is put aside: to be given back with it, should it ever come back. Null when
   * it has nothing of it, or tells so by the segment's token. Rejects as `insert`.
   */
  giveUp(segment: SpoolSegment): Promise<string | null>;
}

/** What the store was like before an insert began. */
export interface InsertNote {
  readonly segmentId: string;
  /** The writer's own words; at most 64 KiB. */
  readonly content: string;
}

/** Keeps the last note of the writer over crashes and power cuts. */
export interface InsertNotes {
  /** Null when none was ever written. */
  read(): Promise<InsertNote | null>;
  /** Resolves when the note is on the disk. */
  write(note: InsertNote): Promise<void>;
}

/** One read of the store, bound to a tenant by a typed parameter. Each query of `clickhouse/queries` takes one. */
export interface StoreReader {
  /**
   * Runs `sql` (with `{name:Type}` parameters) and returns its rows as JSON objects.
   * Rejects with CollectorError: `query_timeout`, `store_unavailable`, `internal`.
   */
  rows<Row>(query: StoreQuery): Promise<Row[]>;
}

export interface StoreQuery {
  /** Names the query in logs and metrics. */
  readonly name: string;
  readonly sql: string;
  readonly params: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  readonly signal?: AbortSignal;
}

/**
 * Complete as a file, header, footer and all: CSV with a line of names, JSON as one array of objects, NDJSON as an
 * object a line; times as `2026-01-31T10:00:00.000Z`, and typed in Parquet.
 */
export const exportFormats = ['csv', 'json', 'ndjson', 'parquet'] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** Reads of any size: rows pass through, and neither the collector nor the engine holds more than a few blocks. */
export interface StoreExporter {
  /**
   * Resolves when the statement is accepted and its first bytes are there, so that a bad one still has a status;
   * rejects like `StoreReader.rows`. Iteration throws `CollectorError` when the statement fails midway: what was read
   * until then must not pass for the whole. Ending the iteration early cancels the statement.
   */
  export(query: StoreQuery & { readonly format: ExportFormat }): Promise<AsyncIterable<Uint8Array>>;
}

/** Deliveries stand still for a moment: ingest and its acknowledgements go on into the spool. */
export interface DeliveryHold {
  /**
   * Runs `work` while this collector inserts nothing and every insert it began is complete. Rejects with
   * `store_unreachable`, without running it, when an insert is being retried: its rows may be there in part.
   */
  whileHeld<T>(work: () => Promise<T>): Promise<T>;
}

// ── maintenance ─────────────────────────────────────────────────────────────────────────────────────────────

export interface DayFinalizer {
  /**
   * Recomputes a UTC day from its distinct raw events, compares it with the rollups, and rewrites what differs. Ingest
   * goes on meanwhile. Rejects with CollectorError: `parameter_invalid` when the raw events of the day have expired or
   * the day is not over, `overloaded` when another one is under way, and what the store rejects with.
   */
  finalize(scope: FinalizationScope): Promise<FinalizationReport>;
}

export interface FinalizationScope {
  /** Start of the day, ms since the epoch. */
  readonly dayMs: number;
  /** Null: every tenant, every agent. */
  readonly tenant: string | null;
  readonly agentId: string | null;
}

export interface FinalizationReport {
  readonly agents: number;
  /** Distinct raw events the day was recomputed from. */
  readonly events: number;
  /** Agents whose rollup differed. */
  readonly agentsRepaired: number;
  readonly tookMs: number;
}

// ── endpoints ───────────────────────────────────────────────────────────────────────────────────────────────

/** Requests of one route template over a rolling window. Durations in ms, null when there were none. */
export interface EndpointSnapshot {
  readonly method: string;
  /** The template, never a path. */
  readonly route: string;
  readonly requests: number;
  readonly clientErrors: number;
  readonly serverErrors: number;
  readonly p50Ms: number | null;
  readonly p90Ms: number | null;
  readonly p99Ms: number | null;
}

export interface EndpointWindows {
  /** Every endpoint asked within the window. */
  snapshot(window: WindowName): readonly EndpointSnapshot[];
}

// ── window ──────────────────────────────────────────────────────────────────────────────────────────────────

export interface WindowSink {
  /** Hot path: once a batch, after it is durable. */
  add(slices: readonly WindowSlice[]): void;
}

export const windowNames = ['1m', '5m', '15m', '1h', '24h'] as const;
export type WindowName = (typeof windowNames)[number];
export const windowMs: Readonly<Record<WindowName, number>> = {
  '1m': 60_000,
  '5m': 300_000,
  '15m': 900_000,
  '1h': 3_600_000,
  '24h': 86_400_000,
};

/** What a rolling window of one agent holds now. Durations in ms, null when there were none. */
export interface WindowSnapshot {
  readonly total: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  /** completed / (completed + failed), null when both are 0. */
  readonly successRate: number | null;
  readonly duration: {
    readonly count: number;
    readonly avg: number | null;
    readonly min: number | null;
    readonly max: number | null;
    readonly p50: number | null;
    readonly p95: number | null;
    readonly p99: number | null;
  };
  readonly llmCalls: number;
  readonly tokensIn: number;
  readonly tokensOut: number;
  /** Null: nobody reported one. */
  readonly costMicros: number | null;
  readonly errors: Readonly<Record<string, number>>;
  readonly confidenceAvg: number | null;
  readonly memoryMbMax: number | null;
}

export interface LiveWindows {
  /** Undefined when the agent has no event within the longest window. */
  snapshot(tenant: string, agentId: string, window: WindowName): WindowSnapshot | undefined;
  /** Time of the newest slice of an agent, ms since the epoch. */
  lastSeenMs(tenant: string, agentId: string): number | undefined;
  /**
   * When the agent was last left out for want of room, ms since the epoch: a window that reaches back before that lacks
   * what it held. Undefined when its windows are whole.
   */
  evictedMs(tenant: string, agentId: string): number | undefined;
  /** All live keys, most recently active first. */
  keys(): Iterable<{ readonly tenant: string; readonly agentId: string }>;
}

// ── live ────────────────────────────────────────────────────────────────────────────────────────────────────

export interface LiveSink {
  /** What subscribers want of the batches decoded from now on; null when there is none. */
  interest(): LiveInterest | null;
  /** Hot path: once a batch, after it is durable. */
  add(batch: Pick<DecodedBatch, 'lifecycle' | 'live'>): void;
}

// ── health ──────────────────────────────────────────────────────────────────────────────────────────────────

export const healthStatuses = ['healthy', 'degraded', 'unhealthy'] as const;
export type HealthStatus = (typeof healthStatuses)[number];

export interface DependencyHealth {
  readonly name: string;
  readonly status: HealthStatus;
  /** One sentence when it is not healthy. */
  readonly reason: string | null;
  readonly details: Readonly<Record<string, string | number | boolean | null>>;
}

export interface HealthProbe {
  /** The dependency's name, known even when it does not answer. */
  readonly name: string;
  health(): DependencyHealth | Promise<DependencyHealth>;
}
