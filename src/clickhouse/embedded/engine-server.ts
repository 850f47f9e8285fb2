import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type Clock, sleep } from '../../core/clock.js';
import type { Logger } from '../../core/logger.js';
import type { ChdbEngine } from './chdb-engine.js';
import { ClickHouseException } from './clickhouse-exception.js';
import { contentTypeOf } from './content-type.js';
import type { EngineLoad, EngineOptions } from './engine-protocol.js';
import { EngineUsers } from './engine-users.js';
import { encodeNativeHello, isNativeHello } from './native-hello.js';
import { readRequestBody } from './request-body.js';
import { parseRequestParameters, type RequestParameters, type RequestSource } from './request-parameters.js';
import { type StreamedResult, sendStream } from './result-stream.js';
import { type StatementResult, StatementRunner } from './statement-runner.js';

export interface EngineServerDeps {
  readonly engine: ChdbEngine;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * ClickHouse's HTTP interface over chDB, on the loopback address.
 *
 * `GET /ping` and `GET /` without a query answer `Ok.`; a query is `query=` in the URL, the body, or both joined
 * by a line break. One statement a request, a connection a statement; a result is held until it is complete, so
 * that its status is always right, unless `wait_end_of_query=0` asks for it while it is made. Errors are ClickHouse's:
 * text, `X-ClickHouse-Exception-Code`, HTTP status.
 */
export class EngineServer {
  readonly #deps: EngineServerDeps;
  readonly #options: EngineOptions;
  readonly #runner: StatementRunner;
  readonly #users: EngineUsers;
  readonly #server: Server;
  readonly #requests = new Set<AbortController>();
  /** Results on their way to clients; a slow client holds its own until it has read it. */
  #unsentBytes = 0;
  #draining = false;

  constructor(deps: EngineServerDeps, options: EngineOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#runner = new StatementRunner(deps, options);
    this.#users = new EngineUsers(options);
    this.#server = createServer(
      { keepAliveTimeout: keepAliveMs, maxHeaderSize: headerBytesMax, noDelay: true },
      (request, response) => void this.#handle(request, response),
    );
    this.#server.maxConnections = connectionsMax;
  }

