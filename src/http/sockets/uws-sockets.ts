import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { CollectorError } from '../../core/errors.js';
import { Pause } from '../../core/pause.js';
import type { SocketRoute } from '../../core/ports/socket-route.js';
import {
  closingMsMax,
  type GrantedUpgrade,
  type SocketServer,
  type SocketServerDeps,
  type SocketServerOptions,
  type SocketUserData,
} from './socket-server.js';
import type { Uws, UwsApp, UwsContext, UwsListenSocket, UwsRequest, UwsResponse } from './uws-library.js';
import { createSocketBehavior, type UwsUserData } from './uws-socket.js';

/**
 * WebSockets by uWebSockets.js behind Node's own HTTP server. The library cannot take over a connection of Node's, and
 * its reading of HTTP fails on a request line in two pieces and on HTTP/1.0. So Node reads every head; a granted
 * upgrade is asked for once more from the library, on a socket of the file system that only this process knows how to
 * use, and bytes pass through.
 *
 * Bytes that pass through cost: a frame of 108 kB 125 us of CPU, 30 us by the library alone, and 102 us by `ws` with a
 * native unmasking; one of 200 bytes 4 us, and 7 us by `ws`. An open connection takes three descriptors and 15 kB.
 */
export class UwsSockets implements SocketServer {
  readonly says: string;
  readonly #uws: Uws;
  readonly #deps: SocketServerDeps;
  readonly #options: SocketServerOptions;
  readonly #routes: readonly SocketRoute[];
  /** Granted and not yet asked for again, by a word that only this process knows. */
  readonly #granted = new Map<string, SocketUserData>();
  readonly #relayed = new Set<Duplex>();
  /** Until no connection is passed on any more. */
  readonly #drain: Pause;
  #app: UwsApp | null = null;
  #listenSocket: UwsListenSocket | null = null;
  #path = '';
  #ownDirectory: string | null = null;

  constructor(
    library: { readonly uws: Uws; readonly says: string },
    deps: SocketServerDeps,
    options: SocketServerOptions,
    routes: readonly SocketRoute[],
  ) {
    this.says = library.says;
    this.#uws = library.uws;
    this.#deps = deps;
    this.#options = options;
    this.#routes = routes;
    this.#drain = new Pause(deps.clock);
  }

  async start(): Promise<void> {
    const app = this.#uws.createApp();
    for (const route of this.#routes) {
      app.ws<UwsUserData>(route.path, {
        ...createSocketBehavior(route, this.#options, this.#deps),
        upgrade: (response, request, context) => this.#admit(response, request, context),
      });
    }
    app.any('/*', (response) => void response.close());
    this.#app = app;
    this.#listenSocket = await this.#listen(app);
  }

  async stop(deadlineMs: number): Promise<void> {
    if (this.#app === null) return;
    if (this.#listenSocket !== null) this.#uws.closeListener(this.#listenSocket);
    this.#app.close();
    this.#app = null;
    if (this.#relayed.size > 0) await this.#drain.wait(deadlineMs);
    for (const socket of this.#relayed) socket.destroy();
    rmSync(this.#path, { force: true });
    if (this.#ownDirectory !== null) rmSync(this.#ownDirectory, { recursive: true, force: true });
  }

  handOver(granted: GrantedUpgrade): void {
    const { socket, data } = granted;
    const word = randomBytes(16).toString('hex');
    this.#granted.set(word, data);
    this.#relayed.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      this.#relayed.delete(socket);
      if (this.#granted.delete(word)) this.#deps.onClose(null, data);
      if (this.#relayed.size === 0) this.#drain.wake();
    });
    this.#reach(granted, word, 1);
  }

  /** Many connections at once may be more than wait on a socket of the file system: those try again. */
  #reach(granted: GrantedUpgrade, word: string, attempt: number): void {
    const { socket, head } = granted;
    if (socket.destroyed) return;
    const inner = connect(this.#path).setNoDelay(true);
    inner.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EAGAIN' || attempt === attemptsMax) socket.destroy();
      else this.#deps.clock.setTimer(retryMs, () => this.#reach(granted, word, attempt + 1));
    });
    inner.once('connect', () => {
      inner.write(upgradeHead(granted, word));
      // The library forgets what comes in one piece with a head: frames wait until it has answered.
      inner.once('data', () => {
        if (head.length > 0) inner.write(head);
        socket.pipe(inner);
      });
      socket.once('close', () => inner.destroy());
      inner.once('close', () => this.#deps.clock.setTimer(closingMsMax, () => socket.destroy()));
      inner.pipe(socket);
    });
  }

  #admit(response: UwsResponse, request: UwsRequest, context: UwsContext): void {
    const word = request.getHeader(wordHeader);
    const data = this.#granted.get(word);
    if (data === undefined) {
      response.close();
      return;
    }
    this.#granted.delete(word);
    response.upgrade<UwsUserData>(
      { data, socket: null },
      request.getHeader('sec-websocket-key'),
      request.getHeader('sec-websocket-protocol'),
      '',
      context,
    );
  }

  async #listen(app: UwsApp): Promise<UwsListenSocket> {
    for (const path of this.#paths()) {
      const listener = await this.#uws.listen(app, path);
      if (listener === false) continue;
      this.#path = path;
      chmodSync(path, 0o600);
      return listener;
    }
    const places = [this.#options.directory, tmpdir()].filter((place) => place !== null).join(' nor in ');
    throw new CollectorError('config_invalid', `cannot make a socket for WebSockets in ${places}: set TMPDIR`);
  }

  /** A file system may know no sockets, and the path of one is short. */
  *#paths(): Generator<string> {
    const { directory } = this.#options;
    const path = join(directory ?? '', socketName);
    if (directory !== null && Buffer.byteLength(path) <= pathBytesMax) {
      rmSync(path, { force: true });
      yield path;
    }
    const own = tryMakeDirectory();
    this.#ownDirectory = own;
    if (own !== null) yield join(own, socketName);
  }
}

function upgradeHead({ route, key, protocol }: GrantedUpgrade, word: string): string {
  return [
    `GET ${route.path} HTTP/1.1`,
    'Host: collector',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${key}`,
    ...(protocol === null ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
    `${wordHeader}: ${word}`,
    '\r\n',
  ].join('\r\n');
}

const wordHeader = 'x-tidemark-granted';
const attemptsMax = 200;
const retryMs = 10;
const socketName = 'websockets.sock';
/** What every system takes as the address of a socket. */
const pathBytesMax = 100;

function tryMakeDirectory(): string | null {
  try {
    return mkdtempSync(join(tmpdir(), 'tidemark-'));
  } catch {
    return null;
  }
}
