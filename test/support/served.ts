import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { type Clock, systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';
import type { Authenticator, Principal, Scope } from '../../src/core/ports/authenticator.js';
import type { HttpRoute } from '../../src/core/ports/http-route.js';
import type { RequestLimiter } from '../../src/core/ports/request-limiter.js';
import type { SocketRoute } from '../../src/core/ports/socket-route.js';
import { HttpServer, type HttpServerOptions } from '../../src/http/http-server.js';
import { loadSocketLibrary } from '../../src/http/sockets/socket-library.js';
import type { TlsFiles } from '../../src/http/tls-files.js';
import { socketServer } from './socket-server.js';

export interface Given extends Partial<HttpServerOptions> {
  readonly http?: readonly HttpRoute[];
  readonly sockets?: readonly SocketRoute[];
  readonly clock?: Clock;
  readonly tls?: TlsFiles;
  readonly limiter?: RequestLimiter;
}

const readScope: ReadonlySet<Scope> = new Set(['read', 'ingest'] as const);

/** `Bearer good` and `Bearer good-<name>` are keys of tenant acme that may read and ingest. */
const authenticator: Authenticator = {
  authenticate(authorization, scope) {
    if (authorization === undefined) return 'key_missing';
    const name = /^Bearer (good.*)$/.exec(authorization)?.[1];
    if (name === undefined) return 'key_invalid';
    const principal: Principal = { tenant: 'acme', scopes: readScope, keyName: name, contentAllowed: false };
    return readScope.has(scope) ? principal : 'scope_missing';
  },
};

/** A server of these routes on a free port, stopped with the test; what it counts and logs is kept. */
export async function serve(given: Given) {
  const requests: string[] = [];
  const refused: string[] = [];
  const logged: object[] = [];
  const { http = [], sockets = [], clock = systemClock, tls = null, limiter, ...options } = given;
  const server = new HttpServer(
    {
      authenticator,
      clock,
      tls,
      ...(limiter === undefined ? {} : { limiter }),
      sockets: await loadSocketLibrary(socketServer),
      logger: { ...silentLogger, error: (context) => logged.push(context) },
      instruments: {
        recordRequest: (route, method, status) => requests.push(`${method} ${route} ${status}`),
        refused: { inc: ({ code }) => refused.push(code) },
      },
    },
    {
      host: '127.0.0.1',
      port: 0,
      hosts: [],
      corsOrigins: [],
      connectionsMax: 10,
      connectionsKeyRatioMax: 1,
      connectionsAddressRatioMax: 1,
      requestsMax: 10,
      monitoringRequestsMax: 10,
      bodiesBytesMax: 16 * 1_048_576,
      requestsKeyRatioMax: 1,
      requestsAddressRatioMax: 1,
      bodyTimeoutMs: 30_000,
      bodyBytesPerSecondMin: 0,
      replyIdleTimeoutMs: 30_000,
      keepAliveTimeoutMs: 5_000,
      idleTimeoutSeconds: 60,
      outboundBytesMax: 65_536,
      directory: null,
      ...options,
    },
    { http, sockets },
  );
  await server.start();
  onTestFinished(() => server.stop(100));
  return {
    server,
    requests,
    refused,
    logged,
    host: `127.0.0.1:${server.port}`,
    url: server.url,
  };
}

export function route(path: string, handle: HttpRoute['handle'], more: Partial<HttpRoute> = {}): HttpRoute {
  return { method: 'GET', path, scope: null, handle, ...more };
}

/** A connection that keeps all it receives; destroyed with the test. */
export class RawClient {
  readonly #socket: Socket;
  #text = '';
  #closed = false;

  constructor(port: number, from = '127.0.0.1') {
    this.#socket = connect({ port, host: '127.0.0.1', localAddress: from }).setNoDelay(true);
    this.#socket.on('data', (data) => {
      this.#text += data.toString('latin1');
    });
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.#closed = true;
    });
    onTestFinished(() => this.destroy());
  }

  get text(): string {
    return this.#text;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Status of each answer so far. */
  get statuses(): number[] {
    return [...this.#text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
  }

  write(text: string | Uint8Array): this {
    this.#socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
    return this;
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
