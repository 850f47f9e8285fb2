import { type ServerOptions, WebSocketServer } from 'ws';
import type { SocketRoute } from '../../core/ports/socket-route.js';
import { closingMsMax } from './socket-server.js';

export type { WebSocket as WsSocket, WebSocketServer as WsServer } from 'ws';

/** Takes connections over that Node's own HTTP server has read the head of. */
export function createWebSocketServer({ payloadBytesMax }: SocketRoute): WebSocketServer {
  // `closeTimeout` is in the library, not in its types.
  const options: ServerOptions & { readonly closeTimeout: number } = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: payloadBytesMax,
    closeTimeout: closingMsMax,
  };
  return new WebSocketServer(options);
}
