import type { Clock } from '../core/clock.js';
import { CollectorError, errorMessage, errorTable } from '../core/errors.js';
import type { HttpInstruments } from '../core/instruments.js';
import type { Logger } from '../core/logger.js';
import {
  type Authenticator,
  anonymous,
  type HttpReply,
  type HttpRoute,
  type Principal,
  type SocketRoute,
} from '../core/ports.js';
import { problem, problemOf } from '../core/problem.js';
import type { Stage } from '../core/stage.js';
import { readBody } from './body-reader.js';
import { CorsPolicy } from './cors.js';
import { parseCredentials } from './credentials.js';
import { writeReply } from './reply-writer.js';
import { createRouter, type RouteMatch } from './router.js';
import { createSocketBehavior, type SocketUserData, type UwsSocket } from './socket-adapter.js';
import {
  loadUws,
  type UwsApp,
  type UwsContext,
  type UwsListenSocket,
  type UwsRequest,
  type UwsResponse,
} from './uws.js';

export interface HttpServerDeps {
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly instruments: HttpInstruments;
}

export interface HttpServerOptions {
  readonly host: string;
  /** 0 takes a free one, see `port`. */
  readonly port: number;
  readonly connectionsMax: number;
  /** HTTP requests under way at once; one more is answered 429. */
  readonly requestsMax: number;
  readonly bodyTimeoutMs: number;
  readonly replyIdleTimeoutMs: number;
  /** Origins whose pages may read answers, or `*`; see `CorsPolicy`. */
  readonly corsOrigins: readonly string[];
  readonly socketIdleTimeoutSeconds: number;
  readonly socketOutboundBytesMax: number;
}

/** What is copied out of a request before its handler returns: uWebSockets.js keeps it on the stack. */
interface Head {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: ReadonlyMap<string, string>;
  /** Of path and query as sent, all ASCII. */
  readonly targetCharacters: number;
}

/** A URL that arrives in pieces is refused by uWebSockets.js at 4 KiB; one that arrives whole, here. */
const targetCharactersMax = 16_384;
/** What is recorded, as nginx does, for a client that went away before its answer: no failure of the collector. */
const clientGoneStatus = 499;

/**
 * The one socket server. It knows routes, keys and limits, nothing of events: it finds the route,
 * authenticates, reads the body under its limit, calls the handler and writes the answer.
 */
export class HttpServer implements Stage {
  readonly name = 'http';
  readonly #deps: HttpServerDeps;
  readonly #options: HttpServerOptions;
  readonly #route: (method: string, path: string) => RouteMatch;
  readonly #cors: CorsPolicy;
  readonly #socketRoutes: readonly SocketRoute[];
  readonly #sockets = new Set<UwsSocket>();
  #app: UwsApp | null = null;
  #listenSocket: UwsListenSocket | null = null;
  #closeListener: (socket: UwsListenSocket) => void = () => {};
  #port = 0;
  #requests = 0;
  /** Of them those whose answers do not end by themselves. */
  #longLived = 0;
  #stopping = false;

  constructor(
    deps: HttpServerDeps,
    options: HttpServerOptions,
    routes: { readonly http: readonly HttpRoute[]; readonly sockets: readonly SocketRoute[] },
  ) {
    this.#deps = deps;
    this.#options = options;
    this.#route = createRouter(routes.http);
    this.#cors = new CorsPolicy(options);
    this.#socketRoutes = routes.sockets;
  }

  get port(): number {
    return this.#port;
  }

  connections(): number {
    return this.#sockets.size;
  }

