import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, sleep } from '../../../core/clock.js';
import type { Logger } from '../../../core/logger.js';
import { askingSite, hostNames, refuseSite, type SitePolicy } from '../../../core/request-site.js';
import { quoteString } from '../../sql-text.js';
import type { ChdbEngine } from '../chdb-engine.js';
import { ClickHouseException } from '../clickhouse-exception.js';
import type { EngineLoad, EngineOptions } from '../process/engine-protocol.js';
import { readsProtocol } from '../process/statement-frames.js';
import { clientHeadersOf } from '../statements/client-headers.js';
import type { HeldResult } from '../statements/held/held-result.js';
import { engineStops } from '../statements/statement-execution.js';
import type { StatementRequest } from '../statements/statement-request.js';
import type { StatementResult } from '../statements/statement-result.js';
import { StatementRunner } from '../statements/statement-runner.js';
import { contentTypeOf, plainText } from './content-type.js';
import { type AnswerEncoding, answerEncodingOf, encodeAnswer, plainAnswer } from './encoding/answer-encoding.js';
import { EngineDoor } from './engine-door.js';
import type { EngineUser } from './engine-users.js';
import { isForm, withoutFiles } from './forms/form-body.js';
import { withoutDescriptions } from './forms/form-parameters.js';
import { encodeNativeHello, isNativeHello } from './native-hello.js';
import { PageOrigins } from './page-origins.js';
import { ProgressHead } from './progress-head.js';
import { ReadsSocket } from './reads-socket.js';
import { RefusalCounts } from './refusal-counts.js';
import { parseRequestParameters, type RequestParameters, type RequestSource } from './request-parameters.js';
import { type ReceivedRequest, RequestReceiver } from './request-reception.js';
import { exceptionTag, type StreamedResult, sendStream } from './result-stream.js';
import { summaryOf } from './statement-summary.js';

export interface EngineServerDeps {
  readonly engine: ChdbEngine;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * ClickHouse's HTTP interface over chDB, for the collector on a Unix socket and for everybody else on the loopback
 * address.
 *
 * `GET /ping` and `GET /` without a query answer `Ok.`; a query is `query=` in the URL, the body, or both joined
 * by a line break. One statement a request, a connection a statement; a small result is held until it is complete, so
 * that its status is right, a large one is sent while it is made, unless its end was asked to be waited for. Errors
 * are ClickHouse's: text, `X-ClickHouse-Exception-Code`, HTTP status; within a result, the block of `result-stream`.
 */
export class EngineServer {
  readonly #deps: EngineServerDeps;
  readonly #options: EngineOptions;
  readonly #runner: StatementRunner;
  readonly #receiver: RequestReceiver;
  readonly #refusals = new RefusalCounts();
  readonly #site: SitePolicy;
  readonly #origins: PageOrigins;
  readonly #collectors: EngineDoor;
  readonly #guests: EngineDoor;
  readonly #requests = new Set<AbortController>();
  readonly #readsSockets = new Set<Duplex>();
  #draining = false;
  /** Whether all that readers may name has been made; looked at when something of it is missing. */
  #hasSchema = false;

  constructor(deps: EngineServerDeps, options: EngineOptions) {
    this.#deps = deps;
    this.#options = options;
    const onSessionForgotten = () => this.#refusals.count('session');
    this.#runner = new StatementRunner({ ...deps, onSessionForgotten }, options);
    this.#receiver = new RequestReceiver({ clock: deps.clock, refusals: this.#refusals }, options);
    // No page has anything to ask here, unless its origin was named: programs query ClickHouse, and a GET is work.
    const hosts = hostNames(options.hosts);
    this.#origins = new PageOrigins(options.corsOrigins);
    const allowsOrigin = (origin: string) => this.#origins.allows(origin);
    this.#site = { hosts, allowsOrigin, unknownHosts: 'refused', links: false };
    const listener = (request: IncomingMessage, response: ServerResponse, door: EngineDoor) =>
      void this.#handle(request, response, door);
    this.#collectors = EngineDoor.ofCollector(options, listener);
    this.#collectors.server.on('upgrade', (request, socket, head) => this.#openReads(request, socket, head));
    this.#guests = EngineDoor.ofGuests(options, this.#refusals, listener);
  }

  /** Opens the collector's channel. */
  async open(): Promise<void> {
    await this.#collectors.open();
  }

  /** Answers guests on a socket that listens already. */
  listenOn(socket: Server, listening: () => void): void {
    this.#guests.server.listen(socket, listening);
  }

