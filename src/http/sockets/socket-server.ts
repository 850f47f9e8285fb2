import type { Duplex } from 'node:stream';
import type { Clock } from '../../core/clock.js';
import { type AccessErrorCode, errorTable } from '../../core/errors.js';
import type { Principal } from '../../core/ports/authenticator.js';
import type { Socket, SocketHandlers, SocketRoute } from '../../core/ports/socket-route.js';
import type { PlaceHolder } from '../shared-places.js';

/** What speaks WebSocket on the connections whose upgrade was granted. */
export interface SocketServer {
  /** For the log, once it has started: what it is, and what to do for a faster one where there is one. */
  readonly says: string;
  /** Throws `config_invalid` when it cannot. */
  start(): Promise<void>;
  /** Ends what is still open; resolves when all that was sent is on its way, or at the deadline. */
  stop(deadlineMs: number): Promise<void>;
  /** Takes a connection over; its `data` is given back by `onClose`, whatever becomes of it. */
  handOver(granted: GrantedUpgrade): void;
}

export interface SocketServerDeps {
  readonly clock: Clock;
  readonly onOpen: (socket: Socket, data: SocketUserData) => void;
  /** `socket` is null for a connection that went away before it was open. */
  readonly onClose: (socket: Socket | null, data: SocketUserData) => void;
}

export interface SocketServerOptions {
  /** Silence after which a connection is closed; its client is asked for a pong 4 to 16 s before. */
  readonly idleTimeoutSeconds: number;
  /** Unsent bytes of a connection beyond which it is closed. */
  readonly outboundBytesMax: number;
  /** Where a socket of the file system may be made; the system's directory for temporary files if null. */
  readonly directory: string | null;
}

/** A connection whose upgrade was granted: what was read of it beyond the head goes first. */
export interface GrantedUpgrade {
  readonly route: SocketRoute;
  readonly socket: Duplex;
  readonly head: Uint8Array;
  /** The client's `Sec-WebSocket-Key`. */
  readonly key: string;
  /** The sub-protocol it is answered; null for none. */
  readonly protocol: string | null;
  readonly data: SocketUserData;
}

/** Why a connection is closed as soon as it is open. */
export interface SocketRefusal {
  readonly code: AccessErrorCode | 'protocol_unknown';
  readonly message: string;
}

/** What an upgraded connection carries: who is calling, or why it is refused. */
export interface SocketUserData {
  readonly principal: Principal | null;
  readonly refusal: SocketRefusal | null;
  readonly query: URLSearchParams;
  /** Whose place among the connections it has. */
  readonly holder: PlaceHolder;
  handlers: SocketHandlers | null;
}

/**
 * Tells the route of a connection that is open. A browser sees no status of a refused upgrade, only the messages and
 * the close code of an accepted one: that is how it is told.
 */
export function openOn(route: SocketRoute, socket: Socket, data: SocketUserData): void {
  const { refusal, principal, query } = data;
  if (refusal === null) {
    if (principal !== null) data.handlers = route.open(socket, { principal, query });
    return;
  }
  const { code, message } = refusal;
  socket.send(route.errorMessage({ code, message }, query));
  socket.close(errorTable[code].closeCode ?? 1008, code);
}

/** A client has so long to read what is on its way to it, and to close its side. */
export const closingMsMax = 2_000;
