import type { Clock, Random } from '../core/clock.js';
import type { TidemarkEvent } from './event.js';
import type { EncodedFrame } from './wire.js';

/** Limits of a client; each has a named outcome when it is reached. */
export interface ClientLimits {
  /** A batch is sealed at this many events, at about this many bytes, or at this age. */
  readonly batchEventsMax: number;
  readonly batchBytesMax: number;
  readonly batchAgeMsMax: number;
  /** What may wait for an acknowledgement; beyond it `trySend` answers `full` and `send` waits. */
  readonly bufferBytesMax: number;
  readonly bufferFramesMax: number;
  /** Calls of `send` that may wait for room at once; a further one is answered `full`. */
  readonly waitingSendsMax: number;
  /** Reconnects wait a random time of the first of these at least, up to a bound that doubles to the second. */
  readonly reconnectMsMin: number;
  readonly reconnectMsMax: number;
  readonly openMsMax: number;
  /** With frames under way, a connection on which nothing was heard for so long is given up. */
  readonly silenceMsMax: number;
}

export const defaultClientLimits: ClientLimits = {
  batchEventsMax: 500,
  batchBytesMax: 262_144,
  batchAgeMsMax: 20,
  bufferBytesMax: 16_777_216,
  bufferFramesMax: 4_096,
  waitingSendsMax: 1_024,
  reconnectMsMin: 100,
  reconnectMsMax: 10_000,
  openMsMax: 10_000,
  silenceMsMax: 30_000,
};

/** A function is asked before each connection or request. */
export type KeySource = string | (() => string);

/** As it is now; what throws is no key. */
export function keyOf(key: KeySource): string {
  try {
    return typeof key === 'string' ? key : key();
  } catch {
    return '';
  }
}

export interface ClientOptions extends Partial<ClientLimits> {
  /** `ws://host:port`; `http://` is taken as `ws://`. The path `/v1/stream` is added. */
  readonly url: string;
  /** A function is asked before each connection: a key that is rotated while the process runs. */
  readonly key: KeySource;
  /** `[A-Za-z0-9_-]{1,64}`, default a new random name; with its own a restarted process continues its numbers. */
  readonly producer?: string;
  readonly clock?: Clock;
  readonly random?: Random;
  /** False: its connection does not keep the process alive. Its timers are those of `clock`. */
  readonly holds?: boolean;
  /** An event was refused, by the collector or because it cannot be encoded; also told for ignored fields. */
  readonly onReject?: (rejection: Rejection) => void;
  /** Frames became durable. */
  readonly onAck?: (acknowledgement: Acknowledgement) => void;
  /** The same as `onReject`, without the event, also for frames of which only the store knows the events. */
  readonly onRefused?: (refusal: Omit<Rejection, 'event'>) => void;
  /** Keeps the frames where they outlive the process; needs a `producer` of its own. */
  readonly store?: FrameStore;
  /** The connection was lost (`retryable`) or the client gave up (not `retryable`). */
  readonly onError?: (error: ClientError) => void;
}

/** Where frames are kept until they are acknowledged. */
export interface FrameStore {
  /** What is there already, by number. */
  frames(): Iterable<StoredFrame>;
  /** Null: there is no room, or it cannot be written; the events are dropped. */
  put(seq: number, encoded: EncodedFrame, count: number): EncodedFrame | null;
  /** Nothing up to this number is needed any more. */
  acknowledged(seq: number): void;
}

export interface StoredFrame {
  readonly seq: number;
  readonly encoded: EncodedFrame;
  readonly count: number;
}

/** `queued`: kept until acknowledged. `full`: not taken, the buffer is at its limit. `closed`: no more are taken. */
export type SendOutcome = 'queued' | 'full' | 'closed';

export interface ClientStats {
  readonly eventsQueued: number;
  /** In frames that were acknowledged, rejected ones among them. */
  readonly eventsAcknowledged: number;
  /** Acknowledged and not rejected. */
  readonly eventsKept: number;
  /** Of all that were queued: refused, hence not in the store. */
  readonly eventsRejected: number;
  /** Given up by `dropOldest`. */
  readonly eventsDropped: number;
  readonly eventsUnacknowledged: number;
  readonly framesSent: number;
  readonly framesResent: number;
  readonly bytesSent: number;
  /** Attempts included. */
  readonly connections: number;
  readonly credit: number;
}

export interface Rejection {
  readonly event: TidemarkEvent;
  readonly code: string;
  /** The field, empty for the event itself. */
  readonly path: string;
  readonly message: string;
  /** True when the event was kept and only a field of it ignored. */
  readonly kept: boolean;
}

export interface Acknowledgement {
  readonly seq: number;
  readonly events: number;
  /** First sending to acknowledgement. */
  readonly latencyMs: number;
}

/** `code` is one of the collector's error codes, `connection_lost`, `producer_conflict` or `closed`. */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: string;
  readonly retryable: boolean;

  constructor(code: string, message: string, options: { readonly retryable: boolean }) {
    super(message);
    this.code = code;
    this.retryable = options.retryable;
  }
}

/** `/v1/stream` of the collector at `url`, with the producer's name. */
export function streamUrl(url: string, producer: string): string {
  const parsed = new URL(url);
  parsed.protocol = parsed.protocol.replace(/^http/, 'ws');
  if (!parsed.pathname.endsWith('/v1/stream')) parsed.pathname = `${parsed.pathname.replace(/\/$/, '')}/v1/stream`;
  parsed.searchParams.set('producer', producer);
  return parsed.href;
}

/** A name no other client has: 96 bits of chance. */
export function randomProducer(random: Random): string {
  let name = 'sdk-';
  for (let digit = 0; digit < 24; digit += 1) name += Math.floor(random() * 16).toString(16);
  return name;
}
