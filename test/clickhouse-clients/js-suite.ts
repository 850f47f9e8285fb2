import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { chromiumName } from '../../bench/chromium.js';
import { createTestEngine } from '../support/embedded-engine.js';
import { type GivenSources, suiteSource } from './suite-source.js';
import type { SuiteResult } from './suite-table.js';

const execute = promisify(execFile);
const installMsMax = 580_000;
const runMsMax = 900_000;
/** One sends 1,500 settings one after another. */
const testMsMax = 120_000;

/** What the integration tests import, in the versions that their lock file has. */
const dependencies = {
  '@faker-js/faker': '10.5.0',
  '@vitest/browser-playwright': '4.1.9',
  'apache-arrow': '21.1.0',
  jsonwebtoken: '9.0.3',
  'parquet-wasm': '0.7.1',
  playwright: '1.61.0',
  simdjson: '0.9.2',
  split2: '4.2.0',
  uuid: '14.0.0',
  vitest: '4.1.9',
};

/**
 * The integration tests of @clickhouse/client and of @clickhouse/client-web, the latter in a Chromium of this machine,
 * as the writer. They know a server on port 8123 whose user `default` has no password: so has the engine that is
 * started for them, and the port is written into their copy. Null, said aloud, without the tests or a browser.
 */
export async function runJsSuite(part: 'client-node' | 'client-web', given: GivenSources): Promise<SuiteResult | null> {
  const directory = await suiteSource('clickhouse-js', given);
  if (directory === null) return null;
  if (part === 'client-web' && chromiumName === undefined) return skipped(part, 'there is no Chromium');
  const problem = await install(directory).then(
    () => null,
    (error: unknown) => String(error).split('\n')[0] ?? '',
  );
  if (problem !== null) return skipped(part, problem);
  // Their tables are all there will be: none is waited for.
  const store = createTestEngine({ readerTables: [], writerUser: 'default', writerPassword: '', corsOrigins: ['*'] });
  try {
    await store.engine.start();
    point(directory, store.engine.port);
    return await outcomes(directory, part);
  } finally {
    await store.end();
  }
}

function skipped(part: string, why: string): null {
  process.stderr.write(`the tests of clickhouse-js/${part} are skipped: ${why}\n`);
  return null;
}

/** Without the tools that their repository is kept with. */
async function install(directory: string): Promise<void> {
  const installed = join(directory, 'tidemark-installed');
  if (existsSync(installed)) return;
  for (const name of ['package-lock.json', '.npmrc']) rmSync(join(directory, name), { force: true });
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ private: true, dependencies }));
  const npm = async (...words: string[]) => await execute('npm', words, npmOptions(directory));
  await npm('install', '--ignore-scripts', '--no-audit', '--no-fund');
  // Its loader is CommonJS in a package that says it has none; their own installation does the same.
  await execute('npm', ['pkg', 'delete', 'type'], { cwd: join(directory, 'node_modules/parquet-wasm') });
  await npm('rebuild', 'simdjson').catch((error: unknown) => {
    process.stderr.write(`tests with simdjson cannot run, it cannot be built: ${String(error).split('\n')[0]}\n`);
  });
  writeFileSync(installed, '');
}

function npmOptions(cwd: string): { cwd: string; timeout: number; maxBuffer: number; env: NodeJS.ProcessEnv } {
  // Headers of this Node, where it has them, instead of a download.
  const env = { ...process.env, npm_config_nodedir: dirname(dirname(process.execPath)) };
  return { cwd, timeout: installMsMax, maxBuffer: 33_554_432, env };
}

/** Throws where a file is not as it was known. */
function point(directory: string, port: number): void {
  const rewrite = (path: string, known: RegExp, wanted: string) => {
    const text = readFileSync(join(directory, path), 'utf8');
    if (!known.test(text)) throw new Error(`${path} is another one`);
    writeFileSync(join(directory, path), text.replace(known, wanted));
  };
  const url = `http://127.0.0.1:${port}`;
  rewrite('packages/client-common/__tests__/utils/client.ts', /: "http:\/\/127[^"]*"/, `: "${url}"`);
  rewrite('packages/client-common/src/config.ts', /new URL\("http:[^"]*"\)/, `new URL("${url}")`);
  const executablePath = spawnSync('sh', ['-c', `command -v ${chromiumName}`], { encoding: 'utf8' }).stdout.trim();
  const args = ['--no-sandbox', '--disable-gpu', '--disable-features=LocalNetworkAccessChecks'];
  const options = JSON.stringify({ launchOptions: { executablePath, args } });
  rewrite('packages/client-web/vitest.config.ts', /provider: playwright\([^)]*\)/, `provider: playwright(${options})`);
}

async function outcomes(directory: string, part: string): Promise<SuiteResult | null> {
  const cwd = join(directory, 'packages', part);
  const report = join(directory, `tidemark-${part}.json`);
  rmSync(report, { force: true });
  const timeouts = [`--testTimeout=${testMsMax}`, `--hookTimeout=${testMsMax}`];
  const words = ['run', '--maxWorkers=2', ...timeouts, '--reporter=json', `--outputFile=${report}`];
  const env: NodeJS.ProcessEnv = { ...process.env, TEST_MODE: 'integration' };
  delete env.CI;
  const program = join(directory, 'node_modules/.bin/vitest');
  // It ends with an error when a test fails.
  const options = { cwd, env, timeout: runMsMax, maxBuffer: 268_435_456 };
  const said = await execute(program, words, options).catch((error: unknown) => String(error));
  if (!existsSync(report)) return skipped(part, `they did not end: ${JSON.stringify(said).slice(0, 500)}`);
  const { version } = JSON.parse(readFileSync(join(cwd, 'package.json'), 'utf8')) as { readonly version: string };
  return { version, ...byOutcome(JSON.parse(readFileSync(report, 'utf8')) as Report) };
}

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** A file none of whose tests came to run is one that failed. */
function byOutcome({ testResults }: Report): Omit<SuiteResult, 'version'> {
  const result = { passed: [] as string[], failed: [] as string[], skipped: [] as string[] };
  for (const { name, assertionResults } of testResults) {
    if (assertionResults.length === 0) result.failed.push(name.split('/').at(-1) ?? name);
    for (const { status, fullName } of assertionResults) {
      const kind = status === 'passed' ? 'passed' : status === 'failed' ? 'failed' : 'skipped';
      result[kind].push(fullName.trim());
    }
  }
  return result;
}
