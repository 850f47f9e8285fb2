import { createRequire } from 'node:module';
import { ClickHouseException } from './clickhouse-exception.js';
import { FunctionCatalog } from './guard/function-catalog.js';
import { escapeLiteralBytes } from './guard/literal-bytes.js';
import { PrintedStatement, type PrintedToken } from './guard/printed-statement.js';
import { maySetNiceness, mergeNiceness } from './process/thread-niceness.js';
import { withoutStackTrace as noTrace } from './statements/connection-prelude.js';

/**
 * chDB in this process: one data directory, any number of connections to it. The only importer of `chdb`.
 *
 * The native addon is used directly, as `chdb/durable` does. What it adds over the Session class: the engine's
 * own classifier, and a connection can be closed as soon as its own query is done, where a Session waits for
 * every query of the process. Measured with chdb 3.4.0 on two cores: a connection costs 0.22 ms to open, set
 * and close, 1,500 of them left no memory behind, and under a heavy insert no open took longer than 0.3 ms;
 * so every request gets its own, and no setting, parameter or current database can leak into the next.
 *
 * Never close a connection with a query under way: the engine aborts. `close()` therefore waits for all.
 */
export interface ChdbEngine {
  readonly version: string;
  readonly timezone: string;
  readonly displayName: string;
  /**
   * Read when a guest's statement asks for it first (see `readFunctions`), and remembered. Rejects as a statement does.
   */
  functions(): Promise<FunctionCatalog>;
  /** Of `system.settings`, other names of them included: what each is when nobody sets it. */
  readonly settingValues: ReadonlyMap<string, string>;
  /** The Content-Type of each output format, by its name in small letters. */
  readonly contentTypes: ReadonlyMap<string, string>;
  /** Runs `sql` on a new connection after `prelude` (statements joined by semicolons; may be empty). */
  run(prelude: string, sql: string, format: string): Promise<ChdbResult>;
  /** A connection that is kept, with its settings and temporary tables; statements on it run one after another. */
  connect(): EngineConnection;
  /** The engine's parser on one or more statements, about 0.05 ms. Runs nothing. */
  classify(sql: string): Promise<Classification>;
  /** One statement as the engine prints it from its syntax tree, 1.4 ms of CPU. Throws what its parser finds wrong. */
  print(sql: Buffer): Promise<PrintedStatement>;
  /** The lines of `EXPLAIN AST`, for a statement that `print` returned, on a connection set up by `prelude`. */
  explainTree(prelude: string, printed: string): Promise<string[]>;
  /** Rows of a query of the engine's own. */
  rows<Row>(sql: string): Promise<Row[]>;
  /** Asks the running query whose setting `log_comment` ends with `ending` to stop. Does not wait for it. */
  cancel(ending: string): Promise<void>;
  /** How far the running query is whose setting `log_comment` ends with `ending`; null when there is none. */
  progress(ending: string): Promise<StatementProgress | null>;
  /** Waits for what is under way, then releases the data directory. */
  close(): Promise<void>;
}

/** As the engine counts while a statement runs; what it has read and written in the end it tells nobody. */
export interface StatementProgress {
  readonly readRows: number;
  readonly readBytes: number;
  readonly writtenRows: number;
  readonly writtenBytes: number;
  /** As far as it can be known before; 0 when it cannot. */
  readonly totalRowsToRead: number;
  readonly elapsedNs: number;
  readonly memoryBytes: number;
}

export interface EngineConnection {
  run(prelude: string, sql: string, format: string): Promise<ChdbResult>;
  /** Waits for what is under way. */
  close(): Promise<void>;
}

export interface ChdbResult {
  readonly bytes: Uint8Array;
  /** Rows of the result, or rows read from the file by an INSERT … FROM INFILE. */
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly elapsed: number;
}

export interface ChdbOptions {
  readonly directory: string;
  readonly database: string;
  readonly memoryBytesMax: number;
  /** Of `writeEngineConfig`; without it tables have chDB's own defaults, under which a power cut loses rows. */
  readonly configPath?: string;
  /** Statements to run before anything else; default none. */
  readonly preparation?: readonly string[];
}

