import type { Clock } from '../core/clock.js';
import { type AccessErrorCode, errorMessage, errorTable } from '../core/errors.js';
import type { HttpInstruments } from '../core/instruments.js';
import type { Logger } from '../core/logger.js';
import { readOpenFiles } from '../core/open-files.js';
import {
  type Authenticator,
  anonymous,
  type HttpReply,
  type HttpRoute,
  type Principal,
  type SocketRoute,
} from '../core/ports.js';
import { problem, problemOf } from '../core/problem.js';
import type { SiteRefusal } from '../core/request-site.js';
import type { Stage } from '../core/stage.js';
import { RequestBody } from './body-reader.js';
import { CorsPolicy } from './cors.js';
import { parseCredentials } from './credentials.js';
import { affordableConnections, DescriptorWatch, howToRaise } from './descriptors.js';
import { listen } from './listener.js';
import { isForwarded, type Peer, peerOf } from './peer-address.js';
import { writeReply } from './reply-writer.js';
import { methodLabel, type RequestHead, readHead, targetCharactersMax } from './request-head.js';
import { RequestPlaces, type RequestPlacesOptions } from './request-places.js';
import { createRouter, type RouteMatch } from './router.js';
import { type PlaceHolder, type PlaceRefusal, SharedPlaces } from './shared-places.js';
import { SiteCheck, type SiteCheckOptions } from './site-check.js';
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

