import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chromiumName } from '../../bench/chromium.js';
import { packageFile } from '../../src/core/package-root.js';
import { askPort } from '../support/ask-engine.js';
import { createTestEngine, type TestEngine } from '../support/embedded-engine.js';
import { ClientProgram } from './client-program.js';
import { clientsOf, tableOf } from './client-table.js';
import { tryNodeClient } from './node-client.js';
import { tryOtelExporter } from './otel-exporter.js';
import { features, type Outcome } from './outcome.js';
import { pageOrigins, tryWebClient } from './web-client.js';

/** Clients that are not ours, as their registries have them, at the open port. */
const others = ['python', 'dbt', 'go', 'java'] as const;
const programs = new Map<string, ClientProgram | null>();
for (const name of others) programs.set(name, await ClientProgram.install(name));

const page = readFileSync(fileURLToPath(packageFile('docs/clickhouse-clients.md')), 'utf8');
let store: TestEngine;

beforeAll(async () => {
  store = createTestEngine({ readerTables: ['seeded'], corsOrigins: pageOrigins });
  await store.engine.start();
  await askPort(store, 'CREATE TABLE seeded (id UInt64) ENGINE = MergeTree ORDER BY id', { user: 'tidemark' });
});

afterAll(() => store.end());

/** Everything that was tried works, and nothing that the page tells was left out. */
function expectAsDocumented(name: Parameters<typeof clientsOf>[0], outcomes: readonly Outcome[]): void {
  expect(outcomes.filter(({ ok }) => !ok)).toEqual([]);
  for (const { feature } of outcomes) expect(Object.keys(features)).toContain(feature);
  const lines = tableOf(outcomes).split('\n');
  for (const client of clientsOf(name)) {
    const line = lines.find((one) => one.startsWith(`| ${client} |`));
    expect(page).toContain(line);
  }
}

test('@clickhouse/client does what the page says', async () => {
  expectAsDocumented('node', await tryNodeClient(store));
});

// Without a Chromium it says so.
test.skipIf(chromiumName === undefined)('@clickhouse/client-web in Chromium does what the page says', async () => {
  expectAsDocumented('web', (await tryWebClient(store)) ?? []);
});

test('the exporter of the OpenTelemetry Collector does what the page says, where it was built', async () => {
  const outcomes = await tryOtelExporter(store);
  if (outcomes !== null) expectAsDocumented('otel', outcomes);
});

for (const name of others) {
  // `install` has said why.
  test.skipIf(programs.get(name) === null)(
    `the clients of ${name} do what the page says`,
    { timeout: 300_000 },
    async () => {
      expectAsDocumented(name, (await programs.get(name)?.run(store)) ?? []);
    },
  );
}
