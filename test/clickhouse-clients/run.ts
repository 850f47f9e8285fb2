import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { answerHelp } from '../../src/cli/help.js';
import { rewriteSections } from '../../src/cli/reference-tables.js';
import type { EngineProcessOptions } from '../../src/clickhouse/embedded/process/engine-process.js';
import { packageFile } from '../../src/core/package-root.js';
import { askPort } from '../support/ask-engine.js';
import { createTestEngine, type TestEngine } from '../support/embedded-engine.js';
import { ClientProgram, type ProgramName } from './client-program.js';
import { tableOf } from './client-table.js';
import { runConnectSuite } from './connect-suite.js';
import { runGoSuite } from './go-suite.js';
import { type JavaModule, javaSuiteEngine, runJavaSuite } from './java-suite.js';
import { runJsSuite } from './js-suite.js';
import { tryNodeClient } from './node-client.js';
import { tryOtelExporter } from './otel-exporter.js';
import { features, type Outcome, suites } from './outcome.js';
import { type GivenSources, parseGivenSources } from './suite-source.js';
import { type SuiteResult, suiteSection } from './suite-table.js';
import { pageOrigins, tryWebClient } from './web-client.js';

const page = fileURLToPath(packageFile('docs/clickhouse-clients.md'));

interface ClientSuite {
  /** Null, said aloud, where its tests or its tools cannot be had. */
  run(store: TestEngine, given: GivenSources): Promise<SuiteResult | null>;
  /** What its engine has that others have not. */
  readonly engine?: Partial<EngineProcessOptions>;
}

/** Each at an engine of its own. */
const clientSuites: Readonly<Record<string, ClientSuite>> = {
  // One of them has ten queries run at once.
  'clickhouse-connect': { run: runConnectSuite, engine: { guestReadsMax: 10 } },
  'clickhouse-go': { run: runGoSuite },
  'clickhouse-js/client-node': { run: (_, given) => runJsSuite('client-node', given) },
  'clickhouse-js/client-web': { run: (_, given) => runJsSuite('client-web', given) },
  'client-v2': javaSuite('client-v2'),
  'jdbc-v2': javaSuite('jdbc-v2'),
};

function javaSuite(module: JavaModule): ClientSuite {
  return { engine: javaSuiteEngine, run: (store, given) => runJavaSuite(module, store, given) };
}

const usage = `usage: clients [--suites [--suite name]... [--source repository=directory]...]
       tries the clients of docs/clickhouse-clients.md and writes its tables; what cannot be tried here is left out
       --suites runs the tests that clients are released with instead, and writes how many pass
       --suite runs one of them: ${Object.keys(clientSuites).join(', ')}
       --source is a checkout of a client's sources; otherwise they are fetched from a registry or their repository
`;

/** `npm run clients`: tries every client that can be had here, and writes what came out into the documentation. */
async function main(): Promise<void> {
  answerHelp(usage);
  const several = { type: 'string', multiple: true, default: [] as string[] } as const;
  const options = { suites: { type: 'boolean', default: false }, suite: several, source: several } as const;
  const { values } = parseArgs({ options });
  if (values.suites) return runSuites(values.suite, parseGivenSources(values.source));
  const outcomes = await withEngine(tryAll);
  for (const { client, feature, ok, detail } of outcomes) {
    process.stderr.write(`${ok ? 'yes' : 'NO '} ${client}: ${feature}${ok ? '' : `: ${detail}`}\n`);
  }
  document(outcomes);
}

async function withEngine<T>(
  work: (store: TestEngine) => Promise<T>,
  options: Partial<EngineProcessOptions> = {},
): Promise<T> {
  const store = createTestEngine({ readerTables: ['seeded'], corsOrigins: pageOrigins, ...options });
  try {
    await store.engine.start();
    return await work(store);
  } finally {
    await store.end();
  }
}

/** One after another; each is written down when it has ended. */
async function runSuites(chosen: readonly string[], given: GivenSources): Promise<void> {
  for (const name of chosen.length === 0 ? Object.keys(clientSuites) : chosen) {
    const suite = clientSuites[name];
    if (suite === undefined) throw new Error(`--suite ${name}: not one of ${Object.keys(clientSuites)}`);
    // Their tables are all there will be: none is waited for.
    const result = await withEngine((store) => suite.run(store, given), { readerTables: [], ...suite.engine });
    if (result !== null) documentSuite(name, result);
  }
}

async function tryAll(store: TestEngine): Promise<Outcome[]> {
  await askPort(store, 'CREATE TABLE seeded (id UInt64) ENGINE = MergeTree ORDER BY id', { user: 'tidemark' });
  const outcomes = [...(await tryNodeClient(store))];
  for (const tried of [await tryWebClient(store), await tryOtelExporter(store)]) outcomes.push(...(tried ?? []));
  for (const name of ['python', 'dbt', 'go', 'java'] as const satisfies readonly ProgramName[]) {
    const program = await ClientProgram.install(name);
    if (program !== null) outcomes.push(...(await program.run(store)));
  }
  return outcomes;
}

function documentSuite(name: string, result: SuiteResult): void {
  const before = /<!-- begin:client-suites -->(.*)<!-- end:client-suites -->/s.exec(readFileSync(page, 'utf8'))?.[1];
  write([{ name: 'client-suites', content: suiteSection(before ?? '', new Map([[name, result]])) }]);
}

function document(outcomes: readonly Outcome[]): void {
  const versions = Object.values(suites).map(({ clients, versions }) => `| ${clients.join(', ')} | ${versions} |`);
  const meanings = Object.entries(features).map(([feature, meaning]) => `| ${feature} | ${meaning} |`);
  write([
    { name: 'clients', content: tableOf(outcomes) },
    { name: 'client-versions', content: ['| client | version |', '| --- | --- |', ...versions].join('\n') },
    { name: 'client-features', content: ['| column | what was tried |', '| --- | --- |', ...meanings].join('\n') },
  ]);
}

function write(sections: Parameters<typeof rewriteSections>[1]): void {
  writeFileSync(page, rewriteSections(readFileSync(page, 'utf8'), sections).text);
}

await main();
