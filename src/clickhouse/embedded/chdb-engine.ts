import { createRequire } from 'node:module';
import { type Classification, statementClass } from './statement-guard.js';

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
  readonly tableFunctions: ReadonlySet<string>;
  /** Runs `sql` on a new connection after `prelude` (statements joined by semicolons; may be empty). */
  run(prelude: string, sql: string, format: string): Promise<ChdbResult>;
  /** The engine's parser on one or more statements, about 0.05 ms. Runs nothing. */
  classify(sql: string): Promise<Classification>;
  /** Asks the running query whose setting `log_comment` ends with `ending` to stop. Does not wait for it. */
  cancel(ending: string): Promise<void>;
  /** Waits for what is under way, then releases the data directory. */
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
}

/** Opens the data directory. Throws when another process holds it. */
export async function openChdbEngine(options: ChdbOptions): Promise<ChdbEngine> {
  const addon = loadAddon();
  const control = openControl(addon, options);
  const running = new Set<Promise<unknown>>();

  function track<T>(promise: Promise<T>): Promise<T> {
    const done = promise.then(
      () => undefined,
      () => undefined,
    );
    running.add(done);
    void done.then(() => running.delete(done));
    return promise;
  }
  async function text(sql: string): Promise<string> {
    const { bytes } = await track(addon.QueryAsyncConnection(control, sql, 'TabSeparated'));
    return Buffer.from(bytes).toString('utf8').trim();
  }

  await prepareDatabases(text, options.database);
  const [version = '', timezone = '', displayName = ''] = (
    await text('SELECT version(), timezone(), displayName()')
  ).split('\t');
  const tableFunctions = new Set((await text('SELECT name FROM system.table_functions')).split('\n'));

  async function run(prelude: string, sql: string, format: string): Promise<ChdbResult> {
    const connection = addon.CreateConnection(options.directory);
    if (connection === null) throw new Error('cannot open a connection');
    try {
      if (prelude !== '') await addon.QueryAsyncConnection(connection, prelude, 'Null');
      return await addon.QueryAsyncConnection(connection, sql, format);
    } finally {
      addon.CloseConnection(connection);
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
    tableFunctions,
    run: (prelude, sql, format) => track(run(prelude, sql, format)),
    classify: (sql) => track(addon.DurableClassifyAsync(control, sql, options.database)),
    async cancel(ending) {
      await text(`KILL QUERY WHERE endsWith(Settings['log_comment'], '${ending}')`);
    },
    close() {
      closing ??= close();
      return closing;
    },
  };
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
function engineArguments({ memoryBytesMax }: ChdbOptions): string[] {
  return [
    `--max_server_memory_usage=${memoryBytesMax}`,
    `--mark_cache_size=${64 * 1_048_576}`,
    '--uncompressed_cache_size=0',
    '--background_pool_size=2',
    '--background_schedule_pool_size=4',
    '--background_common_pool_size=2',
    '--background_move_pool_size=1',
    '--background_fetches_pool_size=1',
    '--asynchronous_metrics_update_period_s=60',
    // It samples the resident memory for the cap above: 20 times a second by default, most of the idle CPU.
    '--memory_worker_period_ms=250',
  ];
}

type Connection = NonNullable<unknown>;

interface ChdbAddon {
  CreateConnection(directory: string, engineArguments?: readonly string[]): Connection | null;
  CloseConnection(connection: Connection): void;
  QueryAsyncConnection(connection: Connection, sql: string, format: string): Promise<ChdbResult>;
  DurableClassifyAsync(connection: Connection, sql: string, database: string): Promise<Classification>;
}

function loadAddon(): ChdbAddon {
  const require = createRequire(import.meta.url);
  const loader = createRequire(require.resolve('chdb'))('./dist/loader.js') as { loadNative(): ChdbAddon };
  return loader.loadNative();
}

/** True when the statement only reads, as far as the engine's parser can tell. */
export function isRead(found: Classification): boolean {
  return found.queryClass === statementClass.read || found.queryClass === statementClass.unknown;
}
