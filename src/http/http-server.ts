import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Clock, sleep } from '../core/clock.js';
import { type AccessErrorCode, errorMessage, errorTable } from '../core/errors.js';
import type { HttpInstruments } from '../core/instruments.js';
import type { Logger } from '../core/logger.js';
import { readOpenFiles } from '../core/open-files.js';
import type { AuditLog } from '../core/ports/audit-log.js';
import { type Authenticator, anonymous, type Principal } from '../core/ports/authenticator.js';
import type { HttpReply, HttpRoute } from '../core/ports/http-route.js';
import type { RequestLimiter } from '../core/ports/request-limiter.js';
import type { SocketRoute } from '../core/ports/socket-route.js';
import { limitReply, problem, problemOf } from '../core/problem.js';
import type { SiteRefusal } from '../core/request-site.js';
import type { Stage } from '../core/stage.js';
import { RequestBody } from './body-reader.js';
import { type CertificateFault, certificateFault } from './client-certificate.js';
import { CorsPolicy } from './cors.js';
import { parseCredentials } from './credentials.js';
import { connectionBudget, howToRaise } from './descriptors.js';
import { HttpListener, type UnreadCode } from './http-listener.js';
import { urlHost } from './listener.js';
import { isForwarded, type Peer, parsePeer } from './peer-address.js';
import { writeReply } from './reply-writer.js';
import { methodLabel, type RequestHead, readHead, targetCharactersMax } from './request-head.js';
import { RequestPlaces, type RequestPlacesOptions } from './request-places.js';
import { createRouter, type RouteMatch } from './router.js';
import { holderOf, type PlaceHolder, type PlaceRefusal } from './shared-places.js';
import { SiteCheck, type SiteCheckOptions } from './site-check.js';
import type { SocketLibrary } from './sockets/socket-library.js';
import type { TlsFiles } from './tls-files.js';
import { type Exchange, UnderWay } from './under-way.js';
import { webSocketRequired } from './web-socket-upgrade.js';
import { WebSockets, type WebSocketsOptions } from './web-sockets.js';

export interface HttpServerDeps {
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly instruments: HttpInstruments;
  readonly sockets: SocketLibrary;
  /** Told who was refused what is the administrators'. */
  readonly audit?: Pick<AuditLog, 'recordRefusal'>;
  /** Absent: a key may ask as often as it likes. */
  readonly limiter?: RequestLimiter;
  /** Certificate and key of the port; absent or null: plain HTTP. */
  readonly tls?: TlsFiles | null;
}

