import { availableParallelism } from 'node:os';
import { quoteString } from '../../sql-text.js';
import type { ChdbEngine } from '../chdb-engine.js';
import { ClickHouseException } from '../clickhouse-exception.js';
import type { EngineUser } from '../front/engine-users.js';
import { formatAskedFor, type RequestParameters, transportSettings } from '../front/request-parameters.js';
import type { PrintedStatement } from '../guard/printed-statement.js';
import type { SessionStatement } from '../guard/session-statement.js';
import { readerSettingCondition } from '../guard/setting-rules.js';
import { StatementGuard } from '../guard/statement-guard.js';
import type { EngineOptions } from '../process/engine-protocol.js';
import { preludeOf } from './connection-prelude.js';
import { externalTables } from './external-tables.js';
import { type Delivery, noHolding, type PreparedStatement, usualHolding } from './prepared-statement.js';
import { RequestLane } from './request-lane.js';
import { keepSettings } from './session-requests.js';
import { StatementConnections } from './statement-connections.js';
import { createLanes, guestInsertsMax, type StatementLanes } from './statement-lanes.js';
import type { StatementRequest } from './statement-request.js';
import {
  asServer,
  guestLimits,
  guestNiceness,
  guestWriteLimits,
  limitedSettings,
  noAsyncInsert,
  previewSettings,
  priorities,
  promptProgress,
} from './statement-settings.js';
import { toldTables } from './told-tables.js';

/**
 * Statements of everybody else, from the open port: each passes the guard, and runs as the guard had it printed, under
 * limits that no statement lifts and in lanes of their own.
 */
export class GuestStatements {
  readonly lanes: StatementLanes;
  readonly connections: StatementConnections;
  readonly #engine: ChdbEngine;
  readonly #options: EngineOptions;
  readonly #guard: StatementGuard;
  readonly #checks: RequestLane;

  constructor(engine: ChdbEngine, options: EngineOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#guard = new StatementGuard(engine, options);
    const { guestReadsMax: readsMax, guestStreamsMax: streamsMax, waitingRequestsMax: waitingMax } = options;
    this.connections = new StatementConnections(engine, connectionsWaitingMax);
    this.lanes = createLanes({ readsMax, streamsMax, insertsMax: guestInsertsMax, waitingMax });
    this.#checks = new RequestLane({ name: 'statements to check', width: guestChecksMax, waitingMax });
  }

