import type { IncomingMessage } from 'node:http';
import type { Socket as NetSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../core/clock.js';
import { type AccessErrorCode, errorTable } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { type Authenticator, anonymous, type Principal } from '../core/ports/authenticator.js';
import type { HttpReply } from '../core/ports/http-route.js';
import type { RequestLimiter } from '../core/ports/request-limiter.js';
import type { Socket, SocketRoute } from '../core/ports/socket-route.js';
import { limitReply, problem } from '../core/problem.js';
import { type CertificateFault, certificateFault } from './client-certificate.js';
import { type Credentials, parseCredentials } from './credentials.js';
import { parsePeer } from './peer-address.js';
import { type RequestHead, readHead } from './request-head.js';
import { holderOf, type PlaceRefusal, SharedPlaces } from './shared-places.js';
import type { SiteCheck } from './site-check.js';
import type { SocketLibrary } from './sockets/socket-library.js';
import type { SocketRefusal, SocketServer, SocketServerOptions, SocketUserData } from './sockets/socket-server.js';
import { refuseUpgrade, upgradeFault } from './web-socket-upgrade.js';

export interface WebSocketsDeps {
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sockets: SocketLibrary;
  readonly site: SiteCheck;
  readonly limiter?: RequestLimiter;
  readonly refusal: (code: WebSocketRefusalCode, detail?: string) => HttpReply;
  readonly record: (
    route: string,
    head: RequestHead,
    answer: { readonly status: number; readonly startedMs: number },
  ) => void;
  /** More or fewer of them are open now. */
  readonly onPlaces: () => void;
}

export interface WebSocketsOptions extends SocketServerOptions {
  readonly connectionsMax: number;
  /** Of them, what one key or one address may hold. */
  readonly connectionsKeyRatioMax: number;
  readonly connectionsAddressRatioMax: number;
  readonly replyIdleTimeoutMs: number;
}

type WebSocketRefusalCode =
  | 'request_malformed'
  | 'connections_exhausted'
  | PlaceRefusal
  | CertificateFault['code']
  | NonNullable<ReturnType<SiteCheck['refuse']>>;

/** Who may open a WebSocket, and all that are open. */
export class WebSockets {
  readonly #deps: WebSocketsDeps;
  readonly #options: WebSocketsOptions;
  readonly #routes: ReadonlyMap<string, SocketRoute>;
  readonly #server: SocketServer;
  readonly #open = new Map<Socket, SocketUserData>();
  #places: SharedPlaces;
  #stopping = false;

  constructor(deps: WebSocketsDeps, options: WebSocketsOptions, routes: readonly SocketRoute[]) {
    this.#deps = deps;
    this.#options = options;
    this.#routes = new Map(routes.map((route) => [route.path, route]));
    this.#places = this.#placesOf(options.connectionsMax);
    const onOpen = (socket: Socket, data: SocketUserData) => void this.#open.set(socket, data);
    const onClose = (socket: Socket | null, { holder }: SocketUserData) => {
      if (socket !== null) this.#open.delete(socket);
      this.#places.give(holder, 1);
      deps.onPlaces();
    };
    this.#server = deps.sockets.createServer({ clock: deps.clock, onOpen, onClose }, options, routes);
  }

  /** Open now. */
  get count(): number {
    return this.#open.size;
  }

  /** Open or about to be. */
  get taken(): number {
    return this.#places.taken;
  }

  isPath(path: string): boolean {
    return this.#routes.has(path);
  }

  /** Before the start: how many the open files allow. */
  limit(connectionsMax: number): void {
    this.#places = this.#placesOf(connectionsMax);
  }

  async start(): Promise<void> {
    await this.#server.start();
    this.#deps.logger.info({}, this.#server.says);
  }

  /** Answers what was received, then tells every client that the collector stops. */
  async drain(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#routes.values()].map((route) => route.drain?.(deadlineMs)));
    for (const { handlers } of [...this.#open.values()]) handlers?.end('stopping');
  }

  /** Tells those whose key is known no longer, and closes them. */
  disconnect(isGone: (principal: Principal) => boolean, code: 'key_invalid' | 'key_rotated'): void {
    for (const { principal, handlers } of [...this.#open.values()]) {
      if (principal !== null && isGone(principal)) handlers?.end(code);
    }
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.#server.stop(deadlineMs);
  }

  /** Whether an upgrade is to a WebSocket, and on a path that has one. */
  upgrades(request: IncomingMessage): boolean {
    if (request.headers.upgrade?.toLowerCase() !== 'websocket' || request.method !== 'GET') return false;
    return this.#routes.has(readHead(request).path);
  }

  /** Grants or refuses an upgrade; the connection is Node's no more. */
  upgrade(request: IncomingMessage, socket: Duplex, rest: Uint8Array): void {
    const { clock, record } = this.#deps;
    const startedMs = clock.monotonicMs();
    const head = readHead(request);
    const route = this.#routes.get(head.path)!;
    const answer = this.#judge(route, head, request.socket);
    if ('status' in answer) {
      record(route.path, head, { status: answer.status, startedMs });
      const { replyIdleTimeoutMs: idleMsMax } = this.#options;
      const options = { signal: new AbortController().signal, clock, idleMsMax };
      refuseUpgrade(request, socket, { reply: answer, options }).catch(() => socket.destroy());
      return;
    }
    const { data, protocol } = answer;
    // Refused by a close code is refused all the same.
    const status = data.refusal === null ? 101 : errorTable[data.refusal.code].httpStatus;
    record(route.path, head, { status, startedMs });
    this.#deps.onPlaces();
    this.#server.handOver({
      route,
      socket,
      head: rest,
      key: head.headers.get('sec-websocket-key') ?? '',
      protocol,
      data,
    });
  }

  #judge(route: SocketRoute, head: RequestHead, socket: NetSocket): HttpReply | UpgradeAnswer {
    if (this.#stopping) return problem('stopping');
    if (head.fault !== null) return this.#deps.refusal('request_malformed', head.fault);
    const fault = upgradeFault(head);
    if (fault !== null) return fault;
    const foreign = this.#deps.site.refuse(head, { keyed: true });
    if (foreign !== null) return this.#deps.refusal(foreign);
    const credentials = parseCredentials(head.headers);
    const principal = this.#deps.authenticator.authenticate(credentials.authorization, route.scope);
    const uncertified = certificateFault(socket);
    const unknown =
      typeof principal === 'string' ? accessRefusal(principal, route) : protocolRefusal(route, credentials);
    const refusal = uncertified ?? unknown;
    if (refusal !== null && !credentials.seesNoStatus) {
      if (uncertified !== null) return this.#deps.refusal(uncertified.code, uncertified.message);
      return problem(refusal.code, { detail: refusal.message });
    }
    const held =
      route.scope === 'read' && typeof principal !== 'string' ? this.#deps.limiter?.tryRequest(principal) : null;
    if (held) return limitReply(held);
    const holder = holderOf(typeof principal === 'string' ? anonymous : principal, parsePeer(socket.remoteAddress));
    const full = this.#places.tryTake(holder, 1);
    if (full !== null) return this.#deps.refusal(full === 'overloaded' ? 'connections_exhausted' : full);
    const data: SocketUserData = {
      principal: typeof principal === 'string' ? null : principal,
      refusal,
      query: head.query,
      holder,
      handlers: null,
    };
    return { data, protocol: answeredProtocol(route, credentials) };
  }

  #placesOf(placesMax: number): SharedPlaces {
    const { connectionsKeyRatioMax: keyRatioMax, connectionsAddressRatioMax: addressRatioMax } = this.#options;
    return new SharedPlaces({ placesMax, keyRatioMax, addressRatioMax });
  }
}

interface UpgradeAnswer {
  readonly data: SocketUserData;
  readonly protocol: string | null;
}

function accessRefusal(code: AccessErrorCode, { scope }: SocketRoute): SocketRefusal {
  const scopeNeeded = `this needs a key with the scope ${scope}`;
  return { code, message: code === 'scope_missing' ? scopeNeeded : errorTable[code].meaning };
}

/** What a client that offers sub-protocols must offer: it may not go on if none of them is answered. */
function protocolRefusal(route: SocketRoute, { offered }: Credentials): SocketRefusal | null {
  if (offered.length === 0 || offered.includes(route.protocol)) return null;
  return { code: 'protocol_unknown', message: `offer the sub-protocol ${route.protocol}, beside one with the key` };
}

/** One of those offered even where it is not ours: a browser hears nothing more from a server that answers none. */
function answeredProtocol(route: SocketRoute, { offered, protocols }: Credentials): string | null {
  return offered.includes(route.protocol) ? route.protocol : (protocols[0] ?? offered[0] ?? null);
}