export interface HttpServerOptions extends RequestPlacesOptions, SiteCheckOptions, WebSocketsOptions {
  /** 0 takes a free one, see `port`. */
  readonly port: number;
  readonly bodyTimeoutMs: number;
  /** A body that arrives more slowly is given up before its time is over. */
  readonly bodyBytesPerSecondMin: number;
  readonly keepAliveTimeoutMs: number;
  /** Origins whose pages may read answers, or `*`; see `CorsPolicy`. */
  readonly corsOrigins: readonly string[];
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
  readonly #listener: HttpListener;
  readonly #webSockets: WebSockets;
  readonly #underWay = new UnderWay();
  readonly #tls: TlsFiles | null;
  #filesMax = Number.POSITIVE_INFINITY;
  #dropping = false;
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
    this.#webSockets = new WebSockets(
      {
        ...deps,
        site: this.#site,
        refusal: (code, detail) => this.#refusal(code, detail),
        record: (route, head, answer) => this.#record(route, head, answer),
        onPlaces: () => this.#limitConnections(),
      },
      options,
      routes.sockets,
    );
    this.#tls = deps.tls ?? null;
    this.#listener = new HttpListener(
      deps.clock,
      {
        serve: (request, response, expectsContinue) => this.#serve(request, response, expectsContinue),
        upgrades: (request) => this.#webSockets.upgrades(request),
        upgrade: (request, socket, head) => {
          if (!this.#underWay.isEnding(socket)) this.#webSockets.upgrade(request, socket, head);
        },
        garbled: (socket) => this.#underWay.garble(socket),
        refused: (code) => this.#recordUnread(code),
        dropped: () => this.#drop(),
      },
      { ...options, tls: this.#tls?.load() ?? null },
    );
  }

  get port(): number {
    return this.#listener.port;
  }

  get url(): string {
    return `${this.#tls === null ? 'http' : 'https'}://${urlHost(this.#options.host)}:${this.port}`;
  }

  connections(): number {
    return this.#webSockets.count;
  }

  requestsUnderWay(): number {
    return this.#underWay.count;
  }

  bodyBytesHeld(): number {
    return this.#places.bodies.taken;
  }

  async start(): Promise<void> {
    this.#fitOpenFiles();
    await this.#webSockets.start();
    await this.#listener.listen();
    this.#tls?.watch((material) => this.#listener.renewTls(material));
  }

  /** Ends what stays open by itself of those whose key is known no longer: WebSockets, and streams of events. */
  disconnect(isGone: (principal: Principal) => boolean, code: 'key_invalid' | 'key_rotated' = 'key_invalid'): void {
    this.#webSockets.disconnect(isGone, code);
    this.#underWay.cut(isGone);
  }

  async stop(deadlineMs: number): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#tls?.stop();
    const endMs = this.#deps.clock.monotonicMs() + deadlineMs;
    this.#listener.stopListening();
    await this.#webSockets.drain(deadlineMs);
    while (this.#underWay.count > 0 && this.#deps.clock.monotonicMs() < endMs) {
      await sleep(this.#deps.clock, 5);
    }
    await this.#webSockets.stop(Math.max(100, endMs - this.#deps.clock.monotonicMs()));
    this.#listener.close();
  }

  /** The last of all stages, so that what is open now is what the collector needs. */
  #fitOpenFiles(): void {
    const open = readOpenFiles();
    if (open === null) return;
    const asked = this.#options.connectionsMax;
    const { filesOfWebSocket } = this.#deps.sockets;
    const { webSocketsMax: connectionsMax, filesMax } = connectionBudget({ asked, filesOfWebSocket }, open);
    this.#webSockets.limit(connectionsMax);
    this.#filesMax = filesMax;
    this.#limitConnections();
    const { logger } = this.#deps;
    const context = { ...open, connectionsMax, asked };
    if (connectionsMax === asked) logger.info(context, 'open files allow all connections');
    else logger[connectionsMax < fewConnections ? 'warn' : 'info'](context, fewerConnections);
  }

  #limitConnections(): void {
    if (this.#filesMax === Number.POSITIVE_INFINITY) return;
    this.#listener.limitConnections(this.#filesMax - this.#filesBeside());
  }

  /** Each WebSocket may have files beside that of its connection. */
  #filesBeside(): number {
    return (this.#deps.sockets.filesOfWebSocket - 1) * this.#webSockets.taken;
  }

  #drop(): void {
    this.#deps.instruments.refused.inc({ code: 'connections_exhausted' });
    if (this.#dropping) return;
    this.#dropping = true;
    this.#deps.logger.warn(
      { filesMax: this.#filesMax },
      `connections are turned away: no open file is left (${howToRaise})`,
    );
    this.#deps.clock.setTimer(dropLogIntervalMs, () => {
      this.#dropping = false;
    });
  }

  #serve(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    if (this.#underWay.isEnding(request.socket)) return;
    const head = readHead(request);
    const exchange = this.#underWay.begin(request.socket);
    const abort = new AbortController();
    request.on('error', () => {});
    response.on('close', () => {
      if (response.writableFinished) return;
      abort.abort();
      exchange.body?.abandon();
    });
    const startedMs = this.#deps.clock.monotonicMs();
    const match = this.#route(head.method, head.path);
    const template = match.kind === 'found' ? match.route.path : '(unmatched)';
    const prepared = this.#prepare(match, head, request);
    if ('body' in prepared && prepared.body instanceof RequestBody) {
      exchange.body = prepared.body;
      if (expectsContinue) response.writeContinue();
    }
    if ('route' in prepared && prepared.route.longLived === true) exchange.reader = prepared.principal;
    void this.#answer(prepared, head, abort.signal)
      .then(async (reply) => {
        this.#record(template, head, { status: abort.signal.aborted ? clientGoneStatus : reply.status, startedMs });
        const closeConnection = this.#endsConnection(reply, head, { request, exchange, expectsContinue });
        if (closeConnection) this.#underWay.conclude(exchange);
        await writeReply(response, this.#cors.shared(reply, head.headers.get('origin')), {
          ...this.#writing(abort.signal),
          headOnly: head.method === 'HEAD',
          closeConnection,
        });
      })
      .catch((error: unknown) => {
        if (abort.signal.aborted) return;
        this.#deps.logger.warn({ route: template, cause: errorMessage(error) }, 'cannot write answer');
        request.socket.destroy();
      })
      .finally(() => {
        this.#underWay.end(exchange);
        if ('status' in prepared) return;
        prepared.body?.release();
        this.#places.leave(prepared.route, prepared.holder);
      });
  }

  /** Whether what follows on the connection may not be read as another request, or nobody may wait for one on it. */
  #endsConnection(reply: HttpReply, head: RequestHead, of: AnsweredRequest): boolean {
    const { request, exchange, expectsContinue } = of;
    if (head.fault !== null || exchange.last || this.#stopping || this.#isCrowded()) return true;
    if (request.complete) return false;
    // A client that was not told to go on may send its body all the same, or not.
    if (expectsContinue && exchange.body === null) return true;
    return reply.status === 413 || exchange.body !== null || head.headers.has('transfer-encoding');
  }

  /** Connections are let go of when they have had their answer. */
  #isCrowded(): boolean {
    return this.#listener.connections + this.#filesBeside() > this.#filesMax - crowdedFiles;
  }

  /** A request that the parser refused: no path is known of it. */
  #recordUnread(code: UnreadCode): void {
    this.#deps.instruments.refused.inc({ code });
    this.#deps.instruments.recordRequest('(unmatched)', 'other', errorTable[code].httpStatus, 0);
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

  /** Everything before the handler: refusals, and attaching the body. */
  #prepare(match: RouteMatch, head: RequestHead, request: IncomingMessage): HttpReply | PreparedRequest {
    if (this.#stopping) return problem('stopping');
    if (head.fault !== null) return this.#refusal('request_malformed', head.fault);
    if (head.targetCharacters > targetCharactersMax) return problem('url_too_long');
    const peer = parsePeer(request.socket.remoteAddress);
    const caller = match.kind === 'found' ? this.#callerOf(match.route, head, peer) : null;
    const uncertified =
      match.kind === 'found' && match.route.withoutCertificate ? null : certificateFault(request.socket);
    if (uncertified !== null) return this.#refusal(uncertified.code, uncertified.message);
    const foreign = this.#site.refuse(head, { keyed: caller !== anonymous });
    if (foreign !== null) return this.#refusal(foreign);
    if (this.#webSockets.isPath(head.path)) return webSocketRequired();
    if (match.kind === 'path_unknown') return problem('path_unknown', { detail: 'GET / lists the paths' });
    if (match.kind === 'method_not_allowed') {
      if (this.#cors.isPreflight(head.method, head.headers)) return this.#cors.preflightReply(match.allowed);
      return problem('method_not_allowed', { headers: { allow: match.allowed.join(', ') } });
    }
    const { route, params } = match;
    const principal = caller ?? 'key_missing';
    if (typeof principal === 'string') {
      this.#auditRefusal(route, principal, peer);
      return principal === 'scope_missing'
        ? problem(principal, { detail: `this needs a key with the scope ${route.scope}` })
        : problem(principal, { headers: { 'www-authenticate': 'Bearer' } });
    }
    const held = this.#heldBack(route, principal);
    if (held !== null) return held;
    const bytesMax = route.bodyBytesMax ?? 0;
    if (Number(head.headers.get('content-length') ?? 0) > bytesMax) {
      return problem('body_too_large', { detail: `the body may have ${bytesMax} bytes` });
    }
    const holder = holderOf(principal, peer);
    const full = this.#places.tryEnter(route, holder);
    if (full !== null) return this.#refusal(full);
    const body = bytesMax === 0 ? null : this.#receive(request, { bytesMax, holder, head });
    return { route, params, principal, holder, body };
  }

  #auditRefusal({ scope, operation, path }: HttpRoute, outcome: AccessErrorCode, { address }: Peer): void {
    if (scope !== 'admin') return;
    const entry = { action: operation?.id ?? path, outcome, tenant: null, actor: null, address, what: {} };
    this.#deps.audit?.recordRefusal(entry);
  }

  /** Administration and monitoring are never held back: they are how limits are seen and changed. */
  #heldBack({ scope, monitoring, limitedByEvents }: HttpRoute, principal: Principal): HttpReply | null {
    if (scope === null || scope === 'admin' || monitoring === true || limitedByEvents === true) return null;
    if (principal === anonymous) return null;
    const held = this.#deps.limiter?.tryRequest(principal) ?? null;
    return held === null ? null : limitReply(held);
  }

  /** `anonymous` where no key is needed, or none is needed here. */
  #callerOf({ scope, openToLoopback }: HttpRoute, { headers }: RequestHead, peer: Peer): Principal | AccessErrorCode {
    if (scope === null) return anonymous;
    const principal = this.#deps.authenticator.authenticate(parseCredentials(headers).authorization, scope);
    if (typeof principal !== 'string' || openToLoopback !== true) return principal;
    return peer.loopback && !isForwarded(headers) ? anonymous : principal;
  }

  #receive(
    request: IncomingMessage,
    of: { readonly bytesMax: number; readonly holder: PlaceHolder; readonly head: RequestHead },
  ): RequestBody {
    const { bodyTimeoutMs, bodyBytesPerSecondMin } = this.#options;
    const { bodies } = this.#places;
    const told = of.head.headers.get('content-length');
    const bytesTold = told === undefined ? null : Number(told);
    return new RequestBody(
      request,
      { bytesMax: of.bytesMax, bytesTold, timeoutMs: bodyTimeoutMs, bytesPerSecondMin: bodyBytesPerSecondMin },
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
      const { address } = prepared.holder;
      return await route.handle({ ...head, params, body, signal, address }, principal);
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
const crowdedFiles = 16;
const dropLogIntervalMs = 60_000;
const fewerConnections = `open files allow fewer connections (${howToRaise})`;

interface AnsweredRequest {
  readonly request: IncomingMessage;
  readonly exchange: Exchange;
  readonly expectsContinue: boolean;
}

interface PreparedRequest {
  readonly route: HttpRoute;
  readonly params: Readonly<Record<string, string>>;
  readonly principal: Principal;
  readonly holder: PlaceHolder;
  readonly body: RequestBody | null;
}

type RefusalCode =
  | SiteRefusal
  | PlaceRefusal
  | CertificateFault['code']
  | 'request_malformed'
  | 'connections_exhausted';

const noBody = new Uint8Array(0);
