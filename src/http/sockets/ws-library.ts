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

/**
 * What it costs beside uWebSockets.js, by `npm run bench -- --scenario micro`. Without its native part, which is an
 * optional package, it takes the mask off what clients send byte by byte.
 */
export async function costOfWs(): Promise<string> {
  return (await hasNativeMasking())
    ? 'a frame costs some 3 us of CPU more'
    : 'a frame of 100 kB costs some 0.3 ms of CPU more (npm install bufferutil takes that away)';
}

async function hasNativeMasking(): Promise<boolean> {
  try {
    const { default: library } = await import('bufferutil');
    // In its place stands a fallback of the same name where it has no binary.
    return /\[native code\]/.test(String(library.unmask));
  } catch {
    return false;
  }
}