export interface HttpServerOptions extends RequestPlacesOptions, SiteCheckOptions {
  /** 0 takes a free one, see `port`. */
  readonly port: number;
  readonly connectionsMax: number;
  /** Of them, what one key or one address may hold. */
  readonly connectionsKeyRatioMax: number;
  readonly connectionsAddressRatioMax: number;
  readonly bodyTimeoutMs: number;
  /** A body that arrives more slowly is given up before its time is over. */
  readonly bodyBytesPerSecondMin: number;
  readonly replyIdleTimeoutMs: number;
  /** Origins whose pages may read answers, or `*`; see `CorsPolicy`. */
  readonly corsOrigins: readonly string[];
  readonly socketIdleTimeoutSeconds: number;
  readonly socketOutboundBytesMax: number;
}

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
  readonly #site: SiteCheck;
  readonly #places: RequestPlaces;
  #connections: SharedPlaces;
  #descriptors: DescriptorWatch | null = null;
  readonly #socketRoutes: readonly SocketRoute[];
  readonly #sockets = new Set<UwsSocket>();
  #app: UwsApp | null = null;
  #listenSocket: UwsListenSocket | null = null;
  #closeListener: (socket: UwsListenSocket) => void = () => {};
  #port = 0;
  #requests = 0;
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
    this.#site = new SiteCheck(options, this.#cors);
    this.#places = new RequestPlaces(options);
    this.#connections = this.#connectionPlaces(options.connectionsMax);
    this.#socketRoutes = routes.sockets;
  }

  get port(): number {
    return this.#port;
  }

  connections(): number {
    return this.#sockets.size;
  }

  requestsUnderWay(): number {
    return this.#requests;
  }

  bodyBytesHeld(): number {
    return this.#places.bodies.taken;
  }

  async start(): Promise<void> {
    this.#fitOpenFiles();
    const uws = await loadUws();
    const app = uws.createApp();
    for (const route of this.#socketRoutes) this.#addSocketRoute(app, route);
    app.any('/*', (response, request) => this.#serve(response, request));
    this.#listenSocket = await listen(uws, app, this.#options);
    this.#port = uws.localPort(this.#listenSocket);
    this.#app = app;
    this.#closeListener = uws.closeListener;
    this.#descriptors?.start();
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    this.#descriptors?.stop();
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

  /** The last of all stages, so that what is open now is what the collector needs. */
  #fitOpenFiles(): void {
    const open = readOpenFiles();
    if (open === null) return;
    const asked = this.#options.connectionsMax;
    const connectionsMax = affordableConnections(asked, open);
    this.#connections = this.#connectionPlaces(connectionsMax);
    this.#descriptors = new DescriptorWatch(this.#deps, open);
    const { logger } = this.#deps;
    const context = { ...open, connectionsMax, asked };
    if (connectionsMax === asked) logger.info(context, 'open files allow all connections');
    else logger[connectionsMax < fewConnections ? 'warn' : 'info'](context, fewerConnections);
  }

  #connectionPlaces(placesMax: number): SharedPlaces {
    const { connectionsKeyRatioMax: keyRatioMax, connectionsAddressRatioMax: addressRatioMax } = this.#options;
    return new SharedPlaces({ placesMax, keyRatioMax, addressRatioMax });
  }

  #addSocketRoute(app: UwsApp, route: SocketRoute): void {
    const behavior = createSocketBehavior(
      route,
      {
        idleTimeoutSeconds: this.#options.socketIdleTimeoutSeconds,
        outboundBytesMax: this.#options.socketOutboundBytesMax,
      },
      {
        onOpen: (socket) => this.#sockets.add(socket),
        onClose: (socket, holder) => {
          this.#sockets.delete(socket);
          this.#connections.give(holder, 1);
        },
      },
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
    if (head.fault !== null) return void refuse(this.#refusal('request_malformed', head.fault));
    const foreign = this.#site.refuse(head, { keyed: true });
    if (foreign !== null) return void refuse(this.#refusal(foreign));
    const credentials = parseCredentials(head.headers);
    const principal = this.#deps.authenticator.authenticate(credentials.authorization, route.scope);
    if (typeof principal === 'string' && !credentials.byProtocol) return void refuse(problem(principal));
    const holder = holderOf(typeof principal === 'string' ? anonymous : principal, peerOf(response));
    const full = this.#connections.tryTake(holder, 1);
    if (full !== null) return void refuse(this.#refusal(full === 'overloaded' ? 'connections_exhausted' : full));
    const data: SocketUserData = {
      principal: typeof principal === 'string' ? null : principal,
      refusal: typeof principal === 'string' ? principal : null,
      query: head.query,
      holder,
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
    response.onAborted(() => {
      abort.abort();
      if (!('status' in prepared)) prepared.body?.abandon();
    });
    const startedMs = this.#deps.clock.monotonicMs();
    const match = this.#route(head.method, head.path);
    const template = match.kind === 'found' ? match.route.path : '(unmatched)';
    const prepared = this.#prepare(match, head, response);
    this.#requests += 1;
    void this.#answer(prepared, head, abort.signal)
      .then(async (reply) => {
        this.#record(template, head, { status: abort.signal.aborted ? clientGoneStatus : reply.status, startedMs });
        const closeConnection = endsConnection(reply, head, prepared) || this.#descriptors?.crowded === true;
        if (closeConnection) await afterThisRead();
        await writeReply(response, this.#cors.shared(reply, head.headers.get('origin')), {
          ...this.#writing(abort.signal),
          headOnly: head.method === 'HEAD',
          closeConnection,
        });
      })
      .catch((error: unknown) => {
        if (abort.signal.aborted) return;
        this.#deps.logger.warn({ route: template, cause: errorMessage(error) }, 'cannot write answer');
        response.close();
      })
      .finally(() => {
        this.#requests -= 1;
        if ('status' in prepared) return;
        prepared.body?.release();
        this.#places.leave(prepared.route, prepared.holder);
      });
  }

  #writing(signal: AbortSignal) {
    return { signal, clock: this.#deps.clock, idleMsMax: this.#options.replyIdleTimeoutMs };
  }

  #record(route: string, head: RequestHead, answer: { readonly status: number; readonly startedMs: number }): void {
    const seconds = (this.#deps.clock.monotonicMs() - answer.startedMs) / 1_000;
    this.#deps.instruments.recordRequest(route, methodLabel(head.method), answer.status, seconds);
  }

  /** Refused before its handler, and counted. */
  #refusal(code: RefusalCode, detail?: string): HttpReply {
    this.#deps.instruments.refused.inc({ code });
    return problem(code, detail === undefined ? {} : { detail });
  }

  /** Everything that must happen before uWebSockets.js takes the request back: refusals, and attaching the body. */
  #prepare(match: RouteMatch, head: RequestHead, response: UwsResponse): HttpReply | PreparedRequest {
    if (this.#stopping) return problem('stopping');
    if (head.fault !== null) return this.#refusal('request_malformed', head.fault);
    if (head.targetCharacters > targetCharactersMax) return problem('url_too_long');
    const peer = peerOf(response);
    const caller = match.kind === 'found' ? this.#callerOf(match.route, head, peer) : null;
    const foreign = this.#site.refuse(head, { keyed: caller !== anonymous });
    if (foreign !== null) return this.#refusal(foreign);
    if (match.kind === 'path_unknown') return problem('path_unknown', { detail: 'GET / lists the paths' });
    if (match.kind === 'method_not_allowed') {
      if (this.#cors.isPreflight(head.method, head.headers)) return this.#cors.preflightReply(match.allowed);
      return problem('method_not_allowed', { headers: { allow: match.allowed.join(', ') } });
    }
    const { route, params } = match;
    const principal = caller ?? 'key_missing';
    if (typeof principal === 'string') {
      return problem(principal, { headers: principal === 'scope_missing' ? {} : { 'www-authenticate': 'Bearer' } });
    }
    const bytesMax = route.bodyBytesMax ?? 0;
    if (Number(head.headers.get('content-length') ?? 0) > bytesMax) {
      return problem('body_too_large', { detail: `the body may have ${bytesMax} bytes` });
    }
    const holder = holderOf(principal, peer);
    const full = this.#places.tryEnter(route, holder);
    if (full !== null) return this.#refusal(full);
    const body = bytesMax === 0 ? null : this.#receive(response, { bytesMax, holder });
    return { route, params, principal, holder, body };
  }

  /** `anonymous` where no key is needed, or none is needed here. */
  #callerOf({ scope, openToLoopback }: HttpRoute, { headers }: RequestHead, peer: Peer): Principal | AccessErrorCode {
    if (scope === null) return anonymous;
    const principal = this.#deps.authenticator.authenticate(parseCredentials(headers).authorization, scope);
    if (typeof principal !== 'string' || openToLoopback !== true) return principal;
    return peer.loopback && !isForwarded(headers) ? anonymous : principal;
  }

  #receive(response: UwsResponse, of: { readonly bytesMax: number; readonly holder: PlaceHolder }): RequestBody {
    const { bodyTimeoutMs, bodyBytesPerSecondMin } = this.#options;
    const { bodies } = this.#places;
    return new RequestBody(
      response,
      { bytesMax: of.bytesMax, timeoutMs: bodyTimeoutMs, bytesPerSecondMin: bodyBytesPerSecondMin },
      {
        clock: this.#deps.clock,
        tryTake: (bytes) => {
          const refusal = bodies.tryTake(of.holder, bytes);
          if (refusal !== null) this.#deps.instruments.refused.inc({ code: refusal });
          return refusal;
        },
        give: (bytes) => bodies.give(of.holder, bytes),
      },
    );
  }

  async #answer(prepared: HttpReply | PreparedRequest, head: RequestHead, signal: AbortSignal): Promise<HttpReply> {
    if ('status' in prepared) return prepared;
    const { route, params, principal } = prepared;
    try {
      const body = prepared.body === null ? noBody : await prepared.body.whole;
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
}

const fewConnections = 1_000;
const fewerConnections = `open files allow fewer connections (${howToRaise})`;

interface PreparedRequest {
  readonly route: HttpRoute;
  readonly params: Readonly<Record<string, string>>;
  readonly principal: Principal;
  readonly holder: PlaceHolder;
  readonly body: RequestBody | null;
}

type RefusalCode = SiteRefusal | PlaceRefusal | 'request_malformed' | 'connections_exhausted';

const noBody = new Uint8Array(0);

function holderOf({ tenant, keyName }: Principal, { address }: Peer): PlaceHolder {
  return { key: keyName === '' ? '' : `${tenant}/${keyName}`, address };
}

/**
 * Whether what follows on the connection may not be read as another request: the rest of a body nobody wants, or what
 * uWebSockets.js leaves behind a body in chunks (trailers; it reads on after line ends that are none).
 */
function endsConnection(reply: HttpReply, head: RequestHead, prepared: HttpReply | PreparedRequest): boolean {
  if (head.fault !== null || head.headers.has('transfer-encoding') || reply.status === 413) return true;
  return 'body' in prepared && prepared.body instanceof RequestBody && !prepared.body.complete;
}

/**
 * uWebSockets.js goes on with what it has read when an answer is written within its callback, even one that ends the
 * connection. While an answer is awaited it cuts the connection instead.
 */
function afterThisRead(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
