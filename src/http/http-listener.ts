import { randomBytes } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket as NetSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TlsOptions as TlsServerOptions } from 'node:tls';
import type { Clock } from '../core/clock.js';
import type { HttpReply } from '../core/ports/http-route.js';
import { problem } from '../core/problem.js';
import { type ListenAddress, listen } from './listener.js';
import { headBytesMax } from './request-head.js';
import type { TlsMaterial } from './tls-files.js';

export interface HttpListenerOptions extends ListenAddress {
  readonly bodyTimeoutMs: number;
  /** How long a connection is kept for a next request. */
  readonly keepAliveTimeoutMs: number;
  /** Null: plain HTTP. */
  readonly tls: TlsMaterial | null;
}

export interface HttpListenerHandlers {
  /** `response.writeContinue` is due, if the body is wanted, when `expectsContinue`. */
  serve(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void;
  /** Whether this upgrade is one: to a WebSocket, and on a path that has one. Any other is served without. */
  upgrades(request: IncomingMessage): boolean;
  upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void;
  /** What the parser makes no sense of came while a request was under way on the connection. */
  garbled(socket: Duplex): boolean;
  refused(code: UnreadCode): void;
  /** There was no descriptor to spare for a connection; it was closed. */
  dropped(): void;
}

/** Of Node from 24.9 on: what it does not answer yes to is a request as any other. Others ignore it. */
interface HttpListenerUpgrades {
  readonly shouldUpgradeCallback: (request: IncomingMessage) => boolean;
}

/** Why a request never got as far as being one. */
export type UnreadCode = 'request_malformed' | 'head_too_large' | 'request_timeout';

/**
 * A head that does not arrive whole within this time ends its connection; so does a connection that says nothing from
 * the beginning on.
 */
const headTimeoutMs = 10_000;
const checkIntervalMs = 1_000;
const lingerMs = 500;

/** The port: Node's own HTTP server, with limits, and with our problem details for what its parser refuses. */
export class HttpListener {
  readonly #server: Server | TlsServer;
  /** What Node's HTTP reads a connection at. */
  readonly #arrival: 'connection' | 'secureConnection';
  readonly #handlers: HttpListenerHandlers;
  readonly #clock: Clock;
  readonly #options: HttpListenerOptions;
  readonly #open = new Set<NetSocket>();
  #port = 0;

  constructor(clock: Clock, handlers: HttpListenerHandlers, options: HttpListenerOptions) {
    this.#clock = clock;
    this.#handlers = handlers;
    this.#options = options;
    const serverOptions: ServerOptions & HttpListenerUpgrades = {
      maxHeaderSize: headBytesMax,
      headersTimeout: headTimeoutMs,
      requestTimeout: headTimeoutMs + options.bodyTimeoutMs,
      keepAliveTimeout: options.keepAliveTimeoutMs,
      connectionsCheckingInterval: checkIntervalMs,
      shouldUpgradeCallback: (request) => handlers.upgrades(request),
    };
    const { tls } = options;
    this.#server =
      tls === null
        ? createServer(serverOptions)
        : createTlsServer({ ...serverOptions, ...secured(tls), handshakeTimeout: headTimeoutMs });
    this.#arrival = tls === null ? 'connection' : 'secureConnection';
    // Bounded by `headBytesMax`, and by `headersMax` with a reason; Node would leave out what is more.
    this.#server.maxHeadersCount = 0;
    this.#server.on('request', (request, response) => handlers.serve(request, response, false));
    this.#server.on('checkContinue', (request, response) => handlers.serve(request, response, true));
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#refuse(error, socket));
    this.#server.on('connection', (socket) => this.#count(socket));
    this.#server.on('drop', () => handlers.dropped());
  }

  /** Open now, WebSockets among them. */
  get connections(): number {
    return this.#open.size;
  }

  get port(): number {
    return this.#port;
  }

  async listen(): Promise<void> {
    this.#port = await listen(this.#server, this.#options);
  }