  /** Resolves with the port. Rejects with EADDRINUSE. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: '127.0.0.1', port: this.#options.port }, () => {
        this.#server.off('error', reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  load(): Omit<EngineLoad, 'rssBytes'> {
    return this.#runner.load();
  }

  /**
   * Takes no more requests and waits for those under way, at most `deadlineMs`. Reads are cancelled after
   * `readsMs`; a write is never cancelled, its client may be counting on it.
   */
  async drain({ deadlineMs, readsMs }: { readonly deadlineMs: number; readonly readsMs: number }): Promise<void> {
    const { clock, logger } = this.#deps;
    this.#draining = true;
    this.#server.close();
    this.#server.closeIdleConnections();
    const startMs = clock.monotonicMs();
    logger.info({ requests: this.#requests.size }, 'the embedded engine drains');
    while (this.#requests.size > 0 && clock.monotonicMs() - startMs < deadlineMs) {
      if (clock.monotonicMs() - startMs >= readsMs) for (const request of this.#requests) request.abort();
      await sleep(clock, drainPauseMs);
    }
    this.#server.closeAllConnections();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const controller = new AbortController();
    response.once('close', () => {
      if (!response.writableFinished) controller.abort();
    });
    this.#requests.add(controller);
    try {
      await this.#answer(request, { response, signal: controller.signal });
    } catch (error) {
      this.#sendException(response, ClickHouseException.from(error));
    } finally {
      this.#requests.delete(controller);
      // What is left of a refused body is read and dropped, so that the connection can go on.
      request.unpipe();
      request.resume();
    }
  }

  async #answer(request: IncomingMessage, to: Answer): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
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
    await this.#statement(request, { url: url.searchParams, header: (name) => headerOf(request, name) }, to);
  }

  async #statement(request: IncomingMessage, source: RequestSource, { response, signal }: Answer): Promise<void> {
    const user = this.#users.authenticate(source);
    const parameters = parseRequestParameters(source);
    const queryId = queryIdOf(parameters);
    response.setHeader('X-ClickHouse-Query-Id', queryId);
    response.setHeader('X-ClickHouse-Timezone', this.#deps.engine.timezone);
    const { queryBytesMax } = this.#options;
    const body = await readRequestBody(request, { query: parameters.query, queryBytesMax });
    if (parameters.clientRevision > 0 && isNativeHello(body.bytes.toString('latin1'))) {
      send(response, { status: 200, type: contentTypeOf('Native'), body: encodeNativeHello(this.#deps.engine) });
      return;
    }
    const readOnly = request.method !== 'POST';
    const { compressResponse: compress } = parameters;
    const { streamIdleMsMax: idleMsMax } = this.#options;
    const stream = (streamed: StreamedResult) =>
      sendStream({ response, clock: this.#deps.clock }, streamed, { compress, idleMsMax });
    const statement = { user, readOnly, parameters, body, signal };
    const result = await this.#runner.run({ ...statement, stream: parameters.streamResponse ? stream : null });
    if (result === null) return;
    response.setHeader('X-ClickHouse-Format', result.format);
    response.setHeader('X-ClickHouse-Summary', summaryOf(result));
    await this.#sendResult(response, { result, compress });
  }

  async #sendResult(response: ServerResponse, { result, compress: wanted }: ResultToSend): Promise<void> {
    if (response.destroyed) return;
    const bytes = result.bytes.length;
    if (this.#unsentBytes > 0 && this.#unsentBytes + bytes > this.#options.memoryBytesMax / unsentMemoryShare) {
      const problem = 'Too many results wait to be read by slow clients.';
      throw new ClickHouseException('TOO_MANY_SIMULTANEOUS_QUERIES', problem);
    }
    this.#unsentBytes += bytes;
    response.once('close', () => {
      this.#unsentBytes -= bytes;
    });
    let body = result.bytes;
    if (wanted && bytes >= compressBytesMin) {
      body = await compress(body, { level: 1 });
      response.setHeader('Content-Encoding', 'gzip');
    }
    send(response, { status: 200, type: contentTypeOf(result.format), body });
  }

  #sendException(response: ServerResponse, exception: ClickHouseException): void {
    const { code, type } = exception;
    // The text may quote a statement or its data, so only the code is logged.
    if (exception.httpStatus >= 500) this.#deps.logger.debug({ code, type }, 'a statement failed');
    if (code === unknownException) this.#deps.logger.error({ code, type }, 'a request failed in the façade');
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    response.setHeader('X-ClickHouse-Exception-Code', String(exception.code));
    if (exception.httpStatus === 503) response.setHeader('Retry-After', '1');
    const body = `${exception.text(this.#deps.engine.version)}\n`;
    send(response, { status: exception.httpStatus, type: plainText, body });
  }
}

interface Answer {
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
}

interface ResultToSend {
  readonly result: StatementResult;
  readonly compress: boolean;
}

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array;
}

const unknownException = 1002;
const plainText = 'text/plain; charset=UTF-8';
/** Above the idle time after which clients drop a socket (2.5 s in @clickhouse/client), so that none is reused dead. */
const keepAliveMs = 30_000;
/** Room for SQL in the URL. */
const headerBytesMax = 131_072;
const connectionsMax = 256;
/** A quarter of the memory may hold results that are being sent, but one result always may. */
const unsentMemoryShare = 4;
const drainPauseMs = 10;
/** Smaller results are not worth compressing. */
const compressBytesMin = 1_024;

const compress = promisify<Uint8Array, { level: number }, Buffer>(gzip);

function sendOk(response: ServerResponse): void {
  send(response, { status: 200, type: 'text/html; charset=UTF-8', body: 'Ok.\n' });
}

function send(response: ServerResponse, { status, type, body }: Reply): void {
  response.statusCode = status;
  response.setHeader('Content-Type', type);
  response.setHeader('Content-Length', Buffer.byteLength(body));
  response.end(body);
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

/** Counters are strings, as ClickHouse writes them. chDB tells the rows of the result, and for a file those read. */
function summaryOf(result: StatementResult): string {
  const rows = String(result.rowsRead);
  const bytes = String(result.bytesRead);
  return JSON.stringify({
    read_rows: rows,
    read_bytes: bytes,
    written_rows: result.isInsert ? rows : '0',
    written_bytes: result.isInsert ? bytes : '0',
    total_rows_to_read: '0',
    result_rows: rows,
    result_bytes: bytes,
    elapsed_ns: String(Math.round(result.elapsed * 1e9)),
  });
}