  /** `infile`: the file that an INSERT reads, written or checked for this request. */
  async prepare(request: StatementRequest, text: Buffer, infile: string | null): Promise<PreparedStatement> {
    const { user, parameters, signal } = request;
    const database = this.databaseOf(request);
    const guarded = { user, text, database, infile, parameters: parameters.parameters };
    const passed =
      this.#guard.remembered(guarded) ?? (await this.#checks.run(signal, () => this.#guard.check(guarded)));
    const { printed, isRead, isInsert, movesRows, isPreview } = passed;
    const { kill } = printed;
    // What KILL means is asked of the engine, by reads.
    const reads = isRead || kill !== null;
    const asked = formatAskedFor(parameters);
    const named = printed.format ?? asked;
    const delivery = isRead ? deliveryOf(printed, parameters) : 'whole';
    const own = settingsOf(parameters.settings, passed.settings);
    // The writer may ask for as many threads as there are processors; who asks for none has those of a reader.
    const threads = user.role === 'writer' && Number(own.get('max_threads')) > 0 ? availableParallelism() : 0;
    const limits = reads ? guestLimits(this.#options, delivery, threads) : guestWriteLimits(this.#options);
    const filters = passed.filters ?? (await this.#filtersOf(request, database));
    const locked = await this.#guard.lockedSettings(user, filters);
    const settings = limitedSettings(own, limits);
    const tables = await externalTables(this.#engine, request.external);
    const { lanes } = this;
    const writes = movesRows ? lanes.inserts : lanes.changes;
    return {
      sql: (outfile) =>
        printed.toRun({
          queryId: isRead || isInsert ? quoteString(request.queryId) : null,
          tables: user.role === 'reader' ? readerTables : toldTables,
          outfile: outfile === null ? null : { path: quoteString(outfile), format: asked },
        }),
      format: { named, asked },
      isRead,
      isInsert,
      delivery,
      holding: tellsProgress(named) ? noHolding : usualHolding,
      setup: {
        database,
        settings: new Map([
          asServer,
          ...(tellsProgress(named) ? [promptProgress] : []),
          ...(isPreview ? previewSettings : []),
          ...settings,
          ...locked,
          ['priority', priorities.guests],
          guestNiceness,
          ...(reads ? [] : [noAsyncInsert]),
        ]),
        parameters: parameters.parameters,
        tables,
        isLocked: user.role === 'reader',
        keptFor: isRead ? user.name : null,
      },
      lanes,
      connections: this.connections,
      // What takes all places can be seen, and ended.
      lane: kill !== null || passed.isWatch ? lanes.kills : isRead ? lanes.reads : writes,
      kill,
      toldTables: passed.toldTables,
      change: passed.change,
      makesTemporary: printed.firstWords[0] === 'CREATE' && printed.firstWords.includes('TEMPORARY'),
      isCancellable: true,
    };
  }

  /** Throws for a setting beside a statement that is not this user's. */
  checkSettings(settings: ReadonlyMap<string, string>, user: EngineUser): void {
    this.#guard.checkSettings(settings, user);
  }

  /** What SET or USE changes. Throws for a setting that is not this user's, and for a database that is not there. */
  async change(change: SessionStatement, { user, parameters, session }: StatementRequest): Promise<void> {
    if (change.kind === 'set') {
      const isOurs = (name: string) => name !== 'readonly' && transportSettings.has(name);
      const settings = [...change.settings].filter(([name]) => !name.startsWith('param_') && !isOurs(name));
      this.checkSettings(new Map(settings.map(([name, value]) => [name, value ?? ''])), user);
      if (session) keepSettings(session, change);
      return;
    }
    const database = this.databaseOf({ user, parameters: { ...parameters, database: change.database } });
    const setup = { database, settings: new Map(), parameters: new Map(), isLocked: true };
    await this.#engine.run(preludeOf(setup), 'SELECT 1', 'Null');
    if (session) session.database = database;
  }

  async #filtersOf({ user, parameters, signal }: StatementRequest, database: string): Promise<string> {
    const value = parameters.settings.get('additional_table_filters') ?? '';
    if (value === '') return '';
    return await this.#checks.run(signal, () => this.#guard.filters(value, { user, database }));
  }

  /** After a statement that may have changed the schema. */
  forget(): void {
    this.#guard.forget();
    this.connections.forget();
  }

  /** `default` is the database of whoever names none, on a server as here. */
  databaseOf({ user, parameters }: Pick<StatementRequest, 'user' | 'parameters'>): string {
    const own = this.#options.database;
    const asked = parameters.database ?? '';
    if (asked === '' || asked === 'default' || asked === own) return own;
    if (user.role === 'writer' || asked === 'system' || asked.toLowerCase() === 'information_schema') return asked;
    throw new ClickHouseException('UNKNOWN_DATABASE', `Database ${asked.slice(0, 64)} does not exist.`);
  }
}

/** Those of the statement go before those beside it. The filters are set with the front's own. */
function settingsOf(
  beside: ReadonlyMap<string, string>,
  within: ReadonlyMap<string, string | null>,
): ReadonlyMap<string, string> {
  const settings = new Map(beside);
  for (const [name, value] of within) {
    if (value === null) settings.delete(name);
    else settings.set(name, value);
  }
  settings.delete('additional_table_filters');
  return settings;
}

/** Under the lock of a reader's connection the engine says of all settings that they are not to be changed. */
const notReaders = `toUInt8(NOT ${readerSettingCondition()})`;
const readerTables: ReadonlyMap<string, string> = new Map([
  ...toldTables,
  ['system.settings', `(SELECT * REPLACE (${notReaders} AS readonly) FROM system.settings)`],
]);

/** As on a server: sent while it is made if it is large, unless the client wants to know first that nothing failed. */
function deliveryOf(printed: PrintedStatement, { waitsForEnd }: RequestParameters): Delivery {
  // It takes a clause about its result for one of the statement it explains.
  if (/^EXPLAIN AST\b/.test(printed.firstWords.join(' '))) return 'whole';
  return waitsForEnd === null ? 'growing' : waitsForEnd ? 'held' : 'streamed';
}

/** `JSONEachRowWithProgress` and its like. */
function tellsProgress(format: string): boolean {
  return /WithProgress$/i.test(format);
}

/** Of all readers; a dashboard's statements differ in their text, not in how a connection is set up. */
const connectionsWaitingMax = 8;
/** A check costs 6 to 7 ms of CPU (`bench/micro/guard.ts`). */
const guestChecksMax = 2;