/** Opens the data directory. Throws when another process holds it. */
export async function openChdbEngine(options: ChdbOptions): Promise<ChdbEngine> {
  const addon = loadEngineLibrary();
  const control = openControl(addon, options);
  const running = new Set<Promise<unknown>>();
  const track: Track = (promise) => trackIn(running, promise);
  async function text(sql: string): Promise<string> {
    const { bytes } = await track(addon.QueryAsyncConnection(control, sql, 'TabSeparated'));
    return Buffer.from(bytes).toString('utf8').trim();
  }

  for (const sql of options.preparation ?? []) await text(sql);
  await prepareDatabases(text, options.database);
  const told = await text('SELECT version(), timezone(), displayName()');
  const [version = '', timezone = '', displayName = ''] = told.split('\t');
  async function rows<Row>(sql: string): Promise<Row[]> {
    const { bytes } = await track(addon.QueryAsyncConnection(control, sql, 'JSONEachRow'));
    return parseLines(bytes);
  }
  const functions = readOnce(() => readFunctions(rows));
  const settingValues = await readSettingValues(rows);
  const contentTypes = await readContentTypes(rows);

  const connect = () => openConnection(addon, options.directory);
  async function run(prelude: string, sql: string, format: string): Promise<ChdbResult> {
    const connection = connect();
    try {
      return await connection.run(prelude, sql, format);
    } finally {
      await connection.close();
    }
  }
  let closing: Promise<void> | null = null;
  async function close(): Promise<void> {
    while (running.size > 0) await Promise.all(running);
    addon.CloseConnection(control);
  }

  return {
    version,
    timezone,
    displayName,
    functions,
    settingValues,
    contentTypes,
    rows,
    run: (prelude, sql, format) => track(run(prelude, sql, format)),
    connect: () => tracked(connect(), track),
    classify: (sql) => track(addon.DurableClassifyAsync(control, sql, options.database)),
    print: (sql) => track(print(run, sql)),
    async explainTree(prelude, printed) {
      const { bytes } = await track(
        run(`SET ${parserLimits}; ${prelude}`, `EXPLAIN AST ${printed}`, 'JSONCompactEachRow'),
      ).catch(withoutPrefix);
      return parseLines<[string]>(bytes).map(([line]) => line);
    },
    async cancel(ending) {
      await text(`KILL QUERY WHERE endsWith(Settings['log_comment'], '${ending}')`);
    },
    progress: (ending) => readProgress(rows, ending),
    close() {
      closing ??= close();
      return closing;
    },
  };
}

function openConnection(addon: ChdbAddon, directory: string): EngineConnection {
  const connection = addon.CreateConnection(directory);
  if (connection === null) throw new Error('cannot open a connection');
  let running: Promise<unknown> = Promise.resolve();
  async function run(prelude: string, sql: string, format: string): Promise<ChdbResult> {
    if (prelude !== '') await addon.QueryAsyncConnection(connection as Connection, prelude, 'Null');
    return await addon.QueryAsyncConnection(connection as Connection, sql, format);
  }
  return {
    run(prelude, sql, format) {
      const result = run(prelude, sql, format);
      running = result.catch(() => undefined);
      return result;
    },
    async close() {
      await running;
      addon.CloseConnection(connection);
    },
  };
}

function tracked(connection: EngineConnection, track: Track): EngineConnection {
  return {
    run: (prelude, sql, format) => track(connection.run(prelude, sql, format)),
    close: () => track(connection.close()),
  };
}

/** What was read is remembered, a failure is not. */
function readOnce<T>(read: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | null = null;
  return () => {
    result ??= read().catch((error: unknown) => {
      result = null;
      throw error;
    });
    return result;
  };
}

type Track = <T>(promise: Promise<T>) => Promise<T>;

function trackIn<T>(running: Set<Promise<unknown>>, promise: Promise<T>): Promise<T> {
  const done = promise.then(
    () => undefined,
    () => undefined,
  );
  running.add(done);
  void done.then(() => running.delete(done));
  return promise;
}

type Run = (prelude: string, sql: string, format: string) => Promise<ChdbResult>;

/**
 * The statement travels as a value, in hexadecimal, so nothing in it can end that of the question. A connection of its
 * own, because a statement that is slow to parse would hold up whoever asks next on the same.
 */
