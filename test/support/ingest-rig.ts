import type { WindowSlice } from '../../src/core/event-batch.js';
import type { ExecutionInstruments, IngestInstruments } from '../../src/core/instruments.js';
import { silentLogger } from '../../src/core/logger.js';
import type { Principal } from '../../src/core/ports/authenticator.js';
import type { Socket, SocketHandlers } from '../../src/core/ports/socket-route.js';
import type { SpoolAppender } from '../../src/core/ports/spool-appender.js';
import { EventIdMemory } from '../../src/ingest/event-id-memory.js';
import type { FrameResult } from '../../src/ingest/frame-origin.js';
import type { KeyBudgets } from '../../src/ingest/limits/key-budgets.js';
import { IngestPipeline, type PipelineOptions } from '../../src/ingest/pipeline.js';
import { ReceiptClock } from '../../src/ingest/receipt-clock.js';
import { RequestFrames, requestProducer } from '../../src/ingest/request-frames.js';
import { StreamRoute, type StreamRouteOptions } from '../../src/ingest/stream-route.js';
import { WorkMemory } from '../../src/ingest/work/work-memory.js';
import { FakeClock } from './fake-clock.js';
import { createBudgets } from './key-budgets.js';
import { ScriptedAppender } from './scripted-appender.js';
import { ScriptedDecoder, type ScriptedEvent } from './scripted-decoder.js';

export interface StreamText {
  readonly op: 'hello' | 'ack' | 'reject' | 'credit' | 'error';
  readonly seq: number;
  readonly last_seq: number;
  readonly credit: number;
  readonly accepted: number;
  readonly code: string;
  readonly message: string;
  readonly retry_after?: number;
}

/** One connection without a network: what it was told, and how it was closed. */
export class Connection implements Socket {
  readonly received: StreamText[] = [];
  closeCode: number | null = null;
  #handlers: SocketHandlers | null = null;

  open(handlers: SocketHandlers): void {
    this.#handlers = handlers;
  }

  send(data: Uint8Array | string): 'sent' {
    this.received.push(JSON.parse(data.toString()));
    return 'sent';
  }

  /** The close reaches its handler later, as that of a real one does. */
  close(code: number): void {
    if (this.closeCode !== null) return;
    this.closeCode = code;
    setImmediate(() => this.#handlers?.closed(code));
  }

  /** The client sends a frame. */
  frame(seq: number | null, ...events: readonly ScriptedEvent[]): void {
    this.text(JSON.stringify(seq === null ? { events } : { seq, events }));
  }

  text(text: string): void {
    if (this.closeCode !== null) throw new Error('a client sends on a connection that is closed');
    this.#deliver(text);
  }

  /** A frame that was on its way when the collector closed the connection. */
  lateFrame(seq: number, ...events: readonly ScriptedEvent[]): void {
    this.#deliver(JSON.stringify({ seq, events }));
  }

  #deliver(text: string): void {
    const bytes = new Uint8Array(Buffer.from(text));
    this.#handlers?.message(bytes, false);
    // The server's buffer is gone when the call returns.
    bytes.fill(0x21);
  }

  /** `ack 3`, `reject 4`, `error spool_failed`, without hello and credit. */
  get answers(): string[] {
    const told = this.received.filter(({ op }) => op !== 'hello' && op !== 'credit');
    return told.map(({ op, seq, code }) => `${op} ${code ?? seq}`);
  }

  get lastSeq(): number | undefined {
    return this.received.find(({ op }) => op === 'hello')?.last_seq;
  }

  /** What it was last told. */
  get credit(): number | undefined {
    return this.received.findLast(({ credit }) => credit !== undefined)?.credit;
  }

  get acked(): number {
    return this.received.reduce((most, { op, seq }) => (op === 'ack' ? Math.max(most, seq) : most), 0);
  }
}

/** Adds up what the ingest stage counts. */
export class IngestTotals {
  received = 0;
  executions = 0;
  settlementsCut = 0;
  batchesUnshared = 0;
  readonly outcomes = new Map<string, number>();
  /** Frames by outcome. */
  readonly frames = new Map<string, number>();
  readonly rejected = new Map<string, number>();
  frameBytes = 0;
  /** Times of receipt to acknowledgement, in seconds. */
  readonly ackSeconds: number[] = [];
  readonly closed: string[] = [];
  readonly instruments: IngestInstruments & ExecutionInstruments = {
    eventsReceived: {
      inc: (count = 1) => {
        this.received += count;
      },
    },
    events: {
      inc: ({ outcome }, count = 1) => add(this.outcomes, outcome, count),
    },
    eventsRejected: { inc: ({ code }, count = 1) => add(this.rejected, code, count) },
    eventsClamped: { inc() {} },
    valuesRedacted: { inc() {} },
    fieldsUnknown: { inc() {} },
    frames: { inc: ({ outcome }, count = 1) => add(this.frames, outcome, count) },
    frameBytes: {
      inc: (count = 1) => {
        this.frameBytes += count;
      },
    },
    ackSeconds: { observe: (seconds) => void this.ackSeconds.push(seconds) },
    dedupForgotten: { inc() {} },
    workForgotten: { inc() {} },
    endsWithoutStart: { inc() {} },
    endsConflicting: { inc() {} },
    runsInferred: { inc() {} },
    settlementsCut: { inc: () => void this.settlementsCut++ },
    batchesUnshared: { inc: () => void this.batchesUnshared++ },
    connectionsClosed: { inc: ({ code }) => void this.closed.push(code) },
    recordExecutions: ({ completed }) => {
      this.executions += completed;
    },
  };

