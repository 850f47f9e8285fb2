import { quoteString } from '../../sql-text.js';
import { ClickHouseException } from '../clickhouse-exception.js';

/** What is asked of the engine to tell a hidden table from a name that is none. */
export interface TableLookup {
  /** Of `tables`, those that exist. */
  existing(tables: readonly QualifiedName[]): Promise<readonly QualifiedName[]>;
  /** Tables with rows of their own in `database`, and whether they have a column `tenant`. */
  stored(database: string): Promise<readonly { readonly table: string; readonly hasTenant: boolean }[]>;
}

export interface QualifiedName {
  readonly database: string;
  readonly table: string;
}

export interface ReaderTablesOptions {
  readonly database: string;
  /** Open to readers, in `database`. */
  readonly readerTables: readonly string[];
}

/**
 * Which tables a reader may name, and which rows of them there are for him.
 *
 * The engine knows no grants. So names are decided here, from the syntax tree, and rows by the engine itself, with
 * filters that the connection of the reader is locked to (`additional_table_filters`): they hold inside of views too,
 * and pruning by the primary key goes on. A filter is no barrier by itself: conditions of the statement that the
 * engine runs before it would see rows of other tenants, and an error of theirs (`throwIf(agent_id = 'x')`) tells of
 * them. That is so with conditions moved to PREWHERE, and not without (measured with chdb 3.4.0), so for readers of
 * one tenant nothing is moved there and no filters are merged.
 */
export class ReaderTables {
  readonly #options: ReaderTablesOptions;
  readonly #lookup: TableLookup;
  readonly #open: ReadonlySet<string>;
  #storedFilters: Promise<string> | null = null;

  constructor(options: ReaderTablesOptions, lookup: TableLookup) {
    this.#options = options;
    this.#lookup = lookup;
    this.#open = new Set(options.readerTables);
  }

