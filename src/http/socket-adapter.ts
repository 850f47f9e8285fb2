import { type AccessErrorCode, errorTable } from '../core/errors.js';
import type { Principal, Socket, SocketHandlers, SocketRoute } from '../core/ports.js';
import { closeOnBackpressureLimit, type UwsBehavior, type UwsWebSocket } from './uws.js';

/** What an upgraded connection carries: who is calling, or why it is refused. */
export interface SocketUserData {
  readonly principal: Principal | null;
  readonly refusal: AccessErrorCode | null;
  readonly query: URLSearchParams;
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
    const status = this.#ws.send(data, typeof data !== 'string' && kind !== 'text');
    return status === 1 ? 'sent' : status === 0 ? 'buffered' : 'dropped';
  }

  close(code: number, reason: string): void {
    this.#ws?.end(code, reason);
  }

  detach(): void {
    this.#ws = null;
  }
}

/** The behaviour of one WebSocket route; `onOpen` and `onClose` keep the server's count of connections. */
export function createSocketBehavior(
  route: SocketRoute,
  limits: SocketLimits,
  track: { readonly onOpen: (socket: UwsSocket) => void; readonly onClose: (socket: UwsSocket) => void },
): Omit<UwsBehavior<SocketUserData>, 'upgrade'> {
  return {
    maxPayloadLength: route.payloadBytesMax,
    idleTimeout: limits.idleTimeoutSeconds,
    maxBackpressure: limits.outboundBytesMax,
    closeOnBackpressureLimit,
    sendPingsAutomatically: true,
    open(ws) {
      const data = ws.getUserData();
      const socket = new UwsSocket(ws);
      data.socket = socket;
      track.onOpen(socket);
      if (data.principal === null) refuse(socket, data.refusal ?? 'key_invalid');
      else data.handlers = route.open(socket, { principal: data.principal, query: data.query });
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
      track.onClose(data.socket);
      data.handlers?.closed(code);
    },
  };
}

/** A browser sees no status of a refused upgrade, only the close code of an accepted one. */
function refuse(socket: UwsSocket, code: AccessErrorCode): void {
  const spec = errorTable[code];
  socket.send(JSON.stringify({ op: 'error', code, message: spec.meaning }));
  socket.close(spec.closeCode ?? 1008, code);
}
