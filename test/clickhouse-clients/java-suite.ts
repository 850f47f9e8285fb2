import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { packageFile } from '../../src/core/package-root.js';
import { askPort } from '../support/ask-engine.js';
import type { TestEngine } from '../support/embedded-engine.js';
import { type GivenSources, suiteSource } from './suite-source.js';
import type { LeftOut, SuiteResult } from './suite-table.js';

const execute = promisify(execFile);
const version = '0.10.0';
const project = fileURLToPath(packageFile('test/clickhouse-clients/programs/java-suite/pom.xml'));
const buildMsMax = 600_000;
const runMsMax = 1_200_000;

export type JavaModule = 'client-v2' | 'jdbc-v2';

/** The tests name their user and have his password in their code, so the engine that they are run at has both. */
export const javaSuiteEngine = {
  writerUser: 'default',
  writerPassword: 'test_default_password',
  readers: [{ name: 'reader', password: 'reader', tenant: null }],
  // One of them asks for ten threads and looks whether it has them.
  guestThreadsMax: 10,
} as const;

/** By a pattern of `Class.test`. What needs more than ClickHouse's HTTP interface on a machine by itself. */
const leftOut: readonly { readonly tests: string; readonly pattern: RegExp; readonly why: string }[] = [
  {
    tests: 'TLS',
    pattern: /SSL|Secure(?:Connection|Endpoint)/,
    why: 'they want the port and the certificates of the container that they come with',
  },
  {
    tests: 'users and roles',
    pattern: /CustomRoles|SettingRole|RuntimeCredential|PasswordAuth|AuthHeaderIsKept|DDLStatements|ReadonlyProfile/,
    why: 'they make users, which the engine has no storage for (495)',
  },
  {
    tests: '`testServerErrorHandling`',
    pattern: /\.testServerErrorHandling/,
    why: 'they read a file that only that container has, and no statement reads files here (497)',
  },
  {
    tests: '`testRegisterMetrics`',
    pattern: /\.testRegisterMetrics/,
    why: 'it fails where an answer takes 15 ms, as on a machine that is shared',
  },
  {
    tests: '`testIpAddressTypes`',
    pattern: /\.testIpAddressTypes/,
    why: 'it asks the name service of the internet for an address',
  },
];

/**
 * The integration tests of a module of clickhouse-java at the engine as the writer, with the jars as Maven Central has
 * them: the tests alone are built. Null, said aloud, where the sources or Maven cannot be had.
 */
export async function runJavaSuite(
  module: JavaModule,
  store: TestEngine,
  given: GivenSources,
): Promise<SuiteResult | null> {
  const source = await suiteSource('clickhouse-java', given);
  if (source === null) return null;
  const directory = join(source, 'tidemark', module);
  try {
    await build(source, directory, module);
  } catch (error) {
    process.stderr.write(`the tests of ${module} are skipped: ${String(error).split('\n')[0]}\n`);
    return null;
  }
  await run(directory, module, store);
  const outcomes = outcomesOf(join(directory, 'target/surefire-reports'));
  if (outcomes.length > 0) return resultOf(outcomes);
  process.stderr.write(`the tests of ${module} did not run: see ${directory}/said.txt\n`);
  return null;
}

async function build(source: string, directory: string, module: JavaModule): Promise<void> {
  const built = join(directory, 'built');
  if (existsSync(built)) return;
  rmSync(directory, { recursive: true, force: true });
  const tests = join(directory, 'src/test');
  mkdirSync(tests, { recursive: true });
  cpSync(join(source, module, 'src/test'), tests, { recursive: true });
  const shared = join(source, 'clickhouse-client/src/test');
  for (const name of ['BaseIntegrationTest', 'ClickHouseServerForTest', 'ClickHouseTestClient']) {
    const path = `java/com/clickhouse/client/${name}.java`;
    cpSync(join(shared, path), join(tests, path));
  }
  cpSync(join(shared, 'resources'), join(tests, 'resources'), { recursive: true, force: false });
  writeFileSync(join(directory, 'pom.xml'), readFileSync(project, 'utf8').replaceAll('MODULE', module));
  const words = ['--quiet', '--batch-mode', 'test-compile'];
  await execute('mvn', words, { cwd: directory, timeout: buildMsMax, maxBuffer: 33_554_432 });
  writeFileSync(built, '');
}

async function run(directory: string, module: JavaModule, store: TestEngine): Promise<void> {
  const database = `clickhouse_java_test_${module.replace('-', '_')}`;
  const { writerUser: user, writerPassword: password } = javaSuiteEngine;
  await askPort(store, `CREATE DATABASE IF NOT EXISTS ${database} ENGINE = Atomic`, { user, password });
  rmSync(join(directory, 'target/surefire-reports'), { recursive: true, force: true });
  const server = ['-DclickhouseServer=127.0.0.1', `-DclickhouseHTTPPort=${store.engine.port}`];
  const words = ['--quiet', '--batch-mode', 'surefire:test', '-Dgroups=integration', ...server];
  const said = await execute('mvn', [...words, '-DredirectTestOutputToFile=true'], {
    cwd: directory,
    env: { ...process.env, TEST_DB_NAME: database },
    timeout: runMsMax,
    maxBuffer: 268_435_456,
  }).then(
    ({ stdout }) => stdout,
    (error: { readonly stdout?: string }) => error.stdout ?? '',
  );
  writeFileSync(join(directory, 'said.txt'), said);
}

interface JavaOutcome {
  /** `Class.test[parameters](number)`. */
  readonly name: string;
  readonly told: 'passed' | 'failed' | 'skipped';
}

/** Of surefire's reports, which Maven writes: a case is one element with the outcome in it, attributes are escaped. */
function outcomesOf(folder: string): JavaOutcome[] {
  if (!existsSync(folder)) return [];
  const reports = readdirSync(folder).filter((name) => /^TEST-.*\.xml$/.test(name));
  return reports.flatMap((report) => {
    const text = readFileSync(join(folder, report), 'utf8');
    const cases = text.matchAll(/<testcase name="([^"]*)" classname="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g);
    return [...cases].map(([, name = '', holder = '', inside = '']): JavaOutcome => {
      const told = /<(?:failure|error)\b/.test(inside) ? 'failed' : inside.includes('<skipped') ? 'skipped' : 'passed';
      return { name: `${basename(holder.replaceAll('.', '/'))}.${name}`, told };
    });
  });
}

/** What was set up or torn down is no test of its own, unless it failed. */
function resultOf(outcomes: readonly JavaOutcome[]): SuiteResult {
  const isLeft = ({ name }: JavaOutcome) => leftOut.some(({ pattern }) => pattern.test(name));
  const of = (told: JavaOutcome['told']) =>
    outcomes.filter((outcome) => outcome.told === told && !isLeft(outcome)).map(({ name }) => shortName(name));
  const left: LeftOut[] = leftOut.map(({ tests, pattern, why }) => {
    return { tests, why, count: outcomes.filter(({ name }) => pattern.test(name)).length };
  });
  const isThere = ({ count }: LeftOut) => count > 0;
  return { version, passed: of('passed'), failed: of('failed'), skipped: of('skipped'), leftOut: left.filter(isThere) };
}

/** With the number of its parameters, without them: some are addresses of objects. */
function shortName(name: string): string {
  return name.replace(/\[[\s\S]*\](?=\(\d+\)$)/, '');
}
