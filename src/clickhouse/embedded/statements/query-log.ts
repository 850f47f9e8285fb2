import { writeFile } from 'node:fs/promises';
import { quoteString } from '../../sql-text.js';
import type { EngineUser } from '../front/engine-users.js';

/** A statement of a guest that ended, as `system.query_log` tells it. */
export interface EndedStatement {
  readonly userName: string;
  readonly queryId: string;
  readonly database: string;
  /** As it was sent, its beginning. */
  readonly text: string;
  /** By the wall clock. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly resultRows: number;
  readonly resultBytes: number;
  /** 0 when it succeeded. */
  readonly exceptionCode: number;
  readonly exception: string;
  readonly logComment: string;
}

/**
 * The last statements of guests. chDB keeps no log, and one table for all would have to be filtered by user; so whoever
 * asks for `system.query_log` gets a temporary table of his own statements, made for his request. It has the columns of
 * a server's that are known here.
 */
export class QueryLog {
  readonly #ended: EndedStatement[] = [];

  add({
    userName,
    queryId,
    database,
    startMs,
    durationMs,
    resultRows,
    resultBytes,
    exceptionCode,
    ...texts
  }: EndedStatement): void {
    const { text, exception, logComment } = texts;
    this.#ended.push({
      userName,
      queryId,
      database,
      startMs,
      durationMs,
      resultRows,
      resultBytes,
      exceptionCode,
      text: text.slice(0, textCharactersMax),
      exception: exception.slice(0, textCharactersMax),
      logComment: logComment.slice(0, textCharactersMax),
    });
    if (this.#ended.length > statementsMax) this.#ended.shift();
  }

  /** Writes the rows of `user`, the writer's are all, to `path`; answers the statement that makes a table of them. */
  async tableFor({ name, role }: EngineUser, path: string): Promise<string> {
    const own = this.#ended.filter(({ userName }) => role === 'writer' || userName === name);
    await writeFile(path, own.map((one) => `${JSON.stringify(rowOf(one))}\n`).join(''), { flag: 'wx', mode: 0o600 });
    const from = [path, 'JSONEachRow', structure, 'none'].map(quoteString).join(', ');
    return `CREATE TEMPORARY TABLE ${queryLogTable} AS SELECT * FROM file(${from})`;
  }
}

/** The name of that table. */
export const queryLogTable = '`_query_log`';

function rowOf(one: EndedStatement): object {
  const { startMs, durationMs, exceptionCode } = one;
  const endMs = startMs + durationMs;
  const start = (startMs / 1_000).toFixed(6);
  const end = (endMs / 1_000).toFixed(6);
  return {
    type: exceptionCode === 0 ? 'QueryFinish' : 'ExceptionWhileProcessing',
    event_date: new Date(endMs).toISOString().slice(0, 10),
    event_time: Math.floor(endMs / 1_000),
    event_time_microseconds: end,
    query_start_time: Math.floor(startMs / 1_000),
    query_start_time_microseconds: start,
    query_duration_ms: Math.round(durationMs),
    result_rows: one.resultRows,
    result_bytes: one.resultBytes,
    current_database: one.database,
    query: one.text,
    exception_code: exceptionCode,
    exception: one.exception,
    is_initial_query: 1,
    user: one.userName,
    query_id: one.queryId,
    initial_user: one.userName,
    initial_query_id: one.queryId,
    interface: httpInterface,
    log_comment: one.logComment,
  };
}

const types = "'QueryStart' = 1, 'QueryFinish' = 2, 'ExceptionBeforeStart' = 3, 'ExceptionWhileProcessing' = 4";
const structure =
  `type Enum8(${types}), event_date Date, event_time DateTime, event_time_microseconds DateTime64(6),` +
  ' query_start_time DateTime, query_start_time_microseconds DateTime64(6), query_duration_ms UInt64,' +
  ' result_rows UInt64, result_bytes UInt64, current_database LowCardinality(String), query String,' +
  ' exception_code Int32, exception String, is_initial_query UInt8, user LowCardinality(String), query_id String,' +
  ' initial_user LowCardinality(String), initial_query_id String, interface UInt8, log_comment String';

/** As a server numbers it. */
const httpInterface = 2;
/** Some eight megabytes at most. */
const statementsMax = 1_000;
const textCharactersMax = 2_048;
