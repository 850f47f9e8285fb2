import { isUtf8 } from 'node:buffer';
import { quoteString } from '../../sql-text.js';
import type { ChdbEngine } from '../chdb-engine.js';
import { ClickHouseException } from '../clickhouse-exception.js';
import type { EngineUser } from '../front/engine-users.js';
import { transportSettings } from '../front/request-parameters.js';
import type { EngineOptions } from '../process/engine-protocol.js';
import { preludeOf } from '../statements/connection-prelude.js';
import { type ToldTable, toldTableNames } from '../statements/told-tables.js';
import { InsertColumns } from './insert-columns.js';
import { clusterOf, unknownCluster, withoutOwnCluster } from './own-cluster.js';
import { guardParserWork } from './parser-work.js';
import { PassedStatements } from './passed-statements.js';
import { isPreview } from './preview-shape.js';
import type { PrintedStatement } from './printed-statement.js';
import { type QualifiedName, ReaderTables, type ReaderTablesOptions } from './reader-tables.js';
import { RowFilters } from './row-filters.js';
import { type SessionStatement, sessionStatementOf } from './session-statement.js';
import { guardSettings, reachesOutside, type SettingBounds, settingRefused } from './setting-rules.js';
import { type SettingsClause, settingsClauseOf } from './settings-clause.js';
import { readerRules, type StatementRules, writerRules } from './statement-rules.js';
import { type JudgedTree, judgeTree } from './statement-tree-judge.js';
import { parseTree } from './syntax-tree.js';

export interface GuardedRequest {
  readonly user: EngineUser;
  /** The statement as it was sent. */
  readonly text: Buffer;
  /** Current database. */
  readonly database: string;
  /** `param_x` as `x`. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The file of an `INSERT … FROM INFILE` that was written or checked for this request. */
  readonly infile: string | null;
}

/** A statement that may run, and only as it is printed here. */
export interface PassedStatement {
  readonly printed: PrintedStatement;
  readonly isRead: boolean;
  readonly isInsert: boolean;
  /** It may take as long as its rows do: an INSERT, a table made of a query. */
  readonly movesRows: boolean;
  /** Columns of one table and a small LIMIT, nothing else. */
  readonly isPreview: boolean;
  /** Those it ended with, which are set beside it; null for the default, whatever the URL says. */
  readonly settings: ReadonlyMap<string, string | null>;
  /** Those it names that are made for it. */
  readonly toldTables: readonly ToldTable[];
  /** It reads what is under way and no other table. */
  readonly isWatch: boolean;
  /** SET or USE. */
  readonly change: SessionStatement | null;
  /** Entries of its `additional_table_filters`; null when it has none. */
  readonly filters: string | null;
}

/**
 * What a user of the open port may run. Nothing here reads SQL: the engine prints the statement back from its own
 * syntax tree, explains the tree of what it printed, and what it printed is what runs. So comments, quotes and escapes
 * are gone before anything is decided, and no second parser can be told another story than the first.
 *
 *     sent ── formatQuery ──▶ printed ── EXPLAIN AST ──▶ tree ── rules ──▶ printed runs, or nothing does
 *
 * Beside it stand, for a reader, `readonly = 1` and row filters on his connection. None is enough alone (measured,
 * chdb 3.4.0): under `readonly = 1` the function `file('/etc/passwd')` works, `merge()` goes round the filters, KILL
 * and INTO OUTFILE run, and `SELECT … FROM (SELECT … SETTINGS x = 1)` sets what the connection had locked.
 *
 * A check costs 6 to 7 ms of CPU, connections included, once a text; the collector's own statements do not pass here.
 */
export class StatementGuard {
  readonly #engine: ChdbEngine;
  readonly #tables: ReaderTables;
  readonly #filters: RowFilters;
  readonly #bounds: SettingBounds;
  readonly #insertColumns: InsertColumns;
  readonly #passed = new PassedStatements<PassedStatement>();

