import type { EventColumns } from './event-columns.js';
import type { ServerMessage } from './server-message.js';

/** What a batch of events is on the wire, and what carries it: one file a place implements it. */
export interface Wire {
  /** Throws when an event cannot be encoded. */
  encode(batch: EventColumns): EncodedFrame;
  /** The body of a request. */
  body(batch: EventColumns): EncodedBody;
  /** Of requests with a body; default: that of the place. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  connect(handlers: ConnectionHandlers, options: ConnectionOptions): Connection;
}

export interface EncodedFrame {
  readonly bytes: number;
  /** What is sent under this number; the same number gives the same again. */
  stamped(seq: number): Uint8Array | string;
}

export interface EncodedBody {
  readonly bytes: number;
  readonly contentType: string;
  readonly content: Uint8Array | string;
}

export interface ConnectionHandlers {
  message(message: ServerMessage): void;
  /** The other side is alive. */
  activity(): void;
  /** Once, also when the connection was never opened. */
  closed(end: ConnectionEnd): void;
}

export interface ConnectionEnd {
  /** The error's code when the upgrade was refused with one, null otherwise. */
  readonly refusal: string | null;
  readonly closeCode: number | null;
  /** Close reason, or what the network said. */
  readonly reason: string;
}

export interface ConnectionOptions {
  /** With `/v1/stream` and the producer. */
  readonly url: string;
  readonly key: string;
  readonly openMsMax: number;
  /** Whether an open connection keeps the process alive. */
  readonly holds: boolean;
}

export interface Connection {
  /** `data` must not change until the socket has taken it; frames are never written to after they are stamped. */
  send(data: Uint8Array | string): void;
  /** Asks for a sign of life. */
  ping(): void;
  bufferedBytes(): number;
  /** Says goodbye; `closed` still follows. */
  close(): void;
  /** Drops the connection at once; `closed` still follows. */
  terminate(): void;
}