  async start(): Promise<void> {
    const uws = await loadUws();
    const app = uws.createApp();
    for (const route of this.#socketRoutes) this.#addSocketRoute(app, route);
    app.any('/*', (response, request) => this.#serve(response, request));
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      app.listen(host, port, (listenSocket) => {
        if (listenSocket === false) {
          reject(
            new CollectorError(
              'config_invalid',
              `cannot listen on ${host}:${port}: the address is in use or not allowed`,
            ),
          );
          return;
        }
        this.#listenSocket = listenSocket;
        this.#port = uws.localPort(listenSocket);
        resolve();
      });
    });
    this.#app = app;
    this.#closeListener = uws.closeListener;
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    if (this.#app === null) return;
    if (this.#listenSocket !== null) this.#closeListener(this.#listenSocket);
    this.#listenSocket = null;
    const endMs = this.#deps.clock.monotonicMs() + deadlineMs;
    await Promise.all(this.#socketRoutes.map((route) => route.drain?.(deadlineMs)));
    const spec = errorTable.stopping;
    for (const socket of [...this.#sockets]) {
      socket.send(JSON.stringify({ op: 'error', code: 'stopping', message: spec.meaning }));
      socket.close(spec.closeCode ?? 1001, 'stopping');
    }
    while (this.#requests > 0 && this.#deps.clock.monotonicMs() < endMs) {
      await new Promise<void>((resolve) => this.#deps.clock.setTimer(5, resolve));
    }
    this.#app.close();
    this.#app = null;
  }

  #addSocketRoute(app: UwsApp, route: SocketRoute): void {
    const behavior = createSocketBehavior(
      route,
      {
        idleTimeoutSeconds: this.#options.socketIdleTimeoutSeconds,
        outboundBytesMax: this.#options.socketOutboundBytesMax,
      },
      { onOpen: (socket) => this.#sockets.add(socket), onClose: (socket) => this.#sockets.delete(socket) },
    );
    app.ws<SocketUserData>(route.path, {
      ...behavior,
      upgrade: (response, request, context) => this.#upgrade(route, response, request, context),
    });
  }

  #upgrade(route: SocketRoute, response: UwsResponse, request: UwsRequest, context: UwsContext): void {
    const startedMs = this.#deps.clock.monotonicMs();
    const head = readHead(request);
    const signal = new AbortController().signal;
    const refuse = (reply: HttpReply): Promise<void> => {
      this.#record(route.path, head, { status: reply.status, startedMs });
      return writeReply(response, reply, { ...this.#writing(signal), headOnly: false, closeConnection: true });
    };
    if (this.#stopping) return void refuse(problem('stopping'));
    if (this.#sockets.size >= this.#options.connectionsMax) return void refuse(problem('connections_exhausted'));
    const credentials = parseCredentials(head.headers);
    const principal = this.#deps.authenticator.authenticate(credentials.authorization, route.scope);
    if (typeof principal === 'string' && !credentials.byProtocol) return void refuse(problem(principal));
    const data: SocketUserData = {
      principal: typeof principal === 'string' ? null : principal,
      refusal: typeof principal === 'string' ? principal : null,
      query: head.query,
      socket: null,
      handlers: null,
    };
    // Refused by a close code is refused all the same.
    this.#record(route.path, head, {
      status: data.refusal === null ? 101 : errorTable[data.refusal].httpStatus,
      startedMs,
    });
    response.upgrade(
      data,
      head.headers.get('sec-websocket-key') ?? '',
      credentials.protocols.includes(route.protocol) ? route.protocol : '',
      head.headers.get('sec-websocket-extensions') ?? '',
      context,
    );
  }

  #serve(response: UwsResponse, request: UwsRequest): void {
    const head = readHead(request);
    const abort = new AbortController();
    response.onAborted(() => abort.abort());
    const startedMs = this.#deps.clock.monotonicMs();
    const match = this.#route(head.method, head.path);
    const template = match.kind === 'found' ? match.route.path : '(unmatched)';
    const prepared = this.#prepare(match, head, response);
    const longLived = match.kind === 'found' && match.route.longLived === true ? 1 : 0;
    this.#requests += 1;
    this.#longLived += longLived;
    void this.#answer(prepared, head, abort.signal)
      .then((reply) => {
        this.#record(template, head, { status: abort.signal.aborted ? clientGoneStatus : reply.status, startedMs });
        return writeReply(response, this.#cors.shared(reply, head.headers.get('origin')), {
          ...this.#writing(abort.signal),
          headOnly: head.method === 'HEAD',
          // A body that was not read to its end would be taken for the next request.
          closeConnection: reply.status === 413 || reply.status === 408,
        });
      })
      .catch((error: unknown) => {
        if (abort.signal.aborted) return;
        this.#deps.logger.warn({ route: template, cause: errorMessage(error) }, 'cannot write answer');
        response.close();
      })
      .finally(() => {
        this.#requests -= 1;
        this.#longLived -= longLived;
      });
  }

  #writing(signal: AbortSignal) {
    return { signal, clock: this.#deps.clock, idleMsMax: this.#options.replyIdleTimeoutMs };
  }

  #record(route: string, head: Head, answer: { readonly status: number; readonly startedMs: number }): void {
    const seconds = (this.#deps.clock.monotonicMs() - answer.startedMs) / 1_000;
    this.#deps.instruments.recordRequest(route, head.method, answer.status, seconds);
  }

  /** Everything that must happen before uWebSockets.js takes the request back: refusals, and attaching the body. */
  #prepare(match: RouteMatch, head: Head, response: UwsResponse): HttpReply | PreparedRequest {
    if (this.#stopping) return problem('stopping');
    if (head.targetCharacters > targetCharactersMax) return problem('url_too_long');
    if (match.kind === 'path_unknown') return problem('path_unknown', { detail: 'GET / lists the paths' });
    if (match.kind === 'method_not_allowed') {
      if (this.#cors.isPreflight(head.method, head.headers)) return this.#cors.preflightReply(match.allowed);
      return problem('method_not_allowed', { headers: { allow: match.allowed.join(', ') } });
    }
    const { route, params } = match;
    const principal =
      route.scope === null
        ? anonymous
        : this.#deps.authenticator.authenticate(parseCredentials(head.headers).authorization, route.scope);
    if (typeof principal === 'string') {
      return problem(principal, { headers: principal === 'scope_missing' ? {} : { 'www-authenticate': 'Bearer' } });
    }
    if (route.longLived !== true && this.#requests - this.#longLived >= this.#options.requestsMax)
      return problem('overloaded');
    const bytesMax = route.bodyBytesMax ?? 0;
    if (Number(head.headers.get('content-length') ?? 0) > bytesMax) {
      return problem('body_too_large', { detail: `the body may have ${bytesMax} bytes` });
    }
    const body = bytesMax === 0 ? Promise.resolve(new Uint8Array(0)) : readBody(response, { bytesMax });
    return { route, params, principal, body };
  }

  async #answer(prepared: HttpReply | PreparedRequest, head: Head, signal: AbortSignal): Promise<HttpReply> {
    if ('status' in prepared) return prepared;
    const { route, params, principal } = prepared;
    try {
      const body = await this.#withinBodyTimeout(prepared.body);
      return await route.handle({ ...head, params, body, signal }, principal);
    } catch (error) {
      const reply = problemOf(error);
      // The answer says nothing of a defect, such as a statement the store refuses: the log is where it is told.
      if (reply.status === 500) {
        this.#deps.logger.error(
          { route: route.path, cause: errorMessage(error), stack: error instanceof Error ? error.stack : undefined },
          'request failed',
        );
      }
      return reply;
    }
  }

  async #withinBodyTimeout(body: Promise<Uint8Array>): Promise<Uint8Array> {
    const { clock } = this.#deps;
    return new Promise((resolve, reject) => {
      const timer = clock.setTimer(this.#options.bodyTimeoutMs, () =>
        reject(
          new CollectorError('request_timeout', `the body did not arrive within ${this.#options.bodyTimeoutMs} ms`),
        ),
      );
      body.then(resolve, reject).finally(() => timer.cancel());
    });
  }
}

interface PreparedRequest {
  readonly route: HttpRoute;
  readonly params: Readonly<Record<string, string>>;
  readonly principal: Principal;
  readonly body: Promise<Uint8Array>;
}

function readHead(request: UwsRequest): Head {
  const headers = new Map<string, string>();
  request.forEachHeader((name, value) => headers.set(name, value));
  const path = request.getUrl();
  const query = request.getQuery() ?? '';
  const targetCharacters = path.length + query.length;
  return {
    method: request.getCaseSensitiveMethod(),
    path,
    query: new URLSearchParams(targetCharacters > targetCharactersMax ? '' : query),
    headers,
    targetCharacters,
  };
}