  constructor(engine: ChdbEngine, options: GuardOptions) {
    this.#engine = engine;
    this.#filters = new RowFilters(engine);
    this.#insertColumns = new InsertColumns(engine);
    this.#bounds = { values: engine.settingValues, memoryBytesMax: options.guestMemoryBytesMax };
    this.#tables = new ReaderTables(options, {
      existing: (tables) => existingTables(engine, tables),
      stored: (database) => storedTables(engine, database),
    });
  }

  /** A statement that passed before, if nothing in the request can change that. */
  remembered(request: GuardedRequest): PassedStatement | undefined {
    return request.infile === null ? this.#passed.find(keyOf(request)) : undefined;
  }

  /** Throws SYNTAX_ERROR, READONLY, ACCESS_DENIED or what the engine finds wrong. */
  async check(request: GuardedRequest): Promise<PassedStatement> {
    const { user, text, infile } = request;
    if (user.role === 'reader' && !isUtf8(text))
      throw new ClickHouseException('BAD_ARGUMENTS', 'The SQL is not valid UTF-8.');
    guardParserWork(text);
    const rules = rulesOf(user);
    const whole = await this.#engine.print(text);
    const clause = bringsSettings(whole, user) ? settingsClauseOf(whole) : null;
    const asked = clause === null ? whole : await this.#print(clause.rest);
    const adapted =
      infile === null ? withoutOwnCluster(asked) : await this.#insertColumns.named(asked, request.database);
    const printed = adapted === null ? asked : await this.#print(adapted);
    guardNames(printed, request);
    if (printed.namesOutfile) throw new ClickHouseException('ACCESS_DENIED', 'INTO OUTFILE is not allowed here.');
    if (user.role === 'writer') guardControl(printed);
    const lines = await this.#engine.explainTree(setupOf(request), printed.sql);
    const tree = parseTree(lines);
    const judged = judgeTree(tree, rules, await this.#engine.functions());
    guardParts(printed, { judged, rules, request });
    if (user.role === 'reader') await this.#tables.check(judged, request.database);
    const { statementCount } = await this.#engine.classify(printed.sql);
    if (statementCount !== 1) throw new ClickHouseException('SYNTAX_ERROR', 'Multi-statements are not allowed.');
    const preview = isPreview(tree) && printed.firstWords[1] !== 'DISTINCT';
    const { isRead, isInsert, movesRows } = judged;
    const isView = printed.firstWords.includes('VIEW') && !printed.hasWord('POPULATE');
    const change = sessionStatementOf(printed);
    if (isSessionRoot(tree.kind) && change === null) {
      throw new ClickHouseException('BAD_ARGUMENTS', 'SET takes literals for values, and USE one name.');
    }
    const settings = this.#settingsOf(clause, user);
    const filters = await this.#filtersOf(settings, request);
    const kinds = { isRead, isInsert, movesRows: movesRows && !isView, isPreview: preview };
    const toldTables = toldTableNames.filter((name) => judged.tables.includes(name));
    const isWatch = isRead && judged.tables.length > 0 && judged.tables.every((name) => name === 'system.processes');
    const passed = { printed, ...kinds, settings, toldTables, isWatch, change, filters };
    if (passed.isRead && infile === null && !printed.takesNames) this.#passed.add(keyOf(request), passed);
    return passed;
  }

  /** Settings beside a statement; see `guardSettings`. */
  checkSettings(settings: ReadonlyMap<string, string>, user: EngineUser): void {
    guardSettings(settings, user, this.#bounds);
  }

  /** Entries of a value of `additional_table_filters` that passed; see `RowFilters`. */
  async filters(value: string, { user, database }: Pick<GuardedRequest, 'user' | 'database'>): Promise<string> {
    const isLocked = user.role === 'reader';
    const tables = isLocked ? this.#tables : null;
    return await this.#filters.check({ value, database, rules: rulesOf(user), tables, isLocked });
  }

  /** Settings that the connection of this user is locked to, `filters` of his own among them. */
  async lockedSettings(user: EngineUser, filters: string): Promise<ReadonlyMap<string, string>> {
    if (user.role === 'reader') return await this.#tables.lockedSettings(user.tenant, filters);
    return filters === '' ? new Map() : new Map([[filterSetting, `{${filters}}`]]);
  }

  /** After a statement that may have changed the schema. */
  forget(): void {
    this.#passed.forget();
    this.#tables.forget();
    this.#filters.forget();
    this.#insertColumns.forget();
  }

  async #print(sql: string): Promise<PrintedStatement> {
    return await this.#engine.print(Buffer.from(sql, 'utf8'));
  }

  async #filtersOf(settings: PassedStatement['settings'], request: GuardedRequest): Promise<string | null> {
    const asked = settings.get(filterSetting);
    if (asked === undefined) return null;
    return asked === null || asked === '' ? '' : await this.filters(asked, request);
  }

  #settingsOf(clause: SettingsClause | null, user: EngineUser): ReadonlyMap<string, string | null> {
    if (clause === null) return new Map();
    // About the transport, which has begun when a statement is read; the lock is not his to lift.
    const settings = [...clause.settings].filter(([name]) => name === 'readonly' || !transportSettings.has(name));
    guardSettings(new Map(settings.map(([name, value]) => [name, value ?? ''])), user, this.#bounds);
    return new Map(settings);
  }
}

type GuardOptions = ReaderTablesOptions & Pick<EngineOptions, 'guestMemoryBytesMax'>;

const filterSetting = 'additional_table_filters';

function rulesOf({ role }: EngineUser): StatementRules {
  return role === 'writer' ? writerRules : readerRules;
}

function isSessionRoot(kind: string): boolean {
  return kind === 'Set' || kind === 'UseQuery';
}

