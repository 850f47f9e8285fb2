import type { KeptConnectionOutcome, KeptConnections } from '../../../core/instruments.js';
import type { ChdbEngine, ChdbResult, EngineConnection } from '../chdb-engine.js';
import { type ConnectionSetup, parametersOf, preludeOf } from './connection-prelude.js';

/** The connection of one statement, which runs once on it. */
export interface StatementConnection {
  /**
   * Names the statement among the running ones, as the end of its `log_comment`; chDB takes no query id, and the text
   * of a query with parameters is written anew by the engine, without its comments.
   */
  readonly tag: string;
  run(sql: string, format: string): Promise<ChdbResult>;
  /** Somebody is about to cancel what has its tag: nothing else may have it later. False when it has ended. */
  spoil(): boolean;
}

/**
 * Gives each statement a connection. One that is not told to be kept is opened, set up and closed for its statement:
 * 0.4 ms of CPU, as much as the engine then takes for a `SELECT 1` (`bench/micro/statements.ts`).
 *
 * A kept one waits, open, for a statement that would have it set up in the same way: who asks, the database, every
 * setting and its value, and the names of the parameters, of which those that differ are set anew. Nothing of one
 * statement reaches the next by it, because it is locked by `readonly = 1` before the first: under that the engine
 * changes no setting and makes no temporary table, and what a statement sets for itself ends with it. It is closed, and
 * not used again, when a statement on it fails or is to be cancelled, when there is no room for it, and after
 * `forget`. While it waits it holds neither parts nor tables, and some 100 KiB; the engine counts 2.2 MB for it, of
 * buffers that it never touches.
 */
export class StatementConnections {
  readonly #engine: ChdbEngine;
  readonly #waitingMax: number;
  /** The one that came last is at the end. */
  readonly #waiting: KeptConnection[] = [];
  readonly #counts: Record<KeptConnectionOutcome, number> = { reused: 0, opened: 0, crowded_out: 0 };
  #serial = 0;
  /** Counts what makes all those of before useless. */
  #age = 0;
  #isClosed = false;

  constructor(engine: ChdbEngine, waitingMax: number) {
    this.#engine = engine;
    this.#waitingMax = waitingMax;
  }

  get kept(): KeptConnections {
    return { ...this.#counts, waiting: this.#waiting.length };
  }

  /** `connection`: of a session, which has its own; null for one of the statement. */
  take(setup: ConnectionSetup, connection: EngineConnection | null): StatementConnection {
    if (connection === null && isKept(setup)) return this.#kept(setup);
    const tag = this.#tag();
    const runs = connection ?? this.#engine;
    return {
      tag,
      run: (sql, format) => runs.run(preludeOf(tagged(setup, tag)), sql, format),
      spoil: () => true,
    };
  }

  /** After a statement that may have changed the schema: a connection may be in a database that is gone. */
  forget(): void {
    this.#age++;
    for (const { connection } of this.#waiting.splice(0)) void connection.close();
  }

  /** Those that wait are closed, and none is kept any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#waiting.splice(0).map(({ connection }) => connection.close()));
  }

  #kept(setup: ConnectionSetup): StatementConnection {
    const key = keyOf(setup);
    const age = this.#age;
    const at = this.#waiting.findLastIndex((one) => one.key === key);
    const [found] = at === -1 ? [] : this.#waiting.splice(at, 1);
    const tag = found?.tag ?? this.#tag();
    const connection = found?.connection ?? this.#engine.connect();
    this.#counts[found === undefined ? 'opened' : 'reused']++;
    let isSpoiled = false;
    let hasEnded = false;
    const give = () => {
      hasEnded = true;
      if (isSpoiled || this.#isClosed || age !== this.#age) void connection.close();
      else this.#keep({ key, tag, connection, parameters: setup.parameters });
    };
    return {
      tag,
      async run(sql, format) {
        try {
          const result = await (found === undefined
            ? connection.run(preludeOf(tagged(setup, tag)), sql, format)
            : runAgain(found, setup, { sql, format }));
          give();
          return result;
        } catch (error) {
          void connection.close();
          throw error;
        }
      },
      spoil: () => {
        isSpoiled = true;
        return !hasEnded;
      },
    };
  }

  #keep(kept: KeptConnection): void {
    this.#waiting.push(kept);
    if (this.#waiting.length <= this.#waitingMax) return;
    this.#counts.crowded_out++;
    void this.#waiting.shift()?.connection.close();
  }

  #tag(): string {
    return ` tidemark:${++this.#serial}`;
  }
}

interface KeptConnection {
  readonly key: string;
  readonly tag: string;
  readonly connection: EngineConnection;
  /** As they are set on it. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** In one call of the engine, which takes several statements: a call of its own for `SET` costs 0.04 ms. */
async function runAgain(
  { connection, parameters: before }: KeptConnection,
  { parameters }: ConnectionSetup,
  { sql, format }: { readonly sql: string; readonly format: string },
): Promise<ChdbResult> {
  const changed = parametersOf([...parameters].filter(([name, value]) => before.get(name) !== value));
  return await connection.run('', changed === '' ? sql : `${changed};\n${sql}`, format);
}

function isKept({ keptFor, isLocked, tables = [], resets = [], parameters }: ConnectionSetup): boolean {
  if (keptFor === null || !isLocked || tables.length > 0 || resets.length > 0) return false;
  let characters = 0;
  for (const value of parameters.values()) characters += value.length;
  return characters <= parameterCharactersMax;
}

function keyOf({ keptFor, database, settings, parameters }: ConnectionSetup): string {
  return JSON.stringify([keptFor, database, [...settings], [...parameters.keys()].sort()]);
}

function tagged(setup: ConnectionSetup, tag: string): ConnectionSetup {
  const settings = new Map(setup.settings);
  settings.set('log_comment', `${settings.get('log_comment') ?? ''}${tag}`);
  return { ...setup, settings };
}

/** Of the values that a connection which waits holds; the engine takes no `SET` of more than 256 KiB by default. */
const parameterCharactersMax = 32_768;
