import { invariant } from '../../core/invariant.js';
import { durableTableSettings } from '../embedded/engine-config.js';
import type { MigrationFile } from '../migration-file.js';
import { onceAKey } from './distinct-reads.js';
import { type ClusterTarget, localDatabaseOf, type SchemaTarget } from './schema-target.js';
import { type NestedToken, nestedTokens, qualifyTables, replaceTokens } from './statement-tokens.js';
import { parseTable, type SchemaCatalog, schemaCatalog, type TableDefinition } from './table-definition.js';

/** Renders the statements of migrations for a kind of server. One source, so the kinds cannot drift apart. */
export interface SchemaRenderer {
  readonly target: SchemaTarget;
  render(statement: string): readonly string[];
}

export function createSchemaRenderer(files: readonly MigrationFile[], target: SchemaTarget): SchemaRenderer {
  if (target.kind === 'cluster') {
    const catalog = schemaCatalog(files);
    return { target, render: (statement) => clusterStatements(statement, target, catalog) };
  }
  const render = { embedded: (statement: string) => statement, server: withDurableMerges, cloud: asShared }[
    target.kind
  ];
  return {
    target,
    render: (statement) => [statement.startsWith('CREATE TABLE') ? render(statement) : statement],
  };
}

/** With the statements of both ways rendered; the checksum stays that of the file. */
export function renderMigration(file: MigrationFile, { render }: SchemaRenderer): MigrationFile {
  return { ...file, up: file.up.flatMap(render), down: file.down.flatMap(render) };
}

/** Statements that make what the migrations lie in, in order. */
export function databaseStatements(target: SchemaTarget, database: string): string[] {
  if (target.kind !== 'cluster') return [`CREATE DATABASE IF NOT EXISTS ${database}`];
  const onCluster = onClusterOf(target);
  return [database, localDatabaseOf(target)].map((name) => `CREATE DATABASE IF NOT EXISTS ${name}${onCluster}`);
}

/** How long a shard remembers tokens at most; the default of recent servers is an hour. */
const tokenSeconds = 7 * 86_400;

// ── engines and their settings ──────────────────────────────────────────────────────────────────────────────

interface EngineClause {
  readonly tokens: readonly NestedToken[];
  readonly engine: NestedToken;
  /** The last token of the engine: its name, or the bracket behind its arguments. */
  readonly engineEnd: NestedToken;
}

function engineClause(statement: string): EngineClause {
  const tokens = nestedTokens(statement);
  const at = tokens.findIndex(({ depth, text }) => depth === 0 && text === 'ENGINE');
  const engine = tokens[at + 2];
  invariant(at >= 0 && engine !== undefined, `a table without an engine: ${statement.slice(0, 60)}`);
  const hasArguments = tokens[at + 3]?.text === '(';
  const close = tokens.find(({ depth, text, start }) => depth === 0 && text === ')' && start > engine.start);
  return { tokens, engine, engineEnd: hasArguments && close !== undefined ? close : engine };
}

/** `SETTINGS a = 1, b = 2` is the last clause of a table but for its COMMENT. */
function changeSettings(statement: string, change: (settings: Map<string, string>) => void): string {
  const behind = nestedTokens(statement).filter(({ depth }) => depth === 0);
  const comment = behind.find(({ text }) => text === 'COMMENT');
  const clause = behind.find(({ text }) => text === 'SETTINGS');
  const end = comment?.start ?? statement.length;
  const start = clause?.start ?? end;
  const settings = new Map<string, string>();
  for (const [at, token] of behind.entries()) {
    if (clause === undefined || token.text !== '=' || token.start < clause.start || token.start > end) continue;
    settings.set(behind[at - 1]?.text ?? '', behind[at + 1]?.text ?? '');
  }
  change(settings);
  const written = [...settings].map(([name, value]) => `${name} = ${value}`).join(', ');
  const before = statement.slice(0, start).trimEnd();
  const parts = [before, ...(written === '' ? [] : [`SETTINGS ${written}`]), statement.slice(end)];
  return parts.filter((part) => part !== '').join('\n');
}

/** The embedded engine has these as its defaults; a server has others. */
function withDurableMerges(statement: string): string {
  return changeSettings(statement, (settings) => {
    for (const [name, value] of Object.entries(durableTableSettings)) {
      if (!settings.has(name)) settings.set(name, String(value));
    }
  });
}

function asShared(statement: string): string {
  const { engine } = engineClause(statement);
  const shared = replaceTokens(statement, new Map([[engine, `Shared${engine.text}`]]));
  return changeSettings(withTokens(shared), (settings) => {
    for (const name of Object.keys(durableTableSettings)) settings.delete(name);
  });
}

/** Where replicas, or whoever shares the parts, remember the tokens of inserts together. */
function withTokens(statement: string): string {
  return changeSettings(statement, (settings) => {
    const window = settings.get(windowSetting);
    if (window === undefined) return;
    settings.delete(windowSetting);
    settings.set('replicated_deduplication_window', window);
    settings.set('replicated_deduplication_window_seconds', String(tokenSeconds));
  });
}

const windowSetting = 'non_replicated_deduplication_window';

// ── cluster ─────────────────────────────────────────────────────────────────────────────────────────────────

