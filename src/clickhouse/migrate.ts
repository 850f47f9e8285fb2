import type { Clock } from '../core/clock.js';
import { CollectorError } from '../core/errors.js';
import { invariant } from '../core/invariant.js';
import type { Logger } from '../core/logger.js';
import { packageFile } from '../core/package-root.js';
import { type Progress, silentProgress } from '../core/progress.js';
import { storeErrorNumber } from './classify-error.js';
import {
  createSchemaRenderer,
  databaseStatements,
  renderMigration,
  type SchemaRenderer,
} from './cluster/schema-rendering.js';
import type { SchemaTarget } from './cluster/schema-target.js';
import { type MigrationFile, readMigrationFiles } from './migration-file.js';
import { changedObjects, mendSchema } from './schema-objects.js';
import { watchStep } from './step-watch.js';
import type { StoreWriter } from './store-writer.js';

/**
 * Brings the store to the schema of `clickhouse/migrations`, or takes the newest migrations back.
 *
 * The ledger table `schema_migrations` gets a row for each step, up or down; the newest row of a number says whether
 * it is applied, and with which statements. Statements are idempotent, so a step that was interrupted, or taken by two
 * collectors at once, is simply taken again. With everything applied this costs two queries, the second of which looks
 * whether everything is still there.
 */
export interface MigrateOptions {
  readonly database: string;
  /** Takes back that many of the newest applied migrations, instead of applying. */
  readonly downCount?: number;
  /** Says what would be done, and does nothing. */
  readonly dryRun?: boolean;
  /** Where the files are; default: those of the package. */
  readonly directory?: URL;
  /** What they are rendered for; default: as they are written. */
  readonly target?: SchemaTarget;
}

/** What was done, or with `dryRun` what would be, in order. */
export interface MigrationReport {
  readonly direction: 'up' | 'down';
  readonly steps: readonly MigrationFile[];
}

export interface MigrateDeps {
  readonly store: StoreWriter;
  readonly logger: Logger;
  /** Where it is shown how far it is; the clock is for looks at a statement that takes long. */
  readonly progress?: { readonly shown: Progress; readonly clock: Clock };
  /** Rejects when the store has not written what a step has made of these tables and views: it is not done then. */
  readonly mustHaveWritten?: (names: string[]) => Promise<void>;
}

interface LedgerRow {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
}

/**
 * Throws CollectorError `schema_foreign` when another file than ours was applied under a number,
 * `schema_newer` when a newer version made the embedded engine's,
 * `migration_changed` when a migration that is applied differs from its file, `schema_incomplete` when a table that
 * one made is gone, otherwise what `StoreWriter` rejects with, naming the migration.
 */
export async function migrate(deps: MigrateDeps, options: MigrateOptions): Promise<MigrationReport> {
  invariant(/^[A-Za-z_][A-Za-z0-9_]*$/.test(options.database), `${options.database} is not a database name`);
  const files = readMigrationFiles(options.directory ?? packageFile('clickhouse/migrations/'));
  const renderer = createSchemaRenderer(files, options.target ?? { kind: 'embedded' });
  const applied = await readLedger(deps.store, options, renderer);
  for (const row of applied) assertOurs(row, files[row.number - 1], options.database);
  for (const row of applied) assertUnchanged(row, files[row.number - 1]);
  const direction = options.downCount === undefined ? 'up' : 'down';
  if (direction === 'up' && (options.target?.kind ?? 'embedded') === 'embedded') assertNotNewer(applied, files.length);
  const chosen =
    options.downCount === undefined ? pendingOf(files, applied) : newestOf(files, applied, options.downCount);
  const steps = chosen.map((file) => renderMigration(file, renderer));
  if (options.dryRun !== true) {
    await takeSteps(deps, options, { steps, direction, isNew: applied.length === 0 });
    // A newer version may have dropped what this one knows.
    const isKnown = applied.every((row) => row.number <= files.length);
    if (direction === 'up' && isKnown && steps.length < files.length) await mendSchema(deps, files, renderer);
  }
  return { direction, steps };
}

