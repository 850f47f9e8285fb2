import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { packageFile } from '../../src/core/package-root.js';
import type { TestEngine } from '../support/embedded-engine.js';
import { type GivenSources, suiteSource } from './suite-source.js';
import type { LeftOut, SuiteResult } from './suite-table.js';

const execute = promisify(execFile);
const plugIn = fileURLToPath(packageFile('test/clickhouse-clients/programs/connect-suite/'));
const installMsMax = 900_000;
const runMsMax = 3_000_000;
const testSecondsMax = 60;
/** pyarrow 24 and later need another numpy than the tests do. */
const tools = ['pytest==9.0.1', 'pytest-timeout==2.4.0', 'pyarrow<24'];
/** Of the requirements of its tests, what its style checks need, and what is pinned here. */
const unneeded = /^(pre-commit|ruff|mypy|pytest-cov|pytest-xdist|pytest|pyarrow)\b(?!-)/;

/** By a pattern of the tests' names: what needs something that is not ClickHouse's HTTP interface. */
const leftOut: readonly { readonly tests: string; readonly pattern: RegExp; readonly why: string }[] = [
  {
    tests: '`test_role_setting_works`, `test_show_row_policies`',
    pattern: /test_role_setting_works|test_show_row_policies/,
    why: 'they make users, roles and row policies, which the engine cannot keep',
  },
  {
    tests: '`test_wrong_port_error_message`',
    pattern: /test_wrong_port_error_message/,
    why: 'it asks for the port 9000 of the native protocol, which is not there',
  },
];

type Told = 'found' | 'passed' | 'failed' | 'skipped';

/**
 * The integration tests of clickhouse-connect, for both of its clients and its dialect of SQLAlchemy, as the writer,
 * with the client that comes with them. One that ends without an outcome has failed.
 */
export async function runConnectSuite(store: TestEngine, given: GivenSources): Promise<SuiteResult | null> {
  const directory = await suiteSource('clickhouse-connect', given);
  if (directory === null) return null;
  try {
    await install(directory);
  } catch (error) {
    process.stderr.write(`the tests of clickhouse-connect are skipped: ${String(error).split('\n')[0]}\n`);
    return null;
  }
  return resultOf(directory, await outcomesOf(directory, store));
}

/** In place, since its parts in C are looked for beside its tests. */
async function install(directory: string): Promise<void> {
  const installed = join(directory, 'tidemark-installed');
  if (existsSync(installed)) return;
  const needed = readFileSync(join(directory, 'tests/test_requirements.txt'), 'utf8').split('\n');
  const requirements = join(directory, 'tidemark-requirements.txt');
  writeFileSync(requirements, [...needed.filter((line) => !unneeded.test(line)), ...tools].join('\n'));
  const pip = ['install', '--quiet', '--disable-pip-version-check'];
  const options = { cwd: directory, timeout: installMsMax, maxBuffer: 33_554_432 };
  await execute('python3', ['-m', 'venv', 'venv'], options);
  await execute(join(directory, 'venv/bin/pip'), [...pip, '-r', requirements], options);
  await execute(join(directory, 'venv/bin/pip'), [...pip, '--editable', '.'], options);
  writeFileSync(installed, '');
}

async function outcomesOf(directory: string, store: TestEngine): Promise<ReadonlyMap<string, Told>> {
  const path = join(directory, 'tidemark-outcomes.jsonl');
  rmSync(path, { force: true });
  const env = {
    ...process.env,
    PYTHONPATH: plugIn,
    TOLD_OUTCOMES: path,
    CLICKHOUSE_CONNECT_TEST_HOST: '127.0.0.1',
    CLICKHOUSE_CONNECT_TEST_PORT: String(store.engine.port),
    CLICKHOUSE_CONNECT_TEST_USER: 'tidemark',
    CLICKHOUSE_CONNECT_TEST_PASSWORD: store.writerPassword,
  };
  const words = [
    '-m',
    'pytest',
    '--quiet',
    '--continue-on-collection-errors',
    '--override-ini',
    'addopts=',
    '--override-ini',
    'log_cli=false',
  ];
  const mine = ['-p', 'told_outcomes', '--timeout', String(testSecondsMax), 'tests/integration_tests'];
  const said = await execute(join(directory, 'venv/bin/python'), [...words, ...mine], {
    cwd: directory,
    env,
    timeout: runMsMax,
    maxBuffer: 268_435_456,
  }).then(
    ({ stdout }) => stdout,
    (error: { readonly stdout?: string }) => error.stdout ?? '',
  );
  writeFileSync(join(directory, 'tidemark-said.txt'), said);
  const lines = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  const told = lines.map((line) => JSON.parse(line) as { readonly test: string; readonly outcome: Told });
  return new Map(told.map(({ test, outcome }) => [test, outcome]));
}

function resultOf(directory: string, outcomes: ReadonlyMap<string, Told>): SuiteResult | null {
  const text = readFileSync(join(directory, 'clickhouse_connect/_version.py'), 'utf8');
  const version = /"([\d.]+)"/.exec(text)?.[1] ?? '0';
  if ([...outcomes.values()].every((outcome) => outcome === 'found')) {
    process.stderr.write(`the tests of clickhouse-connect did not run: see ${directory}/tidemark-said.txt\n`);
    return null;
  }
  const names = [...outcomes.keys()];
  const isLeft = (name: string) => leftOut.some(({ pattern }) => pattern.test(name));
  const of = (...kinds: readonly Told[]) =>
    names.filter((name) => !isLeft(name) && kinds.includes(outcomes.get(name) ?? 'found')).map(shortName);
  const left: LeftOut[] = leftOut.map(({ tests, pattern, why }) => {
    return { tests, why, count: names.filter((name) => pattern.test(name)).length };
  });
  return { version, passed: of('passed'), failed: of('failed', 'found'), skipped: of('skipped'), leftOut: left };
}

function shortName(test: string): string {
  return test.replace('tests/integration_tests/', '').replace('.py', '');
}