const forms = [
  { pattern: /^CREATE TABLE IF NOT EXISTS \w+/, render: createTable },
  { pattern: /^CREATE (?:OR REPLACE )?(?:MATERIALIZED )?VIEW (?:IF NOT EXISTS )?\w+/, render: createView },
  { pattern: /^DROP (?:TABLE|VIEW) (?:IF EXISTS )?\w+/, render: drop },
  { pattern: /^ALTER TABLE \w+/, render: alter },
  { pattern: /^INSERT INTO \w+/, render: insert },
] as const;

function clusterStatements(statement: string, target: ClusterTarget, catalog: SchemaCatalog): readonly string[] {
  for (const { pattern, render } of forms) {
    const head = pattern.exec(statement)?.[0];
    if (head === undefined) continue;
    const name = /\w+$/.exec(head)?.[0] ?? '';
    return render(
      { statement, head: head.slice(0, -name.length), name, rest: statement.slice(head.length) },
      target,
      catalog,
    );
  }
  invariant(false, `cannot render for a cluster: ${statement.slice(0, 80)}`);
}

interface Headed {
  readonly statement: string;
  /** Before the name. */
  readonly head: string;
  readonly name: string;
  /** Behind it. */
  readonly rest: string;
}

function createTable({ statement, name }: Headed, target: ClusterTarget, catalog: SchemaCatalog): string[] {
  const { isSharded } = catalog.tables.get(name) ?? { isSharded: false };
  if (!isSharded) return [replicatedTable(parseTable(statement, false), target)];
  const local = localDatabaseOf(target);
  return [
    replicatedTable(parseTable(statement, true), target),
    `CREATE TABLE IF NOT EXISTS ${target.database}.${name}${onClusterOf(target)} AS ${local}.${name}\n` +
      `ENGINE = Distributed('${target.cluster}', '${local}', '${name}')`,
  ];
}

/**
 * A sharded table has a path for each shard. A ledger is one table of all shards: its path has no shard in it, and
 * the name of a replica is its shard's and its own.
 */
function replicatedTable(table: TableDefinition, target: ClusterTarget, name = table.name): string {
  const database = table.isSharded ? localDatabaseOf(target) : target.database;
  const { tokens, engine, engineEnd } = engineClause(table.statement);
  const { family, argument } = table.engine;
  const [shard, replica] = table.isSharded ? ['{shard}', '{replica}'] : ['all', '{shard}-{replica}'];
  const place = `'/clickhouse/tables/${shard}/${database}/${name}', '${replica}'`;
  const nameToken = tokens.find(({ text }) => text === table.name);
  invariant(nameToken !== undefined, `table ${table.name} is not named in its statement`);
  const replacements = new Map([
    [nameToken, `${database}.${name}${onClusterOf(target)}`],
    [engine, `Replicated${family}(${place}${argument === null ? '' : `, ${argument}`})`],
  ]);
  if (engineEnd !== engine) {
    for (const token of tokens)
      if (token.start > engine.start && token.start <= engineEnd.start) replacements.set(token, '');
  }
  return withTokens(replaceTokens(table.statement, replacements));
}

function createView({ head, name, rest }: Headed, target: ClusterTarget, catalog: SchemaCatalog): string[] {
  const isLocal = head.includes('MATERIALIZED');
  const database = isLocal ? localDatabaseOf(target) : target.database;
  const query = isLocal ? rest : onceAKey(rest, catalog.tables);
  const qualified = qualifyTables(query, (table) => (isKnown(catalog, table) ? database : null));
  return [`${head}${database}.${name}${onClusterOf(target)}${qualified}`];
}

function drop({ head, name, rest }: Headed, target: ClusterTarget, catalog: SchemaCatalog): string[] {
  const from = (database: string) => `${head}${database}.${name}${onClusterOf(target)}${rest} SYNC`;
  if (catalog.materializedViews.has(name)) return [from(localDatabaseOf(target))];
  if (catalog.tables.get(name)?.isSharded !== true) return [from(target.database)];
  return [from(target.database), from(localDatabaseOf(target))];
}

/** Of a ledger one replica does it for all. What concerns columns concerns the Distributed table too. */
function alter({ head, name, rest }: Headed, target: ClusterTarget, catalog: SchemaCatalog): string[] {
  const local = localDatabaseOf(target);
  const isView = catalog.materializedViews.has(name);
  if (!isView && catalog.tables.get(name)?.isSharded !== true) return [`${head}${target.database}.${name}${rest}`];
  const action = qualifyTables(rest, (table) => (isKnown(catalog, table) ? local : null));
  const shards = `${head}${local}.${name}${onClusterOf(target)}${action}`;
  const isOfColumns = !isView && / COLUMN /.test(rest);
  return isOfColumns ? [shards, `${head}${target.database}.${name}${onClusterOf(target)}${action}`] : [shards];
}

/** Of all rows there are, into one shard. */
function insert({ head, name, rest }: Headed, target: ClusterTarget, catalog: SchemaCatalog): string[] {
  const query = qualifyTables(onceAKey(rest, catalog.tables), (table) =>
    isKnown(catalog, table) ? target.database : null,
  );
  return [`${head}${target.database}.${name}${query}`];
}

function isKnown({ tables, views, materializedViews }: SchemaCatalog, name: string): boolean {
  return tables.has(name) || views.has(name) || materializedViews.has(name);
}

export function onClusterOf({ cluster }: Pick<ClusterTarget, 'cluster'>): string {
  return ` ON CLUSTER '${cluster}'`;
}
