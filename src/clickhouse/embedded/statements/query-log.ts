import type { EngineUser } from '../front/engine-users.js';
import type { ClientHeaders } from './statement-request.js';
import type { ToldRows } from './told-tables.js';

/** A statement of a guest that ended, as `system.query_log` tells it. */
export interface EndedStatement extends ClientHeaders {
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

/** The last statements of guests, in the columns of a server's `system.query_log` that are known here. */
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
    const { text, exception, logComment, userAgent, referer, forwardedFor } = texts;
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
      userAgent: userAgent.slice(0, headerCharactersMax),
      referer: referer.slice(0, headerCharactersMax),
      forwardedFor: forwardedFor.slice(0, headerCharactersMax),
    });
    if (this.#ended.length > statementsMax) this.#ended.shift();
  }

  /** Those of `user`; the writer's are all. */
  toldTo({ name, role }: EngineUser): ToldRows {
    const own = this.#ended.filter(({ userName }) => role === 'writer' || userName === name);
    return { structure, rows: own.map(rowOf) };
  }
}

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
    client_name: '',
    http_user_agent: one.userAgent,
    http_referer: one.referer,
    forwarded_for: one.forwardedFor,
    log_comment: one.logComment,
  };
}

const types = "'QueryStart' = 1, 'QueryFinish' = 2, 'ExceptionBeforeStart' = 3, 'ExceptionWhileProcessing' = 4";
const structure =
  `type Enum8(${types}), event_date Date, event_time DateTime, event_time_microseconds DateTime64(6),` +
  ' query_start_time DateTime, query_start_time_microseconds DateTime64(6), query_duration_ms UInt64,' +
  ' result_rows UInt64, result_bytes UInt64, current_database LowCardinality(String), query String,' +
  ' exception_code Int32, exception String, is_initial_query UInt8, user LowCardinality(String), query_id String,' +
  ' initial_user LowCardinality(String), initial_query_id String, interface UInt8, client_name String,' +
  ' http_user_agent String, http_referer String, forwarded_for String, log_comment String';

/** As a server numbers it. */
export const httpInterface = 2;
/** Some nine megabytes at most. */
const statementsMax = 1_000;
const textCharactersMax = 2_048;
const headerCharactersMax = 512;