  of(outcome: string): number {
    return this.outcomes.get(outcome) ?? 0;
  }
}

function add(counts: Map<string, number>, label: string, count: number): void {
  counts.set(label, (counts.get(label) ?? 0) + count);
}

export interface IngestRig<Appender extends SpoolAppender> {
  readonly pipeline: IngestPipeline;
  readonly route: StreamRoute;
  readonly decoder: ScriptedDecoder;
  readonly appender: Appender;
  readonly eventIds: EventIdMemory;
  readonly totals: IngestTotals;
  /** Rows that the live windows were told of, by tenant. */
  readonly windows: ReadonlyMap<string, number>;
  connect(tenant: string, producer: string, principal?: Partial<Principal>): Connection;
  post(
    tenant: string,
    events: readonly ScriptedEvent[],
    options?: { readonly key?: string; readonly contentAllowed?: boolean },
  ): Promise<FrameResult>;
}

export interface IngestRigOptions extends PipelineOptions, StreamRouteOptions {
  /** The wall clock is not set before. */
  readonly earliestMs: number;
}

const defaults: IngestRigOptions = {
  batchBytesMax: 65_536,
  batchesInFlightMax: 4,
  frameBytesMax: 65_536,
  creditMax: 64,
  bytesInFlightMax: 1_048_576,
  earliestMs: 0,
};

export function createIngest(options: Partial<IngestRigOptions> = {}): IngestRig<ScriptedAppender> {
  return createIngestOver(new ScriptedAppender(), options);
}

/** The ingest stage, whole, with a decoder of the test. */
export function createIngestOver<Appender extends SpoolAppender>(
  appender: Appender,
  given: Partial<IngestRigOptions> & {
    readonly eventIds?: EventIdMemory;
    readonly clock?: FakeClock;
    readonly budgets?: KeyBudgets;
  } = {},
): IngestRig<Appender> {
  const { eventIds = new EventIdMemory({ idsMax: 100_000, onForgotten() {} }), clock = new FakeClock() } = given;
  const budgets = given.budgets ?? createBudgets({ clock }).budgets;
  const options = { ...defaults, ...given };
  const decoder = new ScriptedDecoder();
  const totals = new IngestTotals();
  const { instruments } = totals;
  const windows = new Map<string, number>();
  const addSlices = (slices: readonly WindowSlice[]) => {
    for (const { tenant, completed } of slices) add(windows, tenant, completed);
  };
  const sinks = { windows: { add: addSlices }, live: { interest: () => null, add() {} } };
  const receipt = new ReceiptClock(
    { clock, logger: silentLogger, instruments: { batchesHeld: { inc() {} } } },
    { earliestMs: options.earliestMs, latestMs: Number.MAX_SAFE_INTEGER },
  );
  const work = new WorkMemory({
    openStartsMax: 1_000,
    openStartsAgeMsMax: 86_400_000,
    recentEndsMax: 1_000,
    onForgotten() {},
  });
  const deps = {
    decoder,
    spool: appender,
    ...sinks,
    eventIds,
    work,
    clock,
    receipt,
    logger: silentLogger,
    instruments,
  };
  const pipeline = new IngestPipeline(deps, options);
  const route = new StreamRoute({ pipeline, spool: appender, clock, budgets, instruments }, options);
  const frames = new RequestFrames(pipeline, options);
  return {
    pipeline,
    route,
    decoder,
    appender,
    eventIds,
    totals,
    windows,
    connect(tenant, producer, principal = {}) {
      const connection = new Connection();
      const query = new URLSearchParams({ producer, format: 'json' });
      const caller = { tenant, scopes: new Set(['ingest'] as const), keyName: 'k', contentAllowed: false };
      connection.open(route.open(connection, { principal: { ...caller, ...principal }, query }));
      return connection;
    },
    async post(tenant, events, { key, contentAllowed = false } = {}) {
      frames.mustHaveRoom();
      const bytes = new Uint8Array(Buffer.from(JSON.stringify({ events })));
      return frames.submit({
        principal: { tenant, contentAllowed },
        producer: requestProducer(key),
        bytes,
        format: 'json',
      });
    },
  };
}