async function print(run: Run, sql: Buffer): Promise<PrintedStatement> {
  const question =
    `WITH formatQuerySingleLine(unhex('${sql.toString('hex')}')) AS printed,` +
    ` tokenizeQuery(printed) AS lexed, length(lexed) > ${tokensMax} AS isTooLarge, isValidUTF8(printed) AS isText` +
    ` SELECT if(isText, printed, hex(printed)) AS text, isText,` +
    ` arrayMap(t -> (toUInt32(t.1), toUInt32(t.2), toString(t.3)),` +
    ` arrayFilter(t -> t.3 != 'Whitespace', if(isTooLarge, [], lexed))) AS tokens, isTooLarge`;
  const { bytes } = await run(`SET ${parserLimits}, readonly = 1`, question, 'JSONCompactEachRow').catch(
    withoutQuestion,
  );
  const [row] = parseLines<[string, number, PrintedToken[], number]>(bytes);
  if (row === undefined) throw new ClickHouseException('SYNTAX_ERROR', 'Syntax error: Empty query.');
  const [printed, isText, tokens, isTooLarge] = row;
  if (isTooLarge === 0) {
    return isText === 1
      ? new PrintedStatement(printed, tokens)
      : escapeLiteralBytes(Buffer.from(printed, 'hex'), tokens);
  }
  throw new ClickHouseException('QUERY_IS_TOO_LARGE', `Query is too large: the maximum is ${tokensMax} tokens.`);
}

/** With the blanks between them; the engine itself takes trees of 50,000 nodes at most. Reading so many takes 20 ms. */
const tokensMax = 100_000;

/**
 * The engine's default size is 256 KiB; the statement that asks is larger than the one that is asked about. Its default
 * of a million steps back is 1.8 s of a thread for 5 KB of `CASE WHEN 1 THEN CASE WHEN …`. chDB takes `1 + 1` for a
 * statement, a server does not.
 */
const parserLimits = `max_query_size = 4194304, max_parser_backtracks = 100000, implicit_select = 0, ${noTrace}`;

