import type { Clock } from '../../../core/clock.js';
import type { EngineCancellation } from '../../../core/instruments.js';
import { ClickHouseException } from '../clickhouse-exception.js';
import type { EngineUser } from '../front/engine-users.js';
import { engineStops } from './statement-execution.js';

/** A statement of a guest from its arrival to its end: waiting, running or sending its result. */
export interface RunningStatement {
  readonly user: EngineUser;
  readonly queryId: string;
  /** As it was sent, its beginning. */
  readonly text: string;
  readonly database: string;
  readonly startMs: number;
  /** Aborted when its client went away, and by `cancel`. */
  readonly signal: AbortSignal;
  readonly ended: Promise<void>;
  cancel(): void;
  end(): void;
}

interface StatementArrival extends Pick<RunningStatement, 'user' | 'queryId' | 'database'> {
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
  readonly #cancelled: Record<EngineCancellation, number> = { disconnect: 0, kill: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many were ended before their end, by reason. */
  get cancelled(): Readonly<Record<EngineCancellation, number>> {
    return { ...this.#cancelled };
  }

  /** Throws QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING when the user has a statement of that id. */
  admit({ user, queryId, text, database, signal }: StatementArrival): RunningStatement {
    for (const { user: other, queryId: id } of this.#running) {
      if (id !== queryId || other.name !== user.name) continue;
      const problem = `Query with id = ${queryId} is already running.`;
      throw new ClickHouseException('QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING', problem);
    }
    const killed = new AbortController();
    const onAbort = () => {
      if (signal.reason !== engineStops && !killed.signal.aborted) this.#cancelled.disconnect++;
      killed.abort(signal.reason);
    };
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
      startMs: this.#clock.monotonicMs(),
      signal: killed.signal,
      ended,
      cancel: () => {
        if (!killed.signal.aborted) this.#cancelled.kill++;
        killed.abort();
      },
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

  elapsedMs({ startMs }: RunningStatement): number {
    return this.#clock.monotonicMs() - startMs;
  }
}

/** Of a statement's text, in the list that KILL looks at. */
const listedBytesMax = 2_048;
