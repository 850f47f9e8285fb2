import type { Socket, SocketRoute } from '../../core/ports/socket-route.js';
import { openOn, type SocketServerDeps, type SocketServerOptions, type SocketUserData } from './socket-server.js';
import { closeOnBackpressureLimit, type UwsBehavior, type UwsWebSocket } from './uws-library.js';

/** What the library keeps with a connection. */
export interface UwsUserData {
  readonly data: SocketUserData;
  socket: UwsSocket | null;
}

/** A uWebSockets.js WebSocket behind the `Socket` port; it becomes inert when the connection closes. */
class UwsSocket implements Socket {
  #ws: UwsWebSocket<UwsUserData> | null;

  constructor(ws: UwsWebSocket<UwsUserData>) {
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
function sendFragments(ws: UwsWebSocket<UwsUserData>, bytes: Uint8Array, isBinary: boolean): number {
  if (bytes.length <= fragmentBytes) return ws.send(bytes, isBinary);
  ws.sendFirstFragment(bytes.subarray(0, fragmentBytes), isBinary, false);
  let at = fragmentBytes;
  for (; at + fragmentBytes < bytes.length; at += fragmentBytes) {
    ws.sendFragment(bytes.subarray(at, at + fragmentBytes), false);
  }
  return ws.sendLastFragment(bytes.subarray(at), false);
}

/** The behaviour of one WebSocket route. */
export function createSocketBehavior(
  route: SocketRoute,
  options: SocketServerOptions,
  { onOpen, onClose }: SocketServerDeps,
): Omit<UwsBehavior<UwsUserData>, 'upgrade'> {
  return {
    maxPayloadLength: route.payloadBytesMax,
    idleTimeout: options.idleTimeoutSeconds,
    maxBackpressure: options.outboundBytesMax,
    closeOnBackpressureLimit,
    sendPingsAutomatically: true,
    open(ws) {
      const kept = ws.getUserData();
      kept.socket = new UwsSocket(ws as UwsWebSocket<UwsUserData>);
      onOpen(kept.socket, kept.data);
      openOn(route, kept.socket, kept.data);
    },
    message(ws, message, isBinary) {
      ws.getUserData().data.handlers?.message(new Uint8Array(message), isBinary);
    },
    drain(ws) {
      if (ws.getBufferedAmount() === 0) ws.getUserData().data.handlers?.drained?.();
    },
    close(ws, code) {
      const { socket, data } = ws.getUserData();
      if (socket === null) return;
      socket.detach();
      onClose(socket, data);
      data.handlers?.closed(code);
    },
  };
}
