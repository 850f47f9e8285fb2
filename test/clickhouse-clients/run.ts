import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { answerHelp } from '../../src/cli/help.js';
import { rewriteSections } from '../../src/cli/reference-tables.js';
import { packageFile } from '../../src/core/package-root.js';
import { askPort } from '../support/ask-engine.js';
import { createTestEngine, type TestEngine } from '../support/embedded-engine.js';
import { ClientProgram, type ProgramName } from './client-program.js';
import { tableOf } from './client-table.js';
import { runGoSuite, type SuiteResult } from './go-suite.js';
import { tryNodeClient } from './node-client.js';
import { tryOtelExporter } from './otel-exporter.js';
import { features, type Outcome, suites } from './outcome.js';

const usage = `usage: clients [--suites]
       tries the clients of docs/clickhouse-clients.md and writes its tables; what cannot be tried here is left out
       --suites runs the tests that clickhouse-go is released with instead, and writes how many pass
`;

/** `npm run clients`: tries every client that can be had here, and writes what came out into the documentation. */
async function main(): Promise<void> {
  answerHelp(usage);
  const store = createTestEngine({ readerTables: ['seeded'] });
  try {
    await store.engine.start();
    await askPort(store, 'CREATE TABLE seeded (id UInt64) ENGINE = MergeTree ORDER BY id', { user: 'tidemark' });
    const { values } = parseArgs({ options: { suites: { type: 'boolean', default: false } } });
    if (values.suites) return documentSuite(await runGoSuite(store));
    const outcomes = await tryAll(store);
    for (const { client, feature, ok, detail } of outcomes) {
      process.stderr.write(`${ok ? 'yes' : 'NO '} ${client}: ${feature}${ok ? '' : `: ${detail}`}\n`);
    }
    document(outcomes);
  } finally {
    await store.end();
  }
}

async function tryAll(store: TestEngine): Promise<Outcome[]> {
  const outcomes = [...(await tryNodeClient(store)), ...((await tryOtelExporter(store)) ?? [])];
  for (const name of ['python', 'dbt', 'go', 'java'] as const satisfies readonly ProgramName[]) {
    const program = await ClientProgram.install(name);
    if (program !== null) outcomes.push(...(await program.run(store)));
  }
  return outcomes;
}

function documentSuite(result: SuiteResult | null): void {
  if (result === null) return;
  const { passed, failed, skipped } = result;
  const counts = `| clickhouse-go 2.51.0, over HTTP | ${passed.length} | ${failed.length} | ${skipped.length} |`;
  const head = ['| tests | pass | fail | skip themselves |', '| --- | --- | --- | --- |'];
  const names = failed.length === 0 ? '' : `\n\nThose that fail: ${failed.map((name) => `\`${name}\``).join(', ')}.`;
  write([{ name: 'client-suites', content: [...head, counts].join('\n') + names }]);
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
  const page = fileURLToPath(packageFile('docs/clickhouse-clients.md'));
  writeFileSync(page, rewriteSections(readFileSync(page, 'utf8'), sections).text);
}

await main();
