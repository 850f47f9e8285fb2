import type { Clock, Timer } from '../../../core/clock.js';
import type { ChdbEngine, EngineConnection } from '../chdb-engine.js';
import { ClickHouseException } from '../clickhouse-exception.js';
import type { EngineUser } from '../front/engine-users.js';
import type { SessionParameters } from '../front/session-parameters.js';

/** What a client has set and made, from one request to the next that names it. One request at a time is in it. */
export interface ClientSession {
  /** Of `SET`, beneath those of a request. */
  readonly settings: Map<string, string>;
  /** Of `SET param_x`, as `x`. */
  readonly parameters: Map<string, string>;
  /** Of `USE`. */
  database: string | null;
  /** Of one that has temporary tables: they live as long as the connection that made them. */
  connection: EngineConnection | null;
  /** What was set on that connection, to be undone for the next request. */
  readonly onConnection: Set<string>;
}

interface HeldSession extends ClientSession {
  readonly key: string;
  readonly userName: string;
  isBusy: boolean;
  expiry: Timer;
}

interface SessionDeps {
  readonly engine: ChdbEngine;
  readonly clock: Clock;
  readonly onSessionForgotten: () => void;
}

interface SessionLimits {
  /** Of one user; the one that has been idle for the longest goes. */
  readonly userSessionsMax: number;
  /** With temporary tables, of all. */
  readonly connectionsMax: number;
}

/**
 * Sessions of the open port (`session_id`), a user's own. A server keeps a context for each; here they are what the
 * front sets anew on the connection of every request, and only temporary tables need a connection that is kept.
 */
export class ClientSessions {
  readonly #engine: ChdbEngine;
  readonly #clock: Clock;
  readonly #limits: SessionLimits;
  readonly #onForgotten: () => void;
  /** In the order of their last use. */
  readonly #sessions = new Map<string, HeldSession>();

  constructor({ engine, clock, onSessionForgotten }: SessionDeps, limits: SessionLimits) {
    this.#engine = engine;
    this.#onForgotten = onSessionForgotten;
    this.#clock = clock;
    this.#limits = limits;
  }

  get count(): number {
    return this.#sessions.size;
  }

  /**
   * Runs `task` in the session. Throws SESSION_IS_LOCKED when another request is in it, SESSION_NOT_FOUND when it
   * should be there (`session_check=1`) and is not.
   */
  async within<T>(
    user: EngineUser,
    asked: SessionParameters,
    task: (session: ClientSession) => Promise<T>,
  ): Promise<T> {
    const session = this.#enter(user, asked);
    try {
      return await task(session);
    } finally {
      session.isBusy = false;
      // A timer of no time could still let another request in.
      if (asked.closes || asked.timeoutMs === 0) await this.#forget(session);
      else this.#rest(session, asked.timeoutMs);
    }
  }

  /** For a temporary table. Throws TOO_MANY_SIMULTANEOUS_QUERIES when too many sessions have some. */
  keepConnection(session: ClientSession): EngineConnection {
    if (session.connection !== null) return session.connection;
    const kept = [...this.#sessions.values()].filter(({ connection }) => connection !== null);
    if (kept.length >= this.#limits.connectionsMax) {
      const problem = `Too many sessions with temporary tables. Maximum: ${this.#limits.connectionsMax}.`;
      throw new ClickHouseException('TOO_MANY_SIMULTANEOUS_QUERIES', problem);
    }
    session.connection = this.#engine.connect();
    return session.connection;
  }

  /** Its temporary tables are gone. */
  async dropConnection(session: ClientSession): Promise<void> {
    const { connection } = session;
    session.connection = null;
    session.onConnection.clear();
    await connection?.close();
  }

  /** All of them, when the engine ends. */
  async close(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((session) => this.#forget(session)));
  }

  #enter(user: EngineUser, { id, isChecked }: SessionParameters): HeldSession {
    const key = JSON.stringify([user.name, id]);
    const found = this.#sessions.get(key);
    if (found?.isBusy === true)
      throw new ClickHouseException('SESSION_IS_LOCKED', `Session ${id} is locked by a concurrent client.`);
    if (found === undefined && isChecked)
      throw new ClickHouseException('SESSION_NOT_FOUND', `Session ${id} not found.`);
    const session = found ?? this.#begin(key, user.name);
    session.expiry.cancel();
    session.isBusy = true;
    // Set anew, it is the last.
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    return session;
  }

  #begin(key: string, userName: string): HeldSession {
    const own = [...this.#sessions.values()].filter((one) => one.userName === userName);
    if (own.length >= this.#limits.userSessionsMax) {
      const idle = own.find(({ isBusy }) => !isBusy);
      if (idle === undefined) {
        const problem = `Too many sessions. Maximum: ${this.#limits.userSessionsMax}.`;
        throw new ClickHouseException('TOO_MANY_SIMULTANEOUS_QUERIES', problem);
      }
      this.#onForgotten();
      void this.#forget(idle);
    }
    return {
      key,
      userName,
      settings: new Map(),
      parameters: new Map(),
      database: null,
      connection: null,
      onConnection: new Set(),
      isBusy: false,
      expiry: { cancel: () => undefined },
    };
  }

  #rest(session: HeldSession, timeoutMs: number): void {
    if (this.#sessions.get(session.key) !== session) return;
    session.expiry = this.#clock.setTimer(timeoutMs, () => void this.#forget(session));
  }

  async #forget(session: HeldSession): Promise<void> {
    session.expiry.cancel();
    if (this.#sessions.get(session.key) === session) this.#sessions.delete(session.key);
    await this.dropConnection(session);
  }
}