/** Every statement that a new store takes, without asking one: databases, ledger and all migrations. */
export function wholeSchema(target: SchemaTarget, database: string): MigrationReport & { readonly first: string[] } {
  const files = readMigrationFiles(packageFile('clickhouse/migrations/'));
  const renderer = createSchemaRenderer(files, target);
  const steps = files.map((file) => renderMigration(file, renderer));
  return {
    direction: 'up',
    first: [...databaseStatements(target, database), ...ledgerStatements(renderer, database)],
    steps,
  };
}

function pendingOf(files: readonly MigrationFile[], applied: readonly LedgerRow[]): MigrationFile[] {
  const numbers = new Set(applied.map((row) => row.number));
  return files.filter((file) => !numbers.has(file.number));
}

function newestOf(files: readonly MigrationFile[], applied: readonly LedgerRow[], count: number): MigrationFile[] {
  const newest = [...applied].sort((a, b) => b.number - a.number).slice(0, Math.max(0, count));
  return newest.map((row) => {
    const file = files[row.number - 1];
    if (file === undefined) {
      throw new CollectorError('migration_changed', `cannot take back migration ${row.name}: its file is missing`);
    }
    return file;
  });
}

/** A store that was made before the first release has other files under our numbers, and nothing carries it over. */
function assertOurs(row: LedgerRow, file: MigrationFile | undefined, database: string): void {
  if (file === undefined || file.name === row.name) return;
  throw new CollectorError(
    'schema_foreign',
    `cannot use the store: it was made by an unreleased version (${row.name}, here ${file.name}), which nothing ` +
      `carries over; move the data directory away, on a server rename database ${database}, and start again`,
  );
}

/**
 * Of an engine of our own, which no newer collector shares: this version would insert into tables it does not know. On
 * a server others may be newer already, and go by what every version keeps.
 */
function assertNotNewer(applied: readonly LedgerRow[], known: number): void {
  const newest = applied.find((row) => row.number > known);
  if (newest === undefined) return;
  throw new CollectorError(
    'schema_newer',
    `cannot use the store: a newer version of Tidemark made it (${newest.name} was applied, this version knows ` +
      `${known} migrations); start that version again, or restore a backup of this one`,
  );
}

/** A number beyond the files was applied by a newer version: it is left alone. */
function assertUnchanged(row: LedgerRow, file: MigrationFile | undefined): void {
  if (file === undefined || file.checksum === row.checksum) return;
  throw new CollectorError(
    'migration_changed',
    `cannot migrate: ${row.name} was applied and has since been edited; restore it and add ` +
      'a migration with the next number instead',
  );
}

async function takeSteps(
  deps: MigrateDeps,
  options: MigrateOptions,
  { steps, direction, isNew }: MigrationReport & { readonly isNew: boolean },
): Promise<void> {
  if (steps.length === 0) return;
  const work = { what: 'migration of the store', unit: 'steps', total: steps.length };
  const task = (deps.progress?.shown ?? silentProgress).begin(work);
  // A record is a dozen writes that wait for the disk, which for the steps of a new store are nine in ten of all.
  const unrecorded: MigrationFile[] = [];
  const record = async () => {
    const taken = unrecorded.splice(0);
    if (taken.length > 0) await recordSteps(deps.store, options, { steps: taken, direction });
  };
  try {
    for (const [index, file] of steps.entries()) {
      task.note(file.name);
      const onShare = (share: number) => task.note(`${file.name} ${Math.floor(share * 100)} %`);
      const watch = deps.progress === undefined ? null : watchStep({ ...deps, ...deps.progress }, onShare);
      await naming(file, direction, async () => {
        await takeStep(deps, { file, direction }).finally(() => watch?.end());
        unrecorded.push(file);
        if (!isNew) await record();
      });
      task.advance(index + 1);
    }
    await naming(steps.at(-1), direction, record);
  } catch (error) {
    // What was done need not be done again, if that can be told.
    await record().catch(() => undefined);
    throw error;
  } finally {
    task.end();
  }
  const context = { direction, migrations: steps.length, last: steps.at(-1)?.name };
  deps.logger.info(context, 'the schema of the store is changed');
}

