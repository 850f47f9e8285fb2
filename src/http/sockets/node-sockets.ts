import { IncomingMessage } from 'node:http';
import type { Socket as NetSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Timer } from '../../core/clock.js';
import { Pause } from '../../core/pause.js';
import type { SocketRoute } from '../../core/ports/socket-route.js';
import { lookMs, NodeSocket } from './node-socket.js';
import type { GrantedUpgrade, SocketServer, SocketServerDeps, SocketServerOptions } from './socket-server.js';
import { createWebSocketServer, type WsServer } from './ws-library.js';

/** WebSockets by `ws`, on the connections of Node's own HTTP server: on every system that Node runs on. */
export class NodeSockets implements SocketServer {
  readonly says: string;
  readonly #deps: SocketServerDeps;
  readonly #options: SocketServerOptions;
  readonly #servers: ReadonlyMap<SocketRoute, WsServer>;
  readonly #open = new Set<NodeSocket>();
  readonly #connections = new Set<Duplex>();
  /** Until no connection is open any more. */
  readonly #drain: Pause;
  #look: Timer | null = null;

  constructor(says: string, deps: SocketServerDeps, options: SocketServerOptions, routes: readonly SocketRoute[]) {
    this.says = says;
    this.#deps = {
      ...deps,
      onClose: (socket, data) => {
        if (socket instanceof NodeSocket) this.#open.delete(socket);
        deps.onClose(socket, data);
      },
    };
    this.#options = options;
    this.#servers = new Map(routes.map((route) => [route, createWebSocketServer(route)]));
    this.#drain = new Pause(deps.clock);
  }

  async start(): Promise<void> {
    this.#lookLater();
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#look?.cancel();
    for (const socket of [...this.#open]) socket.terminate();
    if (this.#connections.size > 0) await this.#drain.wait(deadlineMs);
    for (const connection of this.#connections) connection.destroy();
  }

  handOver(granted: GrantedUpgrade): void {
    const { route, socket, head, data } = granted;
    let opened = false;
    this.#connections.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      this.#connections.delete(socket);
      if (!opened) this.#deps.onClose(null, data);
      if (this.#connections.size === 0) this.#drain.wake();
    });
    this.#servers.get(route)!.handleUpgrade(judgedRequest(granted), socket, Buffer.from(head), (ws) => {
      opened = true;
      const open = new NodeSocket(ws, granted, this.#deps, this.#options);
      this.#open.add(open);
      open.open();
    });
  }

  #lookLater(): void {
    this.#look = this.#deps.clock.setTimer(lookMs, () => {
      for (const socket of this.#open) socket.lookForSilence();
      this.#lookLater();
    });
  }
}

/** The request as it was judged, and nothing of it that was not. */
function judgedRequest({ route, socket, key, protocol }: GrantedUpgrade): IncomingMessage {
  const request = new IncomingMessage(socket as NetSocket);
  request.method = 'GET';
  request.url = route.path;
  request.headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': key,
    ...(protocol === null ? {} : { 'sec-websocket-protocol': protocol }),
  };
  return request;
}
