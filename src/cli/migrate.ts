import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type ClickhouseAccount, clickhouseLimits, createClickhouseClient } from '../clickhouse/client.js';
import { channelPathOf } from '../clickhouse/embedded/process/engine-channel.js';
import { readOrCreateWriterPassword } from '../clickhouse/embedded/process/engine-passwords.js';
import { type MigrationReport, migrate } from '../clickhouse/migrate.js';
import type { Config } from '../config/config.js';
import { readConfig } from '../config/read-config.js';
import { systemClock } from '../core/clock.js';
import { CollectorError, errorMessage } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { createLogger } from '../telemetry/logger.js';
import { answerHelp } from './help.js';

/**
 * `npm run migrate -- [--dry-run] [--down <count>] [--config <path>]`, with the configuration of the collector.
 * A collector migrates upwards by itself when it starts; this is for a server that is prepared beforehand, for a look
 * at what a new version would do, and for the way back. With the embedded engine its collector must be running.
 * Exit code 0: done; 1: the store refused or is away; 2: wrong use or configuration.
 */
const usage = 'usage: migrate [--dry-run] [--down <count>] [--config <path>]\n';

async function main(argv: readonly string[]): Promise<void> {
  answerHelp(usage);
  const { values } = parseArgs({
    args: [...argv],
    options: { 'dry-run': { type: 'boolean' }, down: { type: 'string' }, config: { type: 'string' } },
  });
  if (values.down !== undefined && !/^[1-9]\d{0,3}$/.test(values.down)) {
    throw new CollectorError('config_invalid', `cannot take back "${values.down}" migrations: not a count from 1`);
  }
  const { config } = readConfig({
    env: process.env,
    argv: values.config === undefined ? [] : ['--config', values.config],
  });
  const logger = createLogger({ level: 'warn', pretty: true, destination: process.stderr });
  const { url, account, channelPath } = storeOf(config, logger);
  const store = createClickhouseClient(
    { clock: systemClock },
    {
      url,
      ...(channelPath === null ? {} : { channelPath }),
      database: config.clickhouse.database,
      writer: account,
      reader: account,
      limits: clickhouseLimits(config.query),
    },
  );
  const dryRun = values['dry-run'] ?? false;
  try {
    const down = values.down === undefined ? {} : { downCount: Number(values.down) };
    const report = await migrate({ store, logger }, { database: config.clickhouse.database, dryRun, ...down });
    print(report, { url, dryRun });
  } finally {
    await store.close();
  }
}

interface StoreAccess {
  readonly url: string;
  /** Of an embedded engine. */
  readonly channelPath: string | null;
  readonly account: ClickhouseAccount;
}

/** The account that may change the schema. */
function storeOf({ clickhouse, dataDir }: Config, logger: Logger): StoreAccess {
  if (clickhouse.url !== null) {
    return {
      url: clickhouse.url,
      channelPath: null,
      account: { user: clickhouse.user ?? 'default', password: clickhouse.password ?? '' },
    };
  }
  if (!existsSync(dataDir)) {
    throw new CollectorError('store_unreachable', `cannot find ${dataDir}: start the collector with its engine first`);
  }
  const password = readOrCreateWriterPassword(dataDir, logger);
  const channelPath = channelPathOf(join(dataDir, 'engine'));
  return { url: `http://127.0.0.1:${clickhouse.port}`, channelPath, account: { user: 'tidemark', password } };
}

function print(report: MigrationReport, context: { readonly url: string; readonly dryRun: boolean }): void {
  const verb = report.direction === 'up' ? ['applied', 'would apply'] : ['took back', 'would take back'];
  for (const { name, [report.direction]: statements } of report.steps) {
    process.stdout.write(`${verb[context.dryRun ? 1 : 0]} ${name}\n`);
    if (context.dryRun) for (const sql of statements) process.stdout.write(`${sql};\n\n`);
  }
  if (report.steps.length === 0) process.stdout.write(`nothing to do at ${context.url}\n`);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const misused = error instanceof TypeError || (error instanceof CollectorError && error.code === 'config_invalid');
  process.stderr.write(`${errorMessage(error)}\n${misused ? usage : ''}`);
  process.exitCode = misused ? 2 : 1;
});