async function takeStep(
  deps: MigrateDeps,
  { file, direction }: { readonly file: MigrationFile; readonly direction: 'up' | 'down' },
): Promise<void> {
  for (const sql of file[direction]) await deps.store.command({ name: `migration ${file.name}`, sql });
  await deps.mustHaveWritten?.(changedObjects(file[direction]));
  deps.logger.debug({ migration: file.name, direction }, 'migration done');
}

async function naming(
  file: MigrationFile | undefined,
  direction: 'up' | 'down',
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof CollectorError)) throw error;
    const verb = direction === 'up' ? 'apply' : 'take back';
    throw new CollectorError(error.code, `cannot ${verb} migration ${file?.name}: ${error.message}`, { cause: error });
  }
}

// ── ledger ──────────────────────────────────────────────────────────────────────────────────────────────────

const unknownTable = 60;
const unknownDatabase = 81;

/** The migrations that are applied, by number. Creates database and ledger when they are missing. */
async function readLedger(store: StoreWriter, options: MigrateOptions, renderer: SchemaRenderer): Promise<LedgerRow[]> {
  try {
    return await store.writerRows<LedgerRow>({
      name: 'applied_migrations',
      sql: `
        SELECT ledger.number AS number, argMax(ledger.name, at) AS name, argMax(ledger.checksum, at) AS checksum
        FROM ${options.database}.schema_migrations AS ledger
        GROUP BY number
        HAVING argMax(applied, at)
        ORDER BY number`,
      params: {},
    });
  } catch (error) {
    const number = storeErrorNumber(error);
    if (number !== unknownTable && number !== unknownDatabase) throw error;
    const databaseMissing = number === unknownDatabase;
    if (options.dryRun !== true) await createLedger(store, options, { renderer, databaseMissing });
    return [];
  }
}

async function createLedger(
  store: StoreWriter,
  options: MigrateOptions,
  { renderer, databaseMissing }: { readonly renderer: SchemaRenderer; readonly databaseMissing: boolean },
): Promise<void> {
  if (databaseMissing) {
    for (const sql of databaseStatements(renderer.target, options.database)) {
      await store.command({ name: 'create database', sql, databaseMissing: true });
    }
  }
  for (const sql of ledgerStatements(renderer, options.database)) {
    await store.command({ name: 'create migration ledger', sql });
  }
}

const ledgerStatement = `
CREATE TABLE IF NOT EXISTS schema_migrations
(
    number UInt16 COMMENT 'Number of the migration.',
    name String COMMENT 'Its file.',
    checksum String COMMENT 'SHA-256 of its statements.',
    applied Bool COMMENT 'Applied, or taken back; the newest row of a number holds.',
    at DateTime64(6, 'UTC') COMMENT 'When.'
)
ENGINE = MergeTree
ORDER BY (number, at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Steps of the schema migrations.'`.trim();

/** On a cluster the rendering names the database itself. */
function ledgerStatements({ target, render }: SchemaRenderer, database: string): readonly string[] {
  if (target.kind === 'cluster') return render(ledgerStatement);
  return render(ledgerStatement).map((sql) => sql.replace(' schema_migrations', ` ${database}.schema_migrations`));
}

/** Later than any other step of their numbers, also where the clock was ahead when that was taken. */
async function recordSteps(
  store: StoreWriter,
  options: MigrateOptions,
  { steps, direction }: MigrationReport,
): Promise<void> {
  await store.command({
    name: 'record migration',
    sql: `
      INSERT INTO ${options.database}.schema_migrations (number, name, checksum, applied, at)
      SELECT toUInt16(step.1), step.2, step.3, {applied:Bool}, later
      FROM (
        SELECT greatest(now64(6, 'UTC'), max(at) + toIntervalMicrosecond(1)) AS later
        FROM ${options.database}.schema_migrations
        WHERE has({numbers:Array(String)}, toString(number))
      )
      ARRAY JOIN arrayZip({numbers:Array(String)}, {names:Array(String)}, {checksums:Array(String)}) AS step`,
    params: {
      numbers: steps.map(({ number }) => String(number)),
      names: steps.map(({ name }) => name),
      checksums: steps.map(({ checksum }) => checksum),
      applied: direction === 'up',
    },
  });
}