  /** Throws UNKNOWN_TABLE for a table that is not open, whether it exists or not, ACCESS_DENIED for a system table. */
  async check(
    { tables, tablesOrColumns }: { readonly tables: readonly string[]; readonly tablesOrColumns: readonly string[] },
    database: string,
  ): Promise<void> {
    const unclear: QualifiedName[] = [];
    for (const name of new Set(tables)) {
      const { isQualified, ...qualified } = qualify(name, database);
      if (this.#isOpen(qualified)) continue;
      if (isQualified) throw closed(qualified, database);
      // Of a WITH clause, or no table at all: only one that exists is kept from the reader.
      unclear.push(qualified);
    }
    for (const name of new Set(tablesOrColumns)) {
      const { isQualified: _, ...qualified } = qualify(name, database);
      // There the front puts no table of its own in the place of one.
      const isTold = qualified.database === 'system' && qualified.table === 'processes';
      if (isTold || !this.#isOpen(qualified)) unclear.push(qualified);
    }
    if (unclear.length === 0) return;
    const [hidden] = await this.#lookup.existing(unclear);
    if (hidden !== undefined) throw closed(hidden, database);
  }

  /** A table of ours that is open, on which a reader may have a filter of his own. Throws UNKNOWN_TABLE. */
  open(name: string, database: string): readonly [string, string] {
    const { isQualified: _, ...qualified } = qualify(name, database);
    if (qualified.database !== this.#options.database || !this.#open.has(qualified.table)) {
      throw closed(qualified, database);
    }
    return [qualified.database, qualified.table];
  }

  /**
   * Settings the reader's connection is locked to, `own` filters of his last: the engine takes the first that fits a
   * table, by an alias too.
   */
  async lockedSettings(tenant: string | null, own: string): Promise<ReadonlyMap<string, string>> {
    const system = this.#systemFilters();
    if (tenant === null) return new Map([['additional_table_filters', mapOf([system, own])]]);
    this.#storedFilters ??= this.#tenantFilters();
    const stored = (await this.#storedFilters).replaceAll(tenantPlace, quoteString(quoteString(tenant)).slice(1, -1));
    return new Map([
      ['additional_table_filters', mapOf([system, stored, own])],
      ['optimize_move_to_prewhere', '0'],
      ['query_plan_merge_filters', '0'],
      ['query_plan_optimize_prewhere', '0'],
    ]);
  }

  /** After a change of the schema. */
  forget(): void {
    this.#storedFilters = null;
  }

  #isOpen({ database, table }: QualifiedName): boolean {
    if (database === this.#options.database) return this.#open.has(table);
    if (database === 'system') return systemTables.has(table);
    return database.toLowerCase() === 'information_schema' && informationTables.has(table.toLowerCase());
  }

  /** Of the lists of databases, tables and columns only what is open. */
  #systemFilters(): string {
    const own = quoteString(this.#options.database);
    const schemas = "'information_schema', 'INFORMATION_SCHEMA'";
    const listed = (names: Iterable<string>) => [...names].map(quoteString).join(', ');
    const open = (column: string) =>
      `(database = ${own} AND ${column} IN (${listed(this.#open)})) OR database IN (${schemas})` +
      ` OR (database = 'system' AND ${column} IN (${listed(systemTables)}))`;
    return [
      filter('system.databases', `name IN (${own}, 'system', ${schemas})`),
      filter('system.tables', open('name')),
      filter('system.columns', open('table')),
      // The front tells what is his; where it did not get in between, there is nothing.
      filter('system.processes', '0'),
    ].join(',');
  }

  /** A table without the column has nothing for a reader of one tenant. */
  async #tenantFilters(): Promise<string> {
    const { database } = this.#options;
    const tables = await this.#lookup.stored(database);
    return tables
      .map(({ table, hasTenant }) => filter(`${database}.${table}`, hasTenant ? `tenant = ${tenantPlace}` : '0'))
      .join(',');
  }
}

function mapOf(parts: readonly string[]): string {
  return `{${parts.filter((part) => part !== '').join(',')}}`;
}

/** An entry of the map literal that `additional_table_filters` is. */
function filter(table: string, condition: string): string {
  return `${quoteString(table)}:${quoteString(condition)}`;
}

/** Stands for the tenant, quoted twice, in text that is kept for all of them. */
const tenantPlace = '\u0001tenant\u0001';

function qualify(name: string, current: string): QualifiedName & { readonly isQualified: boolean } {
  const dot = name.indexOf('.');
  if (dot === -1) return { database: current, table: name, isQualified: false };
  return { database: name.slice(0, dot), table: name.slice(dot + 1), isQualified: true };
}

function closed({ database, table }: QualifiedName, current: string): ClickHouseException {
  const name = database === current ? table : `${database}.${table}`;
  if (database === 'system' || database.toLowerCase() === 'information_schema') {
    return new ClickHouseException('ACCESS_DENIED', `The table ${name.slice(0, 200)} is not open to a read-only user.`);
  }
  return new ClickHouseException('UNKNOWN_TABLE', `Unknown table expression identifier '${name.slice(0, 200)}'.`);
}

/** What clients ask for at their start or to complete a name; nothing of paths, of other users and their statements. */
const systemTables: ReadonlySet<string> = new Set([
  'aggregate_function_combinators',
  'collations',
  'columns',
  'contributors',
  'data_type_families',
  'databases',
  'formats',
  'functions',
  'keywords',
  'licenses',
  'numbers',
  'numbers_mt',
  'one',
  'processes',
  'query_log',
  'settings',
  'table_engines',
  'table_functions',
  'tables',
  'time_zones',
  'zeros',
  'zeros_mt',
]);

const informationTables: ReadonlySet<string> = new Set([
  'character_sets',
  'collations',
  'columns',
  'engines',
  'key_column_usage',
  'referential_constraints',
  'schemata',
  'tables',
  'views',
]);
