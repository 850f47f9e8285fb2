import { isUtf8 } from 'node:buffer';
import { realpath, rm } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { type Clock, sleep } from '../../core/clock.js';
import { type ChdbEngine, type ChdbResult, isRead } from './chdb-engine.js';
import { ClickHouseException } from './clickhouse-exception.js';
import type { EngineLoad, EngineOptions } from './engine-protocol.js';
import type { EngineUser } from './engine-users.js';
import { type RequestBody, writeInsertData } from './request-body.js';
import { RequestLane } from './request-lane.js';
import { guardSettings, type RequestParameters } from './request-parameters.js';
import type { InsertHead, SqlHead } from './sql-head.js';
import { quoteIdentifier, quoteString } from './sql-lexer.js';
import { guardClass, guardTokens, type StatementShape } from './statement-guard.js';

export interface StatementRequest {
  readonly user: EngineUser;
  /** GET: nothing may be changed, whoever asks. */
  readonly readOnly: boolean;
  readonly parameters: RequestParameters;
  readonly body: RequestBody;
  /** Aborted when the client went away: a read that runs is then cancelled. */
  readonly signal: AbortSignal;
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
  readonly #reads: RequestLane;
  readonly #writes: RequestLane;
  #serial = 0;

  constructor(deps: { readonly engine: ChdbEngine; readonly clock: Clock }, options: EngineOptions) {
    this.#engine = deps.engine;
    this.#clock = deps.clock;
    this.#options = options;
    this.#insertDir = join(options.dataDir, 'inserts');
    const waitingMax = options.waitingRequestsMax;
    this.#reads = new RequestLane({ name: 'reads', width: options.readConnections, waitingMax });
    this.#writes = new RequestLane({ name: 'writes', width: 1, waitingMax });
  }

  load(): Omit<EngineLoad, 'rssBytes'> {
    return {
      readsRunning: this.#reads.running,
      readsWaiting: this.#reads.waiting,
      writesWaiting: this.#writes.waiting,
    };
  }

  async run(request: StatementRequest): Promise<StatementResult> {
    const { head } = request.body;
    guardSettings(request.parameters.settings, request.user.role);
    if (head.kind === 'data') return await this.#insertData(request, head);
    const bytes = head.kind === 'infile' ? await this.#withSpoolPath(request, head) : request.body.bytes;
    const { shape, isRead } = await this.#guard(request, bytes);
    if (shape.isInsert && shape.format !== null && head.kind !== 'infile') {
      throw new ClickHouseException('NOT_IMPLEMENTED', 'INSERT … SELECT … FORMAT is not supported here.');
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
    if (!isUtf8(bytes)) throw new ClickHouseException('BAD_ARGUMENTS', 'The SQL is not valid UTF-8.');
    const shape = guardTokens({
      text: bytes.toString('latin1'),
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
    return { shape, isRead: isRead(found) && !shape.isInsert };
  }

  async #execute(
    request: StatementRequest,
    { sql, shape, isRead }: { readonly sql: string; readonly shape: StatementShape; readonly isRead: boolean },
  ): Promise<StatementResult> {
    const prelude = this.#prelude(request, isRead);
    const format = request.parameters.defaultFormat ?? 'TabSeparated';
    if (!/^[A-Za-z0-9_]{1,64}$/.test(format)) throw new ClickHouseException('UNKNOWN_FORMAT', 'Unknown format.');
    const lane = isRead ? this.#reads : this.#writes;
    return await lane.run(request.signal, async () => {
      // A comment names the query, so that it can be found among the running ones; chDB takes no query id.
      const tag = isRead ? `\n/*tidemark:${++this.#serial}*/` : '';
      try {
        const running = this.#engine.run(prelude, sql + tag, format);
        if (isRead) this.#cancelOnAbort(request.signal, { running, tag: tag.trim() });
        return { ...(await running), format: shape.format ?? format, isInsert: shape.isInsert };
      } catch (error) {
        const exception = ClickHouseException.from(error);
        if (tag !== '') exception.message = exception.message.replaceAll(tag, '');
        throw exception;
      }
    });
  }

  /** What sets the connection up: database, settings, parameters, and last the lock. */
  #prelude({ parameters, user }: StatementRequest, isRead: boolean): string {
    const database = parameters.database ?? '';
    const own = database === '' || database === 'default' ? this.#options.database : database;
    const values = new Map<string, string>();
    if (isRead) values.set('result_overflow_mode', 'throw');
    for (const [name, value] of parameters.settings) values.set(name, value);
    if (isRead) {
      const asked = Number(values.get('max_execution_time') ?? 0);
      const secondsMax = this.#options.queryMsMax / 1_000;
      values.set('max_execution_time', String(asked > 0 && asked < secondsMax ? asked : secondsMax));
      values.set('max_result_bytes', String(this.#options.resultBytesMax));
    } else {
      values.set('async_insert', '0');
    }
    for (const [name, value] of parameters.parameters) values.set(`param_${name}`, value);
    const pairs = [...values].map(([name, value]) => `${name} = ${quoteString(value)}`);
    const statements = [`USE ${quoteIdentifier(own)}`, `SET ${pairs.join(', ')}`];
    if (user.role === 'reader') statements.push('SET readonly = 1');
    return statements.join('; ');
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

const cancelAttemptsMax = 50;
const cancelPauseMs = 100;
