import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { clickhouseLimits, createClickhouseClient } from '../../src/clickhouse/client.js';
import { migrate } from '../../src/clickhouse/migrate.js';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';
import { defaultConfig } from './default-config.js';
import { createTestEngine } from './embedded-engine.js';

/** Where files of one run of the tests meet; set by `test/global-setup.ts`, absent outside of it. */
export const runDirectoryVariable = 'TIDEMARK_TEST_RUN_DIRECTORY';

/** The engine keeps its tables here, within its directory. */
const tablesName = 'db';
/** Less than a hook may take: whoever makes the store does it as slowly as the machine is. */
const waitMsMax = 280_000;

/**
 * Gives an engine that has not run yet the files of a store with the whole schema and no row: what its first start
 * would make statement by statement. They are made once a run, by the migrations, for whoever needs them first.
 * Does nothing outside of a run of the tests, or where an engine has been.
 */
export async function layStore(engineDir: string): Promise<void> {
  const directory = process.env[runDirectoryVariable];
  const tables = join(engineDir, tablesName);
  if (directory === undefined || existsSync(tables)) return;
  const template = join(directory, 'store');
  await templateMade(template);
  mkdirSync(engineDir, { recursive: true, mode: 0o700 });
  cpSync(join(template, tablesName), tables, { recursive: true, verbatimSymlinks: true });
}

/** Whoever makes the directory of the claim makes the template, and the others wait. */
async function templateMade(template: string): Promise<void> {
  const [claim, done] = [`${template}.claimed`, `${template}.done`];
  const deadline = performance.now() + waitMsMax;
  while (!existsSync(done)) {
    if (performance.now() > deadline) throw new Error(`waited ${waitMsMax} ms in vain for ${template}`);
    if (!tryMake(claim)) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      continue;
    }
    try {
      await makeTemplate(template);
      writeFileSync(done, '');
    } catch (error) {
      rmSync(template, { recursive: true, force: true });
      rmSync(claim, { recursive: true });
      throw error;
    }
  }
}

async function makeTemplate(template: string): Promise<void> {
  const test = createTestEngine({ dataDir: template, spoolDir: join(dirname(template), 'spool') });
  try {
    await test.engine.start();
    const options = {
      ...test.clientOptions(),
      limits: clickhouseLimits({ ...defaultConfig.query, timeoutMs: 30_000 }),
    };
    const client = createClickhouseClient({ clock: systemClock }, options);
    await migrate({ store: client, logger: silentLogger }, { database: options.database });
    for (const sql of ledgerAsOnePart(`${options.database}.schema_migrations`)) {
      await client.command({ name: 'template', sql });
    }
    await client.close();
  } finally {
    await test.end();
  }
}

/** Each step made a part of the ledger: nearly half of the files that are copied for each store. */
function ledgerAsOnePart(ledger: string): readonly string[] {
  const rows = `${ledger}_rows`;
  return [
    `CREATE TABLE ${rows} ENGINE = Memory AS SELECT * FROM ${ledger}`,
    `TRUNCATE TABLE ${ledger}`,
    `INSERT INTO ${ledger} SELECT * FROM ${rows}`,
    `DROP TABLE ${rows} SYNC`,
  ];
}

function tryMake(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
