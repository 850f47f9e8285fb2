import { isUtf8 } from 'node:buffer';
import { realpath, rm } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { type Clock, sleep } from '../../core/clock.js';
import { type ChdbEngine, type ChdbResult, isRead } from './chdb-engine.js';
import { ClickHouseException } from './clickhouse-exception.js';
import type { EngineLoad, EngineOptions } from './engine-protocol.js';
import type { EngineUser } from './engine-users.js';
import { withOutfile } from './outfile-clause.js';
import { PassedReads } from './passed-reads.js';
import { type RequestBody, writeInsertData } from './request-body.js';
import { RequestLane } from './request-lane.js';
import { guardSettings, type RequestParameters } from './request-parameters.js';
import { ResultPipe } from './result-pipe.js';
import { holdEnd, type StreamedResult } from './result-stream.js';
import type { InsertHead, SqlHead } from './sql-head.js';
import { quoteIdentifier, quoteString } from './sql-lexer.js';
import { guardClass, guardTokens, type StatementShape, statementClass } from './statement-guard.js';

export interface StatementRequest {
  readonly user: EngineUser;
  /** GET: nothing may be changed, whoever asks. */
  readonly readOnly: boolean;
  readonly parameters: RequestParameters;
  readonly body: RequestBody;
  /** Aborted when the client went away: a read that runs is then cancelled. */
  readonly signal: AbortSignal;
  /** Takes the result of a read while it is made; null asks for it whole. Rejects with what iteration throws. */
  readonly stream: ((result: StreamedResult) => Promise<void>) | null;
}

export interface StatementResult extends ChdbResult {
  readonly format: string;
  readonly isInsert: boolean;
}

/**
 * Runs one statement: guards it, waits for its lane, gives it a connection of its own.
 *
 * The data of an INSERT goes to a file in `inserts/` first and is inserted by path. Measured with chdb 3.4.0:
 * a file of five Native blocks of 50,000 rows becomes one block and one part with `max_insert_threads = 1` and
 * `min_insert_block_size_rows`, `min_insert_block_size_bytes` and `max_insert_block_size` above its size (the
 * default of 1,048,449 rows is enough for smaller files; `max_insert_block_size_bytes` is 0, no limit), and a
 * replay with the same `insert_deduplication_token` changes neither the table nor the targets of its views,
 * provided both have a `non_replicated_deduplication_window`. As `SETTINGS` of the statement they stand behind
 * the path and before FORMAT; in the URL they are set on the connection, which is the same.
 */
export class StatementRunner {
  readonly #engine: ChdbEngine;
  readonly #clock: Clock;
  readonly #options: EngineOptions;
  readonly #insertDir: string;
  readonly #resultDir: string;
  readonly #reads: RequestLane;
  readonly #streams: RequestLane;
  readonly #writes: RequestLane;
  readonly #passed = new PassedReads();
  #serial = 0;

  constructor(deps: { readonly engine: ChdbEngine; readonly clock: Clock }, options: EngineOptions) {
    this.#engine = deps.engine;
    this.#clock = deps.clock;
    this.#options = options;
    this.#insertDir = join(options.dataDir, 'inserts');
    this.#resultDir = join(options.dataDir, 'results');
    const waitingMax = options.waitingRequestsMax;
    this.#reads = new RequestLane({ name: 'reads', width: options.readConnections, waitingMax });
    // A stream may take an hour: whoever comes next is told at once.
    this.#streams = new RequestLane({ name: 'streamed results', width: options.streamsMax, waitingMax: 0 });
    this.#writes = new RequestLane({ name: 'writes', width: 1, waitingMax });
  }

  load(): Omit<EngineLoad, 'rssBytes'> {
    return {
      readsRunning: this.#reads.running,
      readsWaiting: this.#reads.waiting,
      streamsRunning: this.#streams.running,
      writesWaiting: this.#writes.waiting,
    };
  }

  /** Resolves with null when the result went to `request.stream`. */
  async run(request: StatementRequest): Promise<StatementResult | null> {
    const { head } = request.body;
    guardSettings(request.parameters.settings, request.user.role);
    if (head.kind === 'data') return await this.#insertData(request, head);
    const bytes = head.kind === 'infile' ? await this.#withSpoolPath(request, head) : request.body.bytes;
    const { shape, isRead } = await this.#guard(request, bytes);
    if (shape.isInsert && shape.format !== null && head.kind !== 'infile') {
      throw new ClickHouseException('NOT_IMPLEMENTED', 'INSERT … SELECT … FORMAT is not supported here.');
    }
    if (isRead && request.stream !== null) {
      await this.#stream(request, { sql: bytes, shape, send: request.stream });
      return null;
    }
    return await this.#execute(request, { sql: bytes.toString('utf8'), shape, isRead });
  }