/** Of a table or view that is made, settings stay where they are. */
function bringsSettings({ firstWords }: PrintedStatement, { role }: EngineUser): boolean {
  return role === 'reader' || ['EXPLAIN', 'INSERT', 'SELECT', 'WITH', undefined].includes(firstWords[0]);
}

function keyOf({ user, text, database }: GuardedRequest): string {
  return `${user.name}\n${database}\n${text.toString('latin1')}`;
}

/** Names are told apart in the tree by lines and blanks: none may bring its own. */
function guardNames(printed: PrintedStatement, { parameters }: GuardedRequest): void {
  const isNamed = printed.takesNames && [...parameters.values()].some((value) => /[\\\p{Cc}]/u.test(value));
  if (isNamed || printed.hasEscapedName) {
    throw new ClickHouseException('ACCESS_DENIED', 'A name with escapes or control characters is not allowed here.');
  }
}

interface Judged {
  readonly judged: JudgedTree;
  readonly rules: StatementRules;
  readonly request: GuardedRequest;
}

function guardParts(printed: PrintedStatement, { judged, rules, request }: Judged): void {
  const [first = '', second = '', third = ''] = printed.firstWords;
  if (first === 'SHOW' && !judged.isRead) return;
  if (first === 'SHOW' && !shown.has(showModifiers.has(second) ? third : second)) {
    throw new ClickHouseException('ACCESS_DENIED', `SHOW ${second} is not allowed here.`);
  }
  if (first === 'EXPLAIN' && request.user.tenant !== null && !['AST', 'SYNTAX', 'QUERY'].includes(second)) {
    // Plans count the granules of all tenants.
    throw new ClickHouseException('ACCESS_DENIED', 'EXPLAIN of a plan is not allowed to a user of one tenant.');
  }
  if (first === 'SYSTEM' && !rules.systemVerbs.has(second)) {
    throw new ClickHouseException('ACCESS_DENIED', `SYSTEM ${second} is not allowed here.`);
  }
  if (first === 'KILL' && request.user.role === 'reader' && printed.kill === null) {
    throw new ClickHouseException('READONLY', 'Cannot execute query in readonly mode.');
  }
  if (judged.infile !== null && (request.infile === null || judged.infile !== quoteString(request.infile))) {
    throw new ClickHouseException('ACCESS_DENIED', 'INFILE is only allowed for files of the spool.');
  }
  const isRefused = (name: string) => reachesOutside(name) || name === filterSetting || name === 'log_comment';
  const outside = judged.hasSettings ? printed.assignedWords.find(isRefused) : undefined;
  if (outside !== undefined) throw settingRefused(outside);
}

const shown: ReadonlySet<string> = new Set([
  'COLUMNS',
  'CREATE',
  'DATABASES',
  'ENGINES',
  'FUNCTIONS',
  'SETTING',
  'SETTINGS',
  'TABLES',
]);
const showModifiers: ReadonlySet<string> = new Set(['CHANGED', 'EXTENDED', 'FULL', 'TEMPORARY']);

/** Statements of the writer that would end the engine, hang it or silently do nothing. */
function guardControl(printed: PrintedStatement): void {
  const [first = '', second = ''] = printed.firstWords;
  // The engine has no cluster, and its own list of queries, whose ids are not those of clients.
  if (first === 'KILL' && second === 'QUERY' && printed.kill === null) {
    const cluster = clusterOf(printed);
    if (cluster !== null) throw unknownCluster(cluster);
    throw new ClickHouseException('NOT_IMPLEMENTED', 'KILL QUERY takes a condition and no cluster here.');
  }
  if (first === 'INSERT' && printed.format !== null && !printed.hasWord('INFILE')) {
    throw new ClickHouseException('NOT_IMPLEMENTED', 'INSERT … SELECT … FORMAT is not supported here.');
  }
}

/** Values of parameters stand in the tree, so the connection that makes it has them. */
function setupOf({ user, database, parameters }: GuardedRequest): string {
  return preludeOf({ database, settings: new Map(), parameters, isLocked: user.role === 'reader' });
}

async function existingTables(engine: ChdbEngine, tables: readonly QualifiedName[]): Promise<QualifiedName[]> {
  const pairs = tables.map(({ database, table }) => `(${quoteString(database)}, ${quoteString(table)})`).join(', ');
  return await engine.rows<QualifiedName>(
    `SELECT database, name AS table FROM system.tables WHERE (database, name) IN (${pairs})`,
  );
}

async function storedTables(engine: ChdbEngine, database: string) {
  const rows = await engine.rows<{ table: string; has_tenant: number }>(
    `SELECT t.name AS table, t.name IN (SELECT table FROM system.columns WHERE database = ${quoteString(database)}` +
      ` AND name = 'tenant') AS has_tenant FROM system.tables AS t` +
      ` WHERE t.database = ${quoteString(database)} AND t.engine NOT LIKE '%View'`,
  );
  return rows.map((row) => ({ table: row.table, hasTenant: row.has_tenant === 1 }));
}
