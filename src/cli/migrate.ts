import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { clickhouseLimits, createClickhouseClient } from '../clickhouse/client.js';
import type { SchemaTarget } from '../clickhouse/cluster/schema-target.js';
import { channelPathOf } from '../clickhouse/embedded/process/engine-channel.js';
import { readOrCreateWriterPassword } from '../clickhouse/embedded/process/engine-passwords.js';
import { type MigrationReport, migrate, wholeSchema } from '../clickhouse/migrate.js';
import { connectToServer, type ServerConnection } from '../clickhouse/server/server-connection.js';
import type { Config } from '../config/config.js';
import { systemClock, systemRandom } from '../core/clock.js';
import { CollectorError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { createLogger } from '../telemetry/logger.js';
import { createEdgeProgress } from './edge-progress.js';
import type { CommandContext } from './frame/command.js';
import { misused } from './frame/command-error.js';
import type { Output } from './frame/output.js';
import { localCollector } from './local-collector.js';

interface MigrateOptions {
  readonly target: SchemaTarget['kind'] | undefined;
  readonly dryRun: boolean;
  readonly down: number | undefined;
  readonly config: string | undefined;
  readonly json: boolean;
}

export async function migrateStore({ env, out, err }: CommandContext, options: MigrateOptions): Promise<void> {
  const { config } = localCollector(env, options);
  if (options.target !== undefined) return printSchema(out, options, targetOf(options.target, config));
  const logger = createLogger({ level: 'warn', pretty: true, destination: process.stderr });
  const { url, client: store, target } = storeOf(config, logger);
  const { dryRun } = options;
  try {
    const down = options.down === undefined ? {} : { downCount: options.down };
    const progress = { shown: createEdgeProgress(err), clock: systemClock };
    const report = await migrate(
      { store, logger, progress },
      { database: config.clickhouse.database, target: await target(), dryRun, ...down },
    );
    if (options.json) out.json({ url, dry_run: dryRun, ...described(report) });
    else print(out, report, { url, dryRun });
  } finally {
    await store.close();
  }
}

/** A cluster that is not named yet has the name of the product. */
function targetOf(kind: SchemaTarget['kind'], { clickhouse: { cluster, database } }: Config): SchemaTarget {
  return kind === 'cluster' ? { kind, cluster: cluster ?? 'tidemark', database } : { kind };
}

function printSchema(out: Output, { dryRun, down, json }: MigrateOptions, target: SchemaTarget): void {
  if (!dryRun || down !== undefined) {
    throw misused('cannot use --target without --dry-run, nor with --down: it prints a schema and asks no store');
  }
  const database = target.kind === 'cluster' ? target.database : 'tidemark';
  const { first, ...report } = wholeSchema(target, database);
  if (json) {
    out.json({ target: target.kind, dry_run: true, first, ...described(report) });
    return;
  }
  for (const sql of first) out.line(`${sql};\n`);
  print(out, report, { url: '', dryRun });
}

/** As the account that may change the schema. */
function storeOf(
  { clickhouse, dataDir, query }: Config,
  logger: Logger,
): Pick<ServerConnection, 'client' | 'target'> & { readonly url: string } {
  if (clickhouse.url !== null) {
    const options = { ...clickhouse, url: clickhouse.url, reads: query };
    return { ...connectToServer({ clock: systemClock, random: systemRandom }, options), url: clickhouse.url };
  }
  if (!existsSync(dataDir)) {
    throw new CollectorError('store_unreachable', `cannot find ${dataDir}: start the collector with its engine first`);
  }
  const account = { user: 'tidemark', password: readOrCreateWriterPassword(dataDir, logger) };
  const url = `http://127.0.0.1:${clickhouse.port}`;
  const options = { url, channelPath: channelPathOf(join(dataDir, 'engine')), database: clickhouse.database };
  const limits = clickhouseLimits(query);
  const client = createClickhouseClient(
    { clock: systemClock },
    { ...options, writer: account, reader: account, limits },
  );
  return { client, url, target: async () => ({ kind: 'embedded' as const }) };
}

function described({ direction, steps }: MigrationReport) {
  return { direction, steps: steps.map(({ name, [direction]: statements }) => ({ name, statements })) };
}

function print(
  out: Output,
  report: MigrationReport,
  context: { readonly url: string; readonly dryRun: boolean },
): void {
  const verb = report.direction === 'up' ? ['applied', 'would apply'] : ['took back', 'would take back'];
  for (const { name, statements } of described(report).steps) {
    out.line(`${verb[context.dryRun ? 1 : 0]} ${name}`);
    if (context.dryRun) for (const sql of statements) out.line(`${sql};\n`);
  }
  if (report.steps.length === 0) out.line(`nothing to do at ${context.url}`);
}
