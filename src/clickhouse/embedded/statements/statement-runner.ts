import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../core/clock.js';
import { quoteString } from '../../sql-text.js';
import type { ChdbEngine } from '../chdb-engine.js';
import { ClickHouseException } from '../clickhouse-exception.js';
import { filesName } from '../front/forms/form-body.js';
import { writeInsertData } from '../front/request-body.js';
import type { RequestParameters } from '../front/request-parameters.js';
import type { InsertHead, SqlHead } from '../front/sql-head.js';
import type { KillClause } from '../guard/printed-statement.js';
import type { EngineLoad, EngineOptions } from '../process/engine-protocol.js';
import { ClientSessions } from './client-sessions.js';
import { CollectorStatements } from './collector-statements.js';
import { GuestStatements } from './guest-statements.js';
import { ResultSpace } from './held/result-space.js';
import { killQuery, nothing } from './kill-query.js';
import type { PreparedStatement } from './prepared-statement.js';
import { type ArrivedStatement, QueryLog } from './query-log.js';
import { type RunningStatement, RunningStatements } from './running-statements.js';
import { boundTemporary, inSession, onConnection } from './session-requests.js';
import { openSpoolFile } from './spool-file.js';
import { StatementExecution } from './statement-execution.js';
import type { StatementRequest } from './statement-request.js';
import type { DeliveredResult, StatementResult } from './statement-result.js';
import { toldTable } from './told-tables.js';