  load(): Omit<EngineLoad, 'rssBytes' | 'shortage'> {
    return { ...this.#runner.load(), refusals: this.#refusals.all };
  }

  /** Whether a statement of anybody runs. */
  get isWorking(): boolean {
    return this.#runner.isWorking;
  }

  /**
   * Resolves when the engine has run a statement of its own: whether it still does is not seen from outside. Of its
   * memory every byte is counted at once: of others what is more than 4 MiB, so that this one is refused when they are.
   */
  async prove(): Promise<void> {
    await this.#deps.engine.run('', 'SELECT 1 SETTINGS max_untracked_memory = 0', 'TabSeparated');
  }

  /**
   * Takes no more requests and waits for those under way, at most `deadlineMs`. Reads are cancelled after
   * `readsMs`; a write is never cancelled, its client may be counting on it.
   */
  async drain({ deadlineMs, readsMs }: { readonly deadlineMs: number; readonly readsMs: number }): Promise<void> {
    const { clock, logger } = this.#deps;
    this.#draining = true;
    const servers = [this.#collectors.server, this.#guests.server];
    for (const server of servers) server.close().closeIdleConnections();
    const startMs = clock.monotonicMs();
    logger.info({ requests: this.#requests.size }, 'the embedded engine drains');
    while (this.#requests.size > 0 && clock.monotonicMs() - startMs < deadlineMs) {
      if (clock.monotonicMs() - startMs >= readsMs) for (const request of this.#requests) request.abort(engineStops);
      await sleep(clock, drainPauseMs);
    }
    for (const server of servers) server.closeAllConnections();
    for (const socket of this.#readsSockets) socket.destroy();
    await this.#runner.close();
  }

  async #handle(request: IncomingMessage, response: ServerResponse, door: EngineDoor): Promise<void> {
    const controller = new AbortController();
    response.once('close', () => {
      if (!response.writableFinished) controller.abort();
    });
    this.#requests.add(controller);
    const to: Answer = { response, door, signal: controller.signal, encoding: plainAnswer };
    try {
      await this.#answer(request, to);
    } catch (error) {
      const exception = await this.#unlessStarting(this.#told(error), door);
      if (!door.isCollectors && !(exception instanceof SiteRefused)) this.#refusals.countException(exception);
      await this.#sendException(to, exception);
    } finally {
      this.#requests.delete(controller);
      // What is left of a refused body is read and dropped, so that the connection can go on.
      request.unpipe();
      request.resume();
    }
  }

  /** A socket for the collector's reads, once it has said that it is the collector. */
  #openReads(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => undefined);
    try {
      if (request.headers.upgrade !== readsProtocol)
        throw new ClickHouseException('BAD_ARGUMENTS', 'No such protocol.');
      const header = (name: string) => headerOf(request, name);
      const user = this.#collectors.users.authenticate({ url: new URLSearchParams(), header });
      if (user.role !== 'reader') throw new ClickHouseException('ACCESS_DENIED', 'Only reads are taken here.');
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${readsProtocol}\r\n\r\n`);
      if (head.length > 0) socket.unshift(head);
      this.#readsSockets.add(socket);
      socket.once('close', () => this.#readsSockets.delete(socket));
      const shared = { door: this.#collectors, requests: this.#requests, isDraining: () => this.#draining };
      const run = (statement: StatementRequest) => this.#runner.run(statement);
      new ReadsSocket({ ...shared, run, told: (error) => this.#told(error) }, { socket, user }, this.#options);
    } catch (error) {
      const { code, httpStatus } = ClickHouseException.from(error);
      const status = `HTTP/1.1 ${httpStatus} Refused\r\nX-ClickHouse-Exception-Code: ${code}`;
      socket.end(`${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    }
  }

  #told(error: unknown): ClickHouseException {
    const exception = ClickHouseException.from(error);
    exception.message = withoutFiles(exception.message, this.#options.dataDir);
    const { code, type } = exception;
    // The text may quote a statement or its data, so only the code is logged.
    if (exception.httpStatus >= 500) this.#deps.logger.debug({ code, type }, 'a statement failed');
    if (code === unknownException) this.#deps.logger.error({ code, type }, 'a request failed in the façade');
    return exception;
  }

  /** What is not there in the very first start is about to be: that is no fault of the statement's. */
  async #unlessStarting(exception: ClickHouseException, door: EngineDoor): Promise<ClickHouseException> {
    if (this.#hasSchema || door.isCollectors || !missing.has(exception.type)) return exception;
    const { database, readerTables } = this.#options;
    const names = readerTables.map(quoteString).join(', ');
    const sql = `SELECT uniqExact(name) AS count FROM system.tables
      WHERE database = ${quoteString(database)} AND name IN (${names})`;
    const [found] = await this.#deps.engine.rows<{ count: number | string }>(sql).catch(() => []);
    this.#hasSchema = Number(found?.count) === readerTables.length;
    if (this.#hasSchema) return exception;
    return new ClickHouseException('ABORTED', 'The collector is starting, its tables are being made; try again.');
  }

  async #answer(request: IncomingMessage, to: Answer): Promise<void> {
    const header = (name: string) => headerOf(request, name);
    // A page elsewhere cannot take an answer, a refusal neither, for a picture or a script of its own.
    to.response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
    to.response.setHeader('X-Content-Type-Options', 'nosniff');
    if (!to.door.isCollectors) {
      this.#checkSite(request, header);
      if (this.#origins.share(request, to.response)) return;
    }
    const url = new URL(`http://127.0.0.1${originForm(request.url)}`);
    to.response.setHeader('X-ClickHouse-Server-Display-Name', this.#deps.engine.displayName);
    if (this.#draining) throw new ClickHouseException('ABORTED', 'The embedded engine is stopping.');
    if (url.pathname === '/ping' || url.pathname === '/replicas_status') return sendOk(to.response);
    if (url.pathname !== '/') {
      send(to.response, { status: 404, type: plainText, body: `There is no handle ${url.pathname.slice(0, 200)}\n` });
      return;
    }
    const isGet = request.method === 'GET' || request.method === 'HEAD';
    if (isGet && !url.searchParams.has('query')) return sendOk(to.response);
    if (!isGet && request.method !== 'POST') {
      throw new ClickHouseException('NOT_IMPLEMENTED', `The method ${request.method} is not supported.`);
    }
    await this.#statement(request, { url: url.searchParams, header }, to);
  }

  #checkSite(request: IncomingMessage, header: (name: string) => string | undefined): void {
    const hosts = request.rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host').length;
    if (hosts > 1) throw new ClickHouseException('BAD_ARGUMENTS', 'The request names more than one Host.');
    const refusal = refuseSite(askingSite(request.method ?? 'GET', header), this.#site);
    if (refusal === null) return;
    this.#refusals.count('site');
    const problem =
      refusal === 'host_unknown'
        ? 'this is not a name of this server; TIDEMARK_HTTP_HOSTS adds names'
        : 'a page of another origin may not ask';
    throw new SiteRefused('ACCESS_DENIED', `Not allowed: ${problem}.`);
  }

  async #statement(request: IncomingMessage, source: RequestSource, to: Answer): Promise<void> {
    const { response, door } = to;
    const user = door.users.authenticate(source);
    const parameters = parseRequestParameters(
      isForm(source.header('content-type')) ? withoutDescriptions(source) : source,
    );
    // From here on errors are compressed as the result would be; whoever is not let in gets them as they are.
    to.encoding = answerEncodingOf(source);
    const queryId = queryIdOf(parameters);
    response.setHeader('X-ClickHouse-Query-Id', queryId);
    response.setHeader('X-ClickHouse-Timezone', this.#deps.engine.timezone);
    const received = await this.#receiver.receive(request, { user, source, parameters });
    try {
      await this.#run(request, { user, queryId, received }, to);
    } finally {
      await received.release();
    }
  }

  async #run(request: IncomingMessage, { user, queryId, received }: Admitted, to: Answer): Promise<void> {
    const { response, signal } = to;
    const { parameters, body, external } = received;
    if (parameters.clientRevision > 0 && isNativeHello(body.bytes.toString('latin1'))) {
      const greeting = encodeNativeHello(this.#deps.engine);
      await sendEncoded(to, { status: 200, type: contentTypeOf(this.#deps.engine, 'Native'), body: greeting });
      return;
    }
    const readOnly = request.method !== 'POST' || parameters.isReadOnly;
    const { encoding } = to;
    const { streamIdleMsMax: idleMsMax } = this.#options;
    const stream = (streamed: StreamedResult) =>
      sendStream({ response, ...this.#deps }, streamed, { encoding, idleMsMax });
    const progress = parameters.progressMs === null ? null : new ProgressHead(response, parameters.progressMs);
    const client = clientHeadersOf((name) => headerOf(request, name));
    const statement = { user, readOnly, queryId, parameters, client, body, external, signal, progress, stream };
    const result = await this.#runner.run(statement);
    if (result === null) return;
    if (result.format !== null) response.setHeader('X-ClickHouse-Format', result.format);
    response.setHeader('X-ClickHouse-Exception-Tag', exceptionTag());
    if (result.timezone !== '') response.setHeader('X-ClickHouse-Timezone', result.timezone);
    response.setHeader('X-ClickHouse-Summary', summaryOf(result, progress?.seen ?? null));
    if (result.held) await this.#sendHeld(to, result, result.held);
    else await this.#sendResult(to, result);
  }

  /** For as long as a result may take that is sent while it is made. */
  async #sendHeld(to: Answer, { format, timezone }: StatementResult, held: HeldResult): Promise<void> {
    const { response, encoding, signal } = to;
    const { streamIdleMsMax: idleMsMax, streamMsMax } = this.#options;
    const late = this.#deps.clock.setTimer(streamMsMax, () => response.destroy());
    try {
      if (response.destroyed) return;
      if (encoding.coding === null && !encoding.isFramed) response.setHeader('Content-Length', held.byteLength);
      const whole = { format: format ?? '', timezone, chunks: held.chunks(signal) };
      await sendStream({ response, ...this.#deps }, whole, { encoding, idleMsMax });
    } finally {
      late.cancel();
      await held.close();
    }
  }

  async #sendResult(to: Answer, result: StatementResult): Promise<void> {
    const { response, door } = to;
    if (response.destroyed) return;
    const { sent } = door.hold(result.bytes.length);
    response.once('close', sent);
    await sendEncoded(to, { status: 200, type: contentTypeOf(this.#deps.engine, result.format), body: result.bytes });
  }

  async #sendException(to: Answer, exception: ClickHouseException): Promise<void> {
    const { response } = to;
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    response.setHeader('X-ClickHouse-Exception-Code', String(exception.code));
    if (exception.httpStatus === 503) response.setHeader('Retry-After', '1');
    const body = Buffer.from(`${exception.text(this.#deps.engine.version)}\n`);
    await sendEncoded(
      { ...to, encoding: ofError(to.encoding) },
      { status: exception.httpStatus, type: plainText, body },
    );
  }
}

const missing: ReadonlySet<string> = new Set(['UNKNOWN_TABLE', 'UNKNOWN_DATABASE']);

/** clickhouse-connect takes as many bytes out of the LZ4 frame of an error as the frame has, and loses its end. */
function ofError(encoding: AnswerEncoding): AnswerEncoding {
  return encoding.coding === 'lz4' ? { ...encoding, coding: null } : encoding;
}

/** Counted apart, where it was found. */
class SiteRefused extends ClickHouseException {}

interface Answer {
  readonly response: ServerResponse;
  readonly door: EngineDoor;
  readonly signal: AbortSignal;
  encoding: AnswerEncoding;
}

interface Admitted {
  readonly user: EngineUser;
  readonly queryId: string;
  readonly received: ReceivedRequest;
}

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array;
}

const unknownException = 1002;
const drainPauseMs = 10;
function sendOk(response: ServerResponse): void {
  send(response, { status: 200, type: 'text/html; charset=UTF-8', body: 'Ok.\n' });
}

async function sendEncoded(
  { response, encoding }: Answer,
  reply: Reply & { readonly body: Uint8Array },
): Promise<void> {
  const body = await encodeAnswer(reply.body, encoding);
  if (body !== reply.body && encoding.coding !== null) response.setHeader('Content-Encoding', encoding.coding);
  send(response, { ...reply, body });
}

function send(response: ServerResponse, { status, type, body }: Reply): void {
  response.statusCode = status;
  response.setHeader('Content-Type', type);
  response.setHeader('Content-Length', Buffer.byteLength(body));
  response.end(body);
}

/** Path and query, also of a request that names them in full. */
function originForm(target: string | undefined): string {
  const found = /^(?:https?:\/\/[^/?#]*)?(\/[^#]*)?/i.exec(target ?? '/');
  return found?.[1] ?? '/';
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function queryIdOf({ queryId }: RequestParameters): string {
  if (queryId === null || queryId === '') return randomUUID();
  if (!/^[\x20-\x7e]{1,256}$/.test(queryId))
    throw new ClickHouseException('BAD_ARGUMENTS', 'The query id is not valid.');
  return queryId;
}