  async #insertData(request: StatementRequest, head: InsertHead): Promise<StatementResult> {
    const path = join(this.#insertDir, `${++this.#serial}.data`);
    const settings = head.settings === '' ? '' : ` SETTINGS ${head.settings}`;
    const bytes = Buffer.from(`${head.target} FROM INFILE `, 'latin1');
    const tail = Buffer.from(`${settings} FORMAT ${head.format}`, 'latin1');
    const sql = Buffer.concat([bytes, Buffer.from(quoteString(path), 'utf8'), tail]);
    const { shape } = await this.#guard(request, sql);
    try {
      const { dataStart } = head;
      await writeInsertData(request.body, { path, dataStart, bytesMax: this.#options.insertBytesMax });
      return await this.#execute(request, { sql: sql.toString('utf8'), shape, isRead: false });
    } finally {
      await rm(path, { force: true });
    }
  }

  /** The statement with the path resolved, so that the engine opens what was checked. */
  async #withSpoolPath(request: StatementRequest, head: Extract<SqlHead, { kind: 'infile' }>): Promise<Buffer> {
    if (request.user.role !== 'writer') {
      throw new ClickHouseException('READONLY', `${request.user.name}: Cannot execute query in readonly mode.`);
    }
    const refused = new ClickHouseException('ACCESS_DENIED', 'INFILE is only allowed for files of the spool.');
    const written = head.path.replaceAll("''", "'").replaceAll(/\\([\\'])/g, '$1');
    if (/\\(?![\\'])/.test(head.path) || /[*?{}[\]|]/.test(written)) throw refused;
    const path = await realpath(Buffer.from(written, 'latin1').toString('utf8')).catch(() => null);
    const spool = await realpath(this.#options.spoolDir).catch(() => null);
    if (path === null || spool === null || !path.startsWith(spool + sep)) throw refused;
    const { bytes } = request.body;
    return Buffer.concat([
      bytes.subarray(0, head.pathStart),
      Buffer.from(quoteString(path), 'utf8'),
      bytes.subarray(head.pathEnd),
    ]);
  }

  async #guard(request: StatementRequest, bytes: Buffer): Promise<{ shape: StatementShape; isRead: boolean }> {
    const { user, parameters, readOnly } = request;
    const text = bytes.toString('latin1');
    const passed = this.#passed.find(user.role, text);
    if (passed !== undefined) return { shape: passed, isRead: true };
    if (!isUtf8(bytes)) throw new ClickHouseException('BAD_ARGUMENTS', 'The SQL is not valid UTF-8.');
    const shape = guardTokens({
      text,
      role: user.role,
      tableFunctions: this.#engine.tableFunctions,
      parameters: [...parameters.parameters.values()],
    });
    if (shape.firstWords.length === 0) throw new ClickHouseException('SYNTAX_ERROR', 'Syntax error: Empty query.');
    const found = await this.#engine.classify(bytes.toString('utf8'));
    guardClass(found, { role: user.role, user: user.name });
    if (readOnly && !isRead(found)) {
      throw new ClickHouseException('READONLY', `${user.name}: Cannot execute query in readonly mode, use POST.`);
    }
    if (found.queryClass === statementClass.read && !shape.isInsert) this.#passed.add(user.role, text, shape);
    return { shape, isRead: isRead(found) && !shape.isInsert };
  }

  async #execute(
    request: StatementRequest,
    { sql, shape, isRead }: { readonly sql: string; readonly shape: StatementShape; readonly isRead: boolean },
  ): Promise<StatementResult> {
    const tag = this.#tag();
    const prelude = this.#prelude(request, { limits: isRead ? this.#readLimits() : null, tag });
    const format = formatOf(request, shape);
    const lane = isRead ? this.#reads : this.#writes;
    return await lane.run(request.signal, async () => {
      const running = this.#engine.run(prelude, sql, format.asked);
      if (isRead) this.#cancelOnAbort(request.signal, { running, tag });
      return { ...(await running), format: format.named, isInsert: shape.isInsert };
    });
  }

  /** Ends when the engine is done with the statement, sent or not: until then it holds its place in the lane. */
  async #stream(
    request: StatementRequest,
    { sql, shape, send }: { readonly sql: Buffer; readonly shape: StatementShape; readonly send: StreamSender },
  ): Promise<void> {
    const tag = this.#tag();
    const limits = { max_execution_time: this.#options.streamMsMax / 1_000 };
    const prelude = this.#prelude(request, { limits, tag });
    const format = formatOf(request, shape);
    await this.#streams.run(request.signal, async () => {
      const pipe = await ResultPipe.create(join(this.#resultDir, String(++this.#serial)));
      const given = new AbortController();
      given.signal.addEventListener('abort', () => pipe.abandon(), { once: true });
      const giveUp = () => given.abort();
      request.signal.addEventListener('abort', giveUp, { once: true });
      if (request.signal.aborted) giveUp();
      const statement = withOutfile(sql, { path: pipe.path, format: format.asked });
      const running = this.#engine.run(prelude, statement.toString('utf8'), format.asked).catch((error) => {
        throw withoutPath(error, pipe.path);
      });
      this.#cancelOnAbort(given.signal, { running, tag });
      const ended = running.then(noop, noop).then(() => pipe.endWriting());
      try {
        await send({ format: format.named, chunks: holdEnd(pipe.chunks(), running) });
      } finally {
        request.signal.removeEventListener('abort', giveUp);
        giveUp();
        await ended;
        pipe.destroy();
      }
    });
  }

  /** What sets the connection up: database, settings, parameters, and last the lock. */
  #prelude(
    { parameters, user }: StatementRequest,
    { limits, tag }: { readonly limits: ReadLimits | null; readonly tag: string },
  ): string {
    const database = parameters.database ?? '';
    const own = database === '' || database === 'default' ? this.#options.database : database;
    const values = new Map<string, string>();
    if (limits !== null) values.set('result_overflow_mode', 'throw');
    for (const [name, value] of parameters.settings) values.set(name, value);
    if (limits !== null) {
      const asked = Number(values.get('max_execution_time') ?? 0);
      const secondsMax = limits.max_execution_time;
      values.set('max_execution_time', String(asked > 0 && asked < secondsMax ? asked : secondsMax));
      if (limits.max_result_bytes !== undefined) values.set('max_result_bytes', String(limits.max_result_bytes));
    } else {
      values.set('async_insert', '0');
    }
    values.set('log_comment', `${values.get('log_comment') ?? ''}${tag}`);
    for (const [name, value] of parameters.parameters) values.set(`param_${name}`, value);
    const pairs = [...values].map(([name, value]) => `${name} = ${quoteString(value)}`);
    // The settings of one SET are checked together, under what was allowed before it. A statement costs 0.1 ms.
    if (user.role === 'reader') pairs.push('readonly = 1');
    return `USE ${quoteIdentifier(own)}; SET ${pairs.join(', ')}`;
  }

  #readLimits(): ReadLimits {
    const { queryMsMax, resultBytesMax } = this.#options;
    return { max_execution_time: queryMsMax / 1_000, max_result_bytes: resultBytesMax };
  }

  /**
   * Names a query among the running ones, as the end of its `log_comment`; chDB takes no query id, and the text of a
   * query with parameters is written anew by the engine, without its comments.
   */
  #tag(): string {
    return ` tidemark:${++this.#serial}`;
  }

  /** A query is listed only some time after it was handed over, so the engine is asked until it is gone. */
  #cancelOnAbort(signal: AbortSignal, query: { readonly running: Promise<unknown>; readonly tag: string }): void {
    let done = false;
    const cancel = async () => {
      for (let attempt = 0; attempt < cancelAttemptsMax && !done; attempt++) {
        await this.#engine.cancel(query.tag).catch(() => undefined);
        await sleep(this.#clock, cancelPauseMs);
      }
    };
    const onAbort = () => void cancel();
    const finish = () => {
      done = true;
      signal.removeEventListener('abort', onAbort);
    };
    void query.running.then(finish, finish);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  }
}

type StreamSender = NonNullable<StatementRequest['stream']>;

/** Settings no request can raise. */
interface ReadLimits {
  readonly max_execution_time: number;
  readonly max_result_bytes?: number;
}

/** The format asked for beside the statement, and the one that counts: the statement's own. */
function formatOf({ parameters }: StatementRequest, shape: StatementShape) {
  const asked = parameters.defaultFormat ?? 'TabSeparated';
  if (!/^[A-Za-z0-9_]{1,64}$/.test(asked)) throw new ClickHouseException('UNKNOWN_FORMAT', 'Unknown format.');
  return { asked, named: shape.format ?? asked };
}

/** Error texts quote the statement; the path of its pipe is not the client's. */
function withoutPath(error: unknown, path: string): ClickHouseException {
  const exception = ClickHouseException.from(error);
  exception.message = exception.message.replaceAll(path, '');
  return exception;
}

const noop = () => undefined;
const cancelAttemptsMax = 50;
const cancelPauseMs = 100;