/**
 * Runs one statement, of the collector or of a guest.
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
  readonly #options: EngineOptions;
  readonly #execution: StatementExecution;
  readonly #space: ResultSpace;
  readonly #collector: CollectorStatements;
  readonly #guests: GuestStatements;
  readonly #running: RunningStatements;
  readonly #sessions: ClientSessions;
  readonly #temporaryBytesMax: number;
  readonly #log = new QueryLog();
  readonly #clock: Clock;
  readonly #insertDir: string;
  #serial = 0;

  constructor(deps: RunnerDeps, options: EngineOptions) {
    this.#options = options;
    this.#clock = deps.clock;
    this.#execution = new StatementExecution(deps, resultsName);
    this.#space = new ResultSpace({
      directory: resultsName,
      resultBytesMax: options.guestResultBytesMax,
      totalBytesMax: options.guestHeldBytesMax,
      filesMax: options.guestConnectionsMax,
      diskUsedRatioMax: options.heldDiskUsedRatioMax,
    });
    this.#collector = new CollectorStatements(deps.engine, options);
    this.#guests = new GuestStatements(deps.engine, options);
    this.#running = new RunningStatements(deps.clock);
    const { userSessionsMax, temporarySessionsMax: connectionsMax, memoryBytesMax } = options;
    this.#sessions = new ClientSessions(deps, { userSessionsMax, connectionsMax });
    this.#temporaryBytesMax = Math.floor(memoryBytesMax / (temporaryMemoryShare * connectionsMax));
    this.#insertDir = join(options.dataDir, filesName);
  }

  /** Whether a statement runs, other than those that end others. */
  get isWorking(): boolean {
    const lanes = [this.#collector.lanes, this.#guests.lanes];
    const working = lanes.flatMap(({ reads, streams, inserts, changes }) => [reads, streams, inserts, changes]);
    return working.some(({ running }) => running > 0);
  }

  load(): Omit<EngineLoad, 'rssBytes' | 'refusals' | 'shortage'> {
    const [collector, guests] = [this.#collector.lanes, this.#guests.lanes];
    return {
      readsRunning: collector.reads.running,
      readsWaiting: collector.reads.waiting,
      streamsRunning: collector.streams.running,
      writesWaiting: collector.inserts.waiting,
      guestReadsRunning: guests.reads.running,
      guestReadsWaiting: guests.reads.waiting,
      guestStreamsRunning: guests.streams.running,
      guestSessions: this.#sessions.count,
      cancelled: this.#running.cancelled,
      streamed: this.#execution.grown,
      resultFiles: this.#space.counts,
      heldBytes: this.#space.bytes,
      heldBytesMax: this.#space.options.totalBytesMax,
      connections: { collector: this.#collector.connections.kept, readers: this.#guests.connections.kept },
    };
  }

  /** Resolves with null when the result went to `request.stream`. */
  async run(request: StatementRequest): Promise<StatementResult | null> {
    const { user, parameters } = request;
    if (user.isCollector) return await this.#runAdmitted(request, null);
    this.#guests.checkSettings(parameters.settings, user);
    const { session: asked } = parameters;
    if (asked === null) return await this.#runGuest(request);
    return await this.#sessions.within(user, asked, (session) => this.#runGuest(inSession(request, session)));
  }

  /** Forgets all sessions, and closes the connections that wait. */
  async close(): Promise<void> {
    const kept = [this.#collector.connections, this.#guests.connections];
    await Promise.all([this.#sessions.close(), ...kept.map((connections) => connections.close())]);
  }

  async #runGuest(request: StatementRequest): Promise<StatementResult | null> {
    const database = this.#guests.databaseOf(request);
    const { head, bytes } = request.body;
    const text = head.kind === 'data' ? bytes.subarray(0, head.dataStart) : bytes;
    const admitted = this.#running.admit({ ...request, text, database });
    const log = this.#log.arrived(this.#logged(request, admitted));
    try {
      const result = await this.#runAdmitted({ ...request, signal: admitted.signal, log }, admitted);
      log.finish(this.#running.elapsedMs(admitted), result);
      return result;
    } catch (error) {
      log.fail(this.#running.elapsedMs(admitted), ClickHouseException.from(error));
      throw error;
    } finally {
      admitted.end();
    }
  }

  #logged({ user, parameters, client }: StatementRequest, statement: RunningStatement): ArrivedStatement {
    const { queryId, database, text } = statement;
    const startMs = this.#clock.nowMs();
    const logComment = logCommentOf(parameters);
    return { ...client, userName: user.name, queryId, database, text, startMs, logComment };
  }

  /** Within the files that its tables are made of. */
  async #withTold(request: StatementRequest, statement: PreparedStatement): Promise<StatementResult | null> {
    const { setup, toldTables } = statement;
    const tables = [...(setup.tables ?? [])];
    const paths: string[] = [];
    try {
      for (const name of toldTables) {
        const path = join(this.#insertDir, `${++this.#serial}.data`);
        paths.push(path);
        const teller = name === 'system.query_log' ? this.#log : this.#running;
        tables.push(await toldTable(name, teller.toldTo(request.user), path));
      }
      // Not that of a session, where the tables would stay.
      return await this.#run({ ...request, session: null }, { ...statement, setup: { ...setup, tables } });
    } finally {
      for (const path of paths) await rm(path, { force: true });
    }
  }

  async #runAdmitted(request: StatementRequest, admitted: RunningStatement | null): Promise<StatementResult | null> {
    const { head, bytes } = request.body;
    if (head.kind === 'data') return await this.#insertData(request, head);
    if (head.kind === 'infile') return await this.#insertFile(request, head);
    const statement = await this.#prepare(request, bytes, null);
    const { kill, change } = statement;
    if (change !== null) {
      await this.#guests.change(change, request);
      request.log?.start();
      return { ...nothing, format: null, timezone: '', moves: 'nothing' };
    }
    if (kill !== null && admitted !== null) return await this.#kill(request, { ...statement, kill }, admitted);
    return await (statement.toldTables.length > 0 ? this.#withTold(request, statement) : this.#run(request, statement));
  }

  async #kill(
    { signal, log }: StatementRequest,
    statement: PreparedStatement & { readonly kill: KillClause },
    self: RunningStatement,
  ): Promise<StatementResult> {
    const { kill, format } = statement;
    const settings = new Map([...statement.setup.settings, ['max_query_size', String(killBytesMax)]]);
    const setup = { ...statement.setup, settings };
    const read = (sql: string) =>
      this.#execution.whole({
        ...statement,
        setup,
        signal,
        connection: null,
        progress: null,
        isRead: true,
        sql: () => sql,
      });
    log?.start();
    const result = await killQuery(this.#running, { kill, self, read, format: format.named });
    return { ...result, format: format.named, timezone: '', moves: 'nothing' };
  }

  async #insertData(request: StatementRequest, head: InsertHead): Promise<StatementResult | null> {
    if (request.user.role !== 'writer') throw readOnly(request);
    const path = join(this.#insertDir, `${++this.#serial}.data`);
    const settings = head.settings === '' ? '' : ` SETTINGS ${head.settings}`;
    const sql = Buffer.concat([
      Buffer.from(`${head.target} FROM INFILE `, 'latin1'),
      Buffer.from(quoteString(path), 'utf8'),
      Buffer.from(`${settings} FORMAT ${head.format}`, 'latin1'),
    ]);
    const statement = await this.#prepare(request, sql, path);
    try {
      const { dataStart } = head;
      await writeInsertData(request.body, { path, dataStart, bytesMax: this.#options.insertBytesMax });
      return await this.#run(request, statement);
    } finally {
      await rm(path, { force: true });
    }
  }

  async #insertFile(
    request: StatementRequest,
    head: Extract<SqlHead, { kind: 'infile' }>,
  ): Promise<StatementResult | null> {
    if (request.user.role !== 'writer') throw readOnly(request);
    const file = await openSpoolFile(head.path, this.#options.spoolDir);
    try {
      const { bytes } = request.body;
      const sql = Buffer.concat([
        bytes.subarray(0, head.pathStart),
        Buffer.from(quoteString(file.name), 'utf8'),
        bytes.subarray(head.pathEnd),
      ]);
      return await this.#run(request, await this.#prepare(request, sql, file.name));
    } finally {
      await file.close();
    }
  }

  async #prepare(request: StatementRequest, sql: Buffer, infile: string | null): Promise<PreparedStatement> {
    const statement = request.user.isCollector
      ? await this.#collector.prepare(request, sql)
      : await this.#guests.prepare(request, sql, infile);
    if (request.readOnly && !statement.isRead) throw readOnly(request, ': GET and readonly=1 change nothing');
    return statement;
  }

  async #run(request: StatementRequest, statement: PreparedStatement): Promise<StatementResult | null> {
    const { isRead, isInsert, format, setup, lane, lanes } = statement;
    const { session = null, log, body } = request;
    log?.start();
    const result = await this.#deliver(request, statement).finally(async () => {
      if (!isRead) await boundTemporary(this.#sessions, session, this.#temporaryBytesMax);
    });
    if (result === null) return null;
    if (!isRead && !isInsert) {
      this.#guests.forget();
      this.#collector.connections.forget();
    }
    const timezone = setup.settings.get('session_timezone') ?? '';
    // As a server: of what has no result no format is told.
    const hasResult = isRead || result.bytes.length > 0;
    const moves = body.head.kind !== 'sql' ? 'data' : lane === lanes.changes ? 'nothing' : 'unknown';
    return { ...result, format: hasResult ? format.named : null, timezone, moves };
  }

  async #deliver(
    { signal, stream, progress, session = null }: StatementRequest,
    statement: PreparedStatement,
  ): Promise<DeliveredResult | null> {
    const { delivery, lane, lanes } = statement;
    const { guestQueryMsMax: msMax } = this.#options;
    const execution = { ...statement, signal, progress, ...onConnection(this.#sessions, session, statement) };
    if (delivery === 'whole') return await this.#execution.whole({ ...execution, lane });
    if (delivery === 'held') return await this.#execution.held({ ...execution, lane }, this.#space);
    if (delivery === 'growing') {
      const growth = { msMax, streams: lanes.streams };
      return await this.#execution.growing({ ...execution, lane }, growth, stream);
    }
    await this.#execution.streamed({ ...execution, lane: lanes.streams }, stream);
    return null;
  }
}

interface RunnerDeps {
  readonly engine: ChdbEngine;
  readonly clock: Clock;
  /** A session was forgotten to make room for another. */
  readonly onSessionForgotten: () => void;
}

/** An eighth of the memory may hold temporary tables, of all sessions. */
const temporaryMemoryShare = 8;

/** Room for what a condition of KILL is held against. */
const killBytesMax = 4_194_304;

/** Relative to the engine's directory: error texts quote statements, and statements name it. */
const resultsName = 'results';

function logCommentOf({ settings }: RequestParameters): string {
  return settings.get('log_comment') ?? '';
}

function readOnly({ user }: StatementRequest, advice = ''): ClickHouseException {
  return new ClickHouseException('READONLY', `${user.name}: Cannot execute query in readonly mode${advice}.`);
}
