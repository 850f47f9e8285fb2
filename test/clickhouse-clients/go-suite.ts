import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { askPort } from '../support/ask-engine.js';
import type { TestEngine } from '../support/embedded-engine.js';
import type { SuiteResult } from './suite-table.js';

const execute = promisify(execFile);
const version = '2.51.0';
const module = `github.com/ClickHouse/clickhouse-go/v2@v${version}`;
const buildMsMax = 580_000;
const testMsMax = 25_000;
const database = 'gotests';

/**
 * The tests that clickhouse-go is released with, those of them that speak HTTP, each in a process of its own: one that
 * panics ends no other. Two things of theirs are changed: the version is not asked for over the native protocol, and
 * what is tried over both is tried over HTTP. Null, said aloud, without Go.
 */
export async function runGoSuite(store: TestEngine): Promise<SuiteResult | null> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-go-suite-'));
  try {
    const program = await build(directory).catch((error: unknown) => {
      process.stderr.write(`the tests of clickhouse-go are skipped: ${String(error).split('\n')[0]}\n`);
      return null;
    });
    if (program === null) return null;
    await askPort(store, `CREATE DATABASE IF NOT EXISTS ${database} ENGINE = Atomic`, { user: 'tidemark' });
    const result = { version, passed: [] as string[], failed: [] as string[], skipped: [] as string[] };
    for (const name of testsOverHttp(join(directory, 'tests')))
      result[await outcomeOf(name, program, store)].push(name);
    return result;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function build(directory: string): Promise<string> {
  const { stdout } = await execute('go', ['mod', 'download', '-json', module], { cwd: directory, timeout: buildMsMax });
  const { Dir: source } = JSON.parse(stdout) as { readonly Dir: string };
  cpSync(source, directory, { recursive: true });
  await execute('chmod', ['-R', 'u+w', directory]);
  const path = join(directory, 'tests/utils.go');
  const asked = 'func (env *ClickHouseTestEnvironment) setVersion() {\n';
  const native = /\trootT\.Run\("Native", func\(t \*testing\.T\) \{\n[^}]*\}\)\n/;
  const known = [
    asked,
    'if os.Getenv("CLICKHOUSE_USE_DOCKER") == "false" {',
    'env.Version = proto.Version{Major: 26, Minor: 7}\nreturn\n}\n',
  ].join('\n');
  const made = /if err := CreateDatabase\(ts\); err != nil \{/;
  const text = readFileSync(path, 'utf8');
  if (!text.includes(asked) || !native.test(text) || !made.test(text)) throw new Error('its helpers are other ones');
  const changed = text.replace(asked, known).replace(native, '').replace(made, 'if false {\n\t\tvar err error');
  writeFileSync(path, changed);
  const program = join(directory, 'tests.bin');
  await execute('go', ['test', '-c', '-o', program, './tests/'], { cwd: directory, timeout: buildMsMax });
  return program;
}

function testsOverHttp(folder: string): string[] {
  const http = /TestProtocols\(|clickhouse\.HTTP\b|GetConnectionHTTP|getHTTPConnection|HttpPort/;
  const files = readdirSync(folder).filter((name) => name.endsWith('_test.go'));
  const functions = files.flatMap((name) => readFileSync(join(folder, name), 'utf8').split(/^func /m));
  return functions.flatMap((text) => {
    const name = /^(Test\w+)\(t \*testing\.T\)/.exec(text)?.[1];
    return name !== undefined && http.test(text) ? [name] : [];
  });
}

async function outcomeOf(name: string, program: string, store: TestEngine): Promise<'passed' | 'failed' | 'skipped'> {
  const port = String(store.engine.port);
  const env = {
    ...process.env,
    CLICKHOUSE_USE_DOCKER: 'false',
    CLICKHOUSE_HOST: '127.0.0.1',
    CLICKHOUSE_PORT: port,
    CLICKHOUSE_HTTP_PORT: port,
    CLICKHOUSE_USERNAME: 'tidemark',
    CLICKHOUSE_PASSWORD: store.writerPassword,
    CLICKHOUSE_DATABASE: database,
  };
  const cwd = join(program, '../tests');
  if (!existsSync(cwd)) return 'skipped';
  const options = { cwd, env, timeout: testMsMax, maxBuffer: 67_108_864 };
  const words = ['-test.v', '-test.timeout', '20s', '-test.run', `^${name}$`];
  const said = await execute(program, words, options).then(
    ({ stdout }) => stdout,
    (error: { readonly stdout?: string }) => error.stdout ?? '',
  );
  if (said.includes(`--- SKIP: ${name}`)) return 'skipped';
  return said.includes(`--- PASS: ${name}`) && !said.includes('--- FAIL') ? 'passed' : 'failed';
}
