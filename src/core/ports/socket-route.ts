import type { ErrorCode } from '../errors.js';
import type { Principal, Scope } from './authenticator.js';

/** One WebSocket, as the stages see it. All calls after `closed` are ignored. */
export interface Socket {
  /**
   * A string is sent as text, bytes as binary unless said to be UTF-8 text; the bytes may not change afterwards.
   * `dropped` only when the outbound buffer limit is passed; the socket is then closing.
   */
  send(data: Uint8Array | string, kind?: 'binary' | 'text'): 'sent' | 'buffered' | 'dropped';
  /** Sends a close frame with `code` and a short reason. */
  close(code: number, reason: string): void;
}

export interface SocketHandlers {
  /** `bytes` is valid only until the call returns: copy what must stay. */
  message(bytes: Uint8Array, isBinary: boolean): void;
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
