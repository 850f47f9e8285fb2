import type { Clock } from '../../../core/clock.js';
import { ClickHouseException } from '../clickhouse-exception.js';
import type { EngineUser } from '../front/engine-users.js';
import type { ClientHeaders } from './client-headers.js';
import { httpInterface } from './query-log.js';
import type { ToldRows } from './told-tables.js';

/** A statement of a guest from its arrival to its end: waiting, running or sending its result. */
export interface RunningStatement {
  readonly user: EngineUser;
  readonly queryId: string;
  /** As it was sent, its beginning. */
  readonly text: string;
  readonly database: string;
  readonly client: ClientHeaders;
  readonly startMs: number;
  /** Aborted when its client went away, and by `cancel`. */
  readonly signal: AbortSignal;
  readonly ended: Promise<void>;
  cancel(): void;
  end(): void;
}

interface StatementArrival extends Pick<RunningStatement, 'user' | 'queryId' | 'database' | 'client'> {
  readonly text: Buffer;
  readonly signal: AbortSignal;
}

/**
 * What guests have under way, by the query id that they gave or that was made for them. chDB 3.4.0 makes an id of its
 * own for each statement and takes none, so ids are the front's: `queryID()` answers it, KILL QUERY goes by it. There
 * are no more than the lanes take, and requests whose data still comes, of which each has a connection.
 */
export class RunningStatements {
  readonly #clock: Clock;
  readonly #running = new Set<RunningStatement>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING when the user has a statement of that id. */
  admit({ user, queryId, text, database, client, signal }: StatementArrival): RunningStatement {
    for (const { user: other, queryId: id } of this.#running) {
      if (id !== queryId || other.name !== user.name) continue;
      const problem = `Query with id = ${queryId} is already running.`;
      throw new ClickHouseException('QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING', problem);
    }
    const killed = new AbortController();
    const onAbort = () => killed.abort(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    let settle: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const statement: RunningStatement = {
      user,
      queryId,
      text: text.toString('utf8', 0, listedBytesMax),
      database,
      client,
      startMs: this.#clock.monotonicMs(),
      signal: killed.signal,
      ended,
      cancel: () => killed.abort(),
      end: () => {
        signal.removeEventListener('abort', onAbort);
        this.#running.delete(statement);
        settle();
      },
    };
    this.#running.add(statement);
    return statement;
  }

  /** Those that `user` may cancel: his own; the writer's are all, because nothing of the tables is kept from him. */
  of(user: EngineUser): readonly RunningStatement[] {
    const isAll = user.role === 'writer';
    return [...this.#running].filter((one) => isAll || one.user.name === user.name);
  }

  /** The same, in the columns of a server's `system.processes` that are known here. */
  toldTo(user: EngineUser): ToldRows {
    const rows = this.of(user).map((one) => ({
      is_initial_query: 1,
      user: one.user.name,
      query_id: one.queryId,
      initial_user: one.user.name,
      initial_query_id: one.queryId,
      interface: httpInterface,
      client_name: '',
      http_user_agent: one.client.userAgent,
      http_referer: one.client.referer,
      forwarded_for: one.client.forwardedFor,
      elapsed: this.elapsedMs(one) / 1_000,
      is_cancelled: one.signal.aborted ? 1 : 0,
      query: one.text,
      current_database: one.database,
    }));
    return { structure, rows };
  }

  elapsedMs({ startMs }: RunningStatement): number {
    return this.#clock.monotonicMs() - startMs;
  }
}

const structure =
  'is_initial_query UInt8, user String, query_id String, initial_user String, initial_query_id String,' +
  ' interface UInt8, client_name String, http_user_agent String, http_referer String, forwarded_for String,' +
  ' elapsed Float64, is_cancelled UInt8, query String, current_database String';

/** Of a statement's text, in the list that KILL looks at. */
const listedBytesMax = 2_048;