  /** For connections from now on; those that are open go on. */
  renewTls(material: TlsMaterial): void {
    if ('setSecureContext' in this.#server) this.#server.setSecureContext(secured(material));
  }

  /** Connections of any kind beyond this are closed at once. */
  limitConnections(connectionsMax: number): void {
    this.#server.maxConnections = Math.max(1, connectionsMax);
  }

  /** No new connection; requests under way go on. */
  stopListening(): void {
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  close(): void {
    this.#server.closeAllConnections();
  }

  #count(socket: NetSocket): void {
    if (this.#open.has(socket)) return;
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    if (this.#handlers.upgrades(request)) this.#handlers.upgrade(request, socket, head);
    else this.#serveWithout(request, socket, head);
  }

  /**
   * A client may offer another protocol (Java's, `h2c`) with any request, and take our answer in the one it asked in.
   * Node before 24.9 has stopped reading at such a head: without the offer, the same request is read again.
   */
  #serveWithout(request: IncomingMessage, socket: Duplex, body: Uint8Array): void {
    const { method, url, httpVersion, rawHeaders } = request;
    const lines = [`${method} ${url} HTTP/${httpVersion}`];
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = rawHeaders[at]!.toLowerCase();
      if (name === 'upgrade' || name === 'http2-settings') continue;
      const value = rawHeaders[at + 1]!;
      lines.push(`${rawHeaders[at]}: ${name === 'connection' ? withoutOffer(value) : value}`);
    }
    socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]));
    this.#server.emit(this.#arrival, socket);
  }

  #refuse(error: NodeJS.ErrnoException & { readonly reason?: string }, socket: Duplex): void {
    const code = codeOf(error, socket as NetSocket);
    if (code === null || !socket.writable) {
      socket.destroy();
      return;
    }
    // The answer of a request before it must not be taken for this one's, nor the other way round.
    if (this.#handlers.garbled(socket)) return;
    this.#handlers.refused(code);
    socket.end(
      writtenOut(problem(code, { detail: details[code] ?? `this is not HTTP/1.1: ${error.reason ?? error.code}` })),
    );
    // What it still sends is taken for a moment, or its system would throw our answer away.
    socket.on('error', () => socket.destroy()).resume();
    this.#clock.setTimer(lingerMs, () => socket.destroy());
  }
}

/**
 * A client without a certificate is let in this far and refused by name when it asks: a handshake that fails tells it,
 * in TLS 1.3, no more than that the connection is gone. A session is resumed by its ticket without another look at the
 * certificate, so a ticket is worth nothing once the authorities have changed.
 */
function secured({ cert, key, clientCa }: TlsMaterial): TlsServerOptions {
  const common = { cert, key, minVersion: 'TLSv1.2' } as const;
  if (clientCa === null) return common;
  const ticketKeys = randomBytes(48);
  return { ...common, ca: clientCa, requestCert: true, rejectUnauthorized: false, ticketKeys };
}

function withoutOffer(connection: string): string {
  const options = connection.split(',').map((option) => option.trim());
  return options.filter((option) => !/^(upgrade|http2-settings)$/i.test(option)).join(', ') || 'keep-alive';
}

/** Null when the client went away, or never asked anything. */
function codeOf(error: NodeJS.ErrnoException, socket: NetSocket): UnreadCode | null {
  if (error.code === 'ECONNRESET' || error.code === 'HPE_INVALID_EOF_STATE' || socket.bytesRead === 0) return null;
  if (error.code === 'HPE_HEADER_OVERFLOW') return 'head_too_large';
  return error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request_timeout' : 'request_malformed';
}

/** Of a malformed request the parser says what it is: of the grammar, never of what was sent. */
const details: Partial<Record<UnreadCode, string>> = {
  head_too_large: `a head may have ${headBytesMax} bytes`,
  request_timeout: 'the request did not arrive whole in time',
};

/** Of Node's, a response belongs to a request: here there is none. */
function writtenOut({ status, headers, body = '' }: HttpReply): string {
  const fields = { ...headers, 'content-length': Buffer.byteLength(String(body)), connection: 'close' };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, ...lines, '', String(body)].join('\r\n');
}