/** What was asked is quoted in the engine's words about it. */
function withoutQuestion(error: unknown): never {
  const exception = ClickHouseException.from(error);
  const at = exception.message.search(/:? In scope (?:SELECT|WITH)\b[^']*formatQuerySingleLine/);
  if (at !== -1) exception.message = exception.message.slice(0, at);
  throw exception;
}

function withoutPrefix(error: unknown): never {
  const exception = ClickHouseException.from(error);
  exception.message = exception.message.replaceAll('EXPLAIN AST ', '');
  throw exception;
}

function parseLines<Row>(bytes: Uint8Array): Row[] {
  const text = Buffer.from(bytes).toString('utf8').trimEnd();
  return text === '' ? [] : (JSON.parse(`[${text.replaceAll('\n', ',')}]`) as Row[]);
}

async function readProgress(rows: ChdbEngine['rows'], ending: string): Promise<StatementProgress | null> {
  const seen = await rows<StatementProgress>(
    `SELECT read_rows AS readRows, read_bytes AS readBytes, written_rows AS writtenRows,
     written_bytes AS writtenBytes, total_rows_approx AS totalRowsToRead, toUInt64(elapsed * 1e9) AS elapsedNs,
     greatest(memory_usage, 0) AS memoryBytes
     FROM system.processes WHERE endsWith(Settings['log_comment'], '${ending}')`,
  );
  return seen[0] ?? null;
}

async function readSettingValues(rows: ChdbEngine['rows']): Promise<ReadonlyMap<string, string>> {
  const settings = await rows<{ name: string; value: string }>('SELECT name, value FROM system.settings');
  return new Map(settings.map(({ name, value }) => [name, value]));
}

async function readContentTypes(rows: ChdbEngine['rows']): Promise<ReadonlyMap<string, string>> {
  const formats = await rows<{ name: string; type: string }>(
    'SELECT lower(name) AS name, content_type AS type FROM system.formats WHERE is_output',
  );
  return new Map(formats.map(({ name, type }) => [name, type]));
}

/**
 * For `system.functions` the engine makes one of each, `buildId` too, for which it maps and sorts the symbols of all
 * its programs: with the rest of it 24 MB that it keeps, where nobody but the collector may ever ask.
 */
async function readFunctions(rows: ChdbEngine['rows']): Promise<FunctionCatalog> {
  const functions = await rows<{ name: string; alias_to: string; category: string; aggregate: number; folds: number }>(
    `SELECT name, alias_to, categories AS category, is_aggregate AS aggregate, case_insensitive AS folds
     FROM system.functions WHERE origin = 'System'`,
  );
  const combinators = await rows<{ name: string }>('SELECT name FROM system.aggregate_function_combinators');
  return new FunctionCatalog(
    functions.map(({ name, alias_to, category, aggregate, folds }) => ({
      name,
      aliasTo: alias_to,
      category,
      isAggregate: aggregate === 1,
      isCaseInsensitive: folds === 1,
    })),
    combinators.map(({ name }) => name),
  );
}

/** Classes of chDB's classifier. */
export const statementClass = { read: 0, write: 1, global: 2, control: 3, unknown: 4 } as const;

export interface Classification {
  readonly statementCount: number;
  readonly queryClass: number;
}

function openControl(addon: ChdbAddon, options: ChdbOptions): Connection {
  const connection = addon.CreateConnection(options.directory, engineArguments(options));
  if (connection === null) throw new Error(`cannot open ${options.directory}`);
  return connection;
}

/**
 * chDB's own `default` database is an overlay over the file system (`SELECT * FROM default.\`/etc/passwd\``) and
 * comes back at every start; an empty one takes its place. It has to exist: connections begin in it.
 */
async function prepareDatabases(text: (sql: string) => Promise<string>, database: string): Promise<void> {
  await text('DROP DATABASE IF EXISTS default');
  await text('CREATE DATABASE default ENGINE = Memory');
  await text(`CREATE DATABASE IF NOT EXISTS ${database} ENGINE = Atomic`);
}

/**
 * Server settings can only be given when the directory is opened. No system log table exists in chDB. The caches
 * are sized for one node beside a collector: 64 MiB of marks hold the index of some hundred million rows.
 */
function engineArguments({ memoryBytesMax, configPath }: ChdbOptions): string[] {
  return [
    ...(configPath === undefined ? [] : [`--config-file=${configPath}`]),
    `--max_server_memory_usage=${memoryBytesMax}`,
    `--mark_cache_size=${64 * 1_048_576}`,
    '--uncompressed_cache_size=0',
    '--background_pool_size=2',
    '--background_schedule_pool_size=4',
    '--background_common_pool_size=2',
    '--background_move_pool_size=1',
    '--background_fetches_pool_size=1',
    '--asynchronous_metrics_update_period_s=60',
    // For where the engine may give its threads a niceness of their own; `putMergesLast` is for where it may not.
    `--os_threads_nice_value_merge_mutate=${maySetNiceness() ? mergeNiceness : 0}`,
    // It samples the resident memory for the cap above, 20 times a second by default. What statements and merges take
    // is counted against the cap as they take it, whenever that is.
    '--memory_worker_period_ms=1000',
    // The memory of the control group would be that of all in the container: the collector, and whoever else is there.
    '--memory_worker_use_cgroup=0',
  ];
}

type Connection = NonNullable<unknown>;

interface ChdbAddon {
  CreateConnection(directory: string, engineArguments?: readonly string[]): Connection | null;
  CloseConnection(connection: Connection): void;
  QueryAsyncConnection(connection: Connection, sql: string, format: string): Promise<ChdbResult>;
  DurableClassifyAsync(connection: Connection, sql: string, database: string): Promise<Classification>;
}

/** Loads the native library, or throws why it cannot; later calls answer what the first one did. */
export function loadEngineLibrary(): ChdbAddon {
  return (loaderRequire()('./dist/loader.js') as { loadNative(): ChdbAddon }).loadNative();
}

/** Whether the package with the native library of this platform is there; null when there is none for it. */
export function isLibraryInstalled(): boolean | null {
  const name = libraries[`${process.platform}-${process.arch}`];
  if (name === undefined) return null;
  try {
    loaderRequire().resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** As chdb 3.4.0 looks for them; npm installs none of them on a Linux without glibc. */
const libraries: Readonly<Record<string, string>> = {
  'darwin-arm64': '@chdb/lib-darwin-arm64',
  'darwin-x64': '@chdb/lib-darwin-x64',
  'linux-x64': '@chdb/lib-linux-x64-gnu',
  'linux-arm64': '@chdb/lib-linux-arm64-gnu',
};

function loaderRequire(): NodeJS.Require {
  return createRequire(createRequire(import.meta.url).resolve('chdb'));
}

/** True when the statement only reads, as far as the engine's parser can tell. */
export function isRead(found: Classification): boolean {
  return found.queryClass === statementClass.read || found.queryClass === statementClass.unknown;
}
