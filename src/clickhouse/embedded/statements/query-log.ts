import type { ClickHouseException } from '../clickhouse-exception.js';
import type { EngineUser } from '../front/engine-users.js';
import type { ClientHeaders } from './client-headers.js';
import type { StatementResult } from './statement-result.js';
import type { ToldRows } from './told-tables.js';

/** A statement of a guest, as `system.query_log` tells it. */
export interface ArrivedStatement extends ClientHeaders {
  readonly userName: string;
  readonly queryId: string;
  readonly database: string;
  /** As it was sent, its beginning, without the data of an INSERT. */
  readonly text: string;
  /** By the wall clock. */
  readonly startMs: number;
  readonly logComment: string;
}

/** What becomes of it: it fails before its start, or starts and then finishes or fails. */
export interface LoggedStatement {
  /** It passed every check, and runs as soon as it is its turn. */
  start(): void;
  finish(durationMs: number, result: StatementResult | null): void;
  fail(durationMs: number, exception: ClickHouseException): void;
}

interface LogRow {
  readonly userName: string;
  readonly columns: object;
}

/**
 * The last statements of guests, in the columns of a server's `system.query_log` that are known here; what was read is
 * null where chDB does not tell it.
 */
export class QueryLog {
  readonly #rows: LogRow[] = [];

  arrived(statement: ArrivedStatement): LoggedStatement {
    const about = columnsOf(statement);
    const { userName, startMs } = statement;
    const add = (type: string, durationMs: number, columns: object) => {
      const event = eventOf(startMs + durationMs);
      this.#add({
        userName,
        columns: { type, ...event, query_duration_ms: Math.round(durationMs), ...about, ...columns },
      });
    };
    let isStarted = false;
    return {
      start: () => {
        isStarted = true;
        add('QueryStart', 0, noCounters);
      },
      finish: (durationMs, result) => add('QueryFinish', durationMs, countersOf(result)),
      fail(durationMs, { code, message }) {
        const failed = { exception_code: code, exception: message.slice(0, textCharactersMax) };
        const type = isStarted ? 'ExceptionWhileProcessing' : 'ExceptionBeforeStart';
        add(type, durationMs, { ...(isStarted ? unknownCounters : noCounters), ...failed });
      },
    };
  }

  #add(row: LogRow): void {
    this.#rows.push(row);
    if (this.#rows.length > rowsMax) this.#rows.shift();
  }

  /** Those of `user`; the writer's are all. */
  toldTo({ name, role }: EngineUser): ToldRows {
    const own = this.#rows.filter(({ userName }) => role === 'writer' || userName === name);
    return { structure, rows: own.map(({ columns }) => columns) };
  }
}

function columnsOf(statement: ArrivedStatement): object {
  const { userName, queryId, database, text, startMs, logComment } = statement;
  return {
    query_start_time: Math.floor(startMs / 1_000),
    query_start_time_microseconds: (startMs / 1_000).toFixed(6),
    current_database: database,
    query: text.slice(0, textCharactersMax),
    exception_code: 0,
    exception: '',
    is_initial_query: 1,
    user: userName,
    query_id: queryId,
    initial_user: userName,
    initial_query_id: queryId,
    interface: httpInterface,
    client_name: '',
    http_user_agent: statement.userAgent.slice(0, headerCharactersMax),
    http_referer: statement.referer.slice(0, headerCharactersMax),
    forwarded_for: statement.forwardedFor.slice(0, headerCharactersMax),
    log_comment: logComment.slice(0, textCharactersMax),
  };
}

function eventOf(atMs: number): object {
  return {
    event_date: new Date(atMs).toISOString().slice(0, 10),
    event_time: Math.floor(atMs / 1_000),
    event_time_microseconds: (atMs / 1_000).toFixed(6),
  };
}

const noCounters = { read_rows: 0, read_bytes: 0, written_rows: 0, written_bytes: 0, result_rows: 0, result_bytes: 0 };
const unknownCounters = { ...noCounters, read_rows: null, read_bytes: null, written_rows: null, written_bytes: null };

/** Null for a result that was sent while it was made. */
function countersOf(result: StatementResult | null): object {
  if (result === null) return { ...unknownCounters, written_rows: 0, written_bytes: 0 };
  const { rowsRead: rows, bytesRead: size, format, moves } = result;
  const results =
    format === null ? {} : { result_rows: rows, result_bytes: result.held?.byteLength ?? result.bytes.length };
  if (moves === 'nothing') return { ...noCounters, ...results };
  if (moves === 'data')
    return { ...noCounters, read_rows: rows, read_bytes: size, written_rows: rows, written_bytes: size };
  return format === null ? unknownCounters : { ...unknownCounters, written_rows: 0, written_bytes: 0, ...results };
}

const types = "'QueryStart' = 1, 'QueryFinish' = 2, 'ExceptionBeforeStart' = 3, 'ExceptionWhileProcessing' = 4";
const structure =
  `type Enum8(${types}), event_date Date, event_time DateTime, event_time_microseconds DateTime64(6),` +
  ' query_start_time DateTime, query_start_time_microseconds DateTime64(6), query_duration_ms UInt64,' +
  ' read_rows Nullable(UInt64), read_bytes Nullable(UInt64), written_rows Nullable(UInt64),' +
  ' written_bytes Nullable(UInt64), result_rows UInt64, result_bytes UInt64,' +
  ' current_database LowCardinality(String), query String,' +
  ' exception_code Int32, exception String, is_initial_query UInt8, user LowCardinality(String), query_id String,' +
  ' initial_user LowCardinality(String), initial_query_id String, interface UInt8, client_name String,' +
  ' http_user_agent String, http_referer String, forwarded_for String, log_comment String';

/** As a server numbers it. */
export const httpInterface = 2;
/** Of a thousand statements, some twenty megabytes at most. */
const rowsMax = 2_000;
const textCharactersMax = 2_048;
const headerCharactersMax = 512;
