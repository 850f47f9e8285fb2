import { type AccessErrorCode, errorTable } from '../core/errors.js';
import type { Principal } from '../core/ports/authenticator.js';
import type { Socket, SocketHandlers, SocketRoute } from '../core/ports/socket-route.js';
import type { PlaceHolder } from './shared-places.js';
import { closeOnBackpressureLimit, type UwsBehavior, type UwsWebSocket } from './uws.js';

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
  socket: UwsSocket | null;
  handlers: SocketHandlers | null;
}

export interface SocketLimits {
  readonly idleTimeoutSeconds: number;
  readonly outboundBytesMax: number;
}

/** A uWebSockets.js WebSocket behind the `Socket` port; it becomes inert when the connection closes. */
export class UwsSocket implements Socket {
  #ws: UwsWebSocket<SocketUserData> | null;

  constructor(ws: UwsWebSocket<SocketUserData>) {
    this.#ws = ws;
  }

  send(data: Uint8Array | string, kind?: 'binary' | 'text'): 'sent' | 'buffered' | 'dropped' {
    if (this.#ws === null) return 'dropped';
    const isBinary = typeof data !== 'string' && kind !== 'text';
    // A character has at most three bytes a unit of the string.
    const isLarge = 3 * data.length > fragmentBytes;
    const status = isLarge ? sendFragments(this.#ws, Buffer.from(data), isBinary) : this.#ws.send(data, isBinary);
    return status === 1 ? 'sent' : status === 0 ? 'buffered' : 'dropped';
  }

  close(code: number, reason: string): void {
    this.#ws?.end(code, reason);
  }

  detach(): void {
    this.#ws = null;
  }
}

/**
 * A message of 16 KiB or more that the system takes in part comes out corrupt (uWebSockets.js in @rjweb/uws 1.5.0,
 * corked or not, measured with sockets that are read late): so a large one goes as fragments below that size.
 */
const fragmentBytes = 16_000;

/** The status of the last fragment; what the first ones left waiting is waiting then, too. */
function sendFragments(ws: UwsWebSocket<SocketUserData>, bytes: Uint8Array, isBinary: boolean): number {
  if (bytes.length <= fragmentBytes) return ws.send(bytes, isBinary);
  ws.sendFirstFragment(bytes.subarray(0, fragmentBytes), isBinary, false);
  let at = fragmentBytes;
  for (; at + fragmentBytes < bytes.length; at += fragmentBytes) {
    ws.sendFragment(bytes.subarray(at, at + fragmentBytes), false);
  }
  return ws.sendLastFragment(bytes.subarray(at), false);
}

/** The behaviour of one WebSocket route; `onOpen` and `onClose` keep the server's count of connections. */
export function createSocketBehavior(
  route: SocketRoute,
  limits: SocketLimits,
  track: {
    readonly onOpen: (socket: UwsSocket, data: SocketUserData) => void;
    readonly onClose: (socket: UwsSocket, data: SocketUserData) => void;
  },
): Omit<UwsBehavior<SocketUserData>, 'upgrade'> {
  return {
    maxPayloadLength: route.payloadBytesMax,
    idleTimeout: limits.idleTimeoutSeconds,
    maxBackpressure: limits.outboundBytesMax,
    closeOnBackpressureLimit,
    sendPingsAutomatically: true,
    open(ws) {
      const data = ws.getUserData();
      const socket = new UwsSocket(ws as UwsWebSocket<SocketUserData>);
      data.socket = socket;
      track.onOpen(socket, data);
      if (data.refusal !== null) refuse(socket, { route, query: data.query, refusal: data.refusal });
      else if (data.principal !== null) {
        data.handlers = route.open(socket, { principal: data.principal, query: data.query });
      }
    },
    message(ws, message, isBinary) {
      ws.getUserData().handlers?.message(message, isBinary);
    },
    drain(ws) {
      if (ws.getBufferedAmount() === 0) ws.getUserData().handlers?.drained?.();
    },
    close(ws, code) {
      const data = ws.getUserData();
      if (data.socket === null) return;
      data.socket.detach();
      track.onClose(data.socket, data);
      data.handlers?.closed(code);
    },
  };
}

/** A browser sees no status of a refused upgrade, only the messages and the close code of an accepted one. */
function refuse(
  socket: UwsSocket,
  of: { readonly route: SocketRoute; readonly query: URLSearchParams; readonly refusal: SocketRefusal },
): void {
  const { code, message } = of.refusal;
  socket.send(of.route.errorMessage({ code, message }, of.query));
  socket.close(errorTable[code].closeCode ?? 1008, code);
}
