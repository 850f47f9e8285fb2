import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Clock } from '../core/clock.js';
import { CollectorError } from '../core/errors.js';
import { Pause } from '../core/pause.js';
import type { SocketRoute } from '../core/ports/socket-route.js';
import { createSocketBehavior, type SocketLimits, type SocketUserData, type UwsSocket } from './socket-adapter.js';
import {
  loadUws,
  type Uws,
  type UwsApp,
  type UwsContext,
  type UwsListenSocket,
  type UwsRequest,
  type UwsResponse,
} from './uws.js';

export interface StreamRelayDeps {
  readonly clock: Clock;
  readonly onOpen: (socket: UwsSocket, data: SocketUserData) => void;
  readonly onClose: (socket: UwsSocket | null, data: SocketUserData) => void;
}

export interface StreamRelayOptions extends SocketLimits {
  /** Where the socket is that connections are handed over by; the system's directory for temporary files if null. */
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

/**
 * WebSockets by uWebSockets.js behind Node's own HTTP server. The library cannot take over a connection of Node's, and
 * its reading of HTTP fails on a request line in two pieces and on HTTP/1.0. So Node reads every head; a granted
 * upgrade is asked for once more from the library, on a socket of the file system that only this process knows how to
 * use, and bytes pass through.
 *
 * Measured with frames of 500 events and 108 kB, CPU a frame: 30 us by the library alone, 90 us by this relay (0.12 us
 * an event, of 8.9 us that it costs in all), 90 us by `ws` with a native unmasking, 390 us by `ws` without; with one
 * event of 200 bytes a frame 5, 7, 10 and 10 us. An open connection takes three descriptors and 15 kB.
 */
export class StreamRelay {
  readonly #deps: StreamRelayDeps;
  readonly #options: StreamRelayOptions;
  readonly #routes: readonly SocketRoute[];
  /** Granted and not yet asked for again, by a word that only this process knows. */
  readonly #granted = new Map<string, SocketUserData>();
  readonly #relayed = new Set<Duplex>();
  /** Until no connection is passed on any more. */
  readonly #drain: Pause;
  #uws: Uws | null = null;
  #app: UwsApp | null = null;
  #listenSocket: UwsListenSocket | null = null;
  #path = '';
  #ownDirectory: string | null = null;

  constructor(deps: StreamRelayDeps, options: StreamRelayOptions, routes: readonly SocketRoute[]) {
    this.#deps = deps;
    this.#options = options;
    this.#routes = routes;
    this.#drain = new Pause(deps.clock);
  }

  /** Throws `config_invalid` when the library or a place for its socket cannot be had. */
  async start(): Promise<void> {
    const uws = await loadUws();
    const app = uws.createApp();
    const track = { onOpen: this.#deps.onOpen, onClose: this.#deps.onClose };
    for (const route of this.#routes) {
      app.ws<SocketUserData>(route.path, {
        ...createSocketBehavior(route, this.#options, track),
        upgrade: (response, request, context) => this.#admit(response, request, context),
      });
    }
    app.any('/*', (response) => void response.close());
    this.#uws = uws;
    this.#app = app;
    this.#listenSocket = await this.#listen(uws, app);
  }

  /** Ends what is still open; resolves when all that was sent is on its way, or at the deadline. */
  async stop(deadlineMs: number): Promise<void> {
    if (this.#app === null) return;
    if (this.#listenSocket !== null) this.#uws?.closeListener(this.#listenSocket);
    this.#app.close();
    this.#app = null;
    if (this.#relayed.size > 0) await this.#drain.wait(deadlineMs);
    for (const socket of this.#relayed) socket.destroy();
    rmSync(this.#path, { force: true });
    if (this.#ownDirectory !== null) rmSync(this.#ownDirectory, { recursive: true, force: true });
  }

  /** Passes a connection on; its `data` is given back by `onClose`, whatever becomes of it. */
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
      // The client has a moment to read what is on its way to it, and to close its side.
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
    response.upgrade(
      data,
      request.getHeader('sec-websocket-key'),
      request.getHeader('sec-websocket-protocol'),
      '',
      context,
    );
  }

  async #listen(uws: Uws, app: UwsApp): Promise<UwsListenSocket> {
    for (const path of this.#paths()) {
      const listener = await uws.listen(app, path);
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
const closingMsMax = 2_000;

function tryMakeDirectory(): string | null {
  try {
    return mkdtempSync(join(tmpdir(), 'tidemark-'));
  } catch {
    return null;
  }
}
