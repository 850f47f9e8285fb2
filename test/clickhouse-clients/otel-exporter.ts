import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { OtelCollector } from '../../bench/peer/otelcol.js';
import { packageFile } from '../../src/core/package-root.js';
import { askChannel } from '../support/ask-engine.js';
import type { TestEngine } from '../support/embedded-engine.js';
import type { Outcome } from './outcome.js';

/** Built by `npm run bench:peer`, which takes some minutes: nothing here builds it. */
const program = fileURLToPath(packageFile('bench/.scratch/otelcol-peer/otelcol-peer'));

const rowsMax = 100;

/** The ClickHouse exporter of the OpenTelemetry Collector, in a database that it makes itself; null without it. */
export async function tryOtelExporter(store: TestEngine): Promise<Outcome[] | null> {
  if (!existsSync(program)) {
    process.stderr.write('the exporter of the OpenTelemetry Collector is skipped: npm run bench:peer builds it\n');
    return null;
  }
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-otelcol-'));
  const outcome = (feature: string, detail: string) => ({
    client: 'otelcol exporter',
    feature,
    ok: detail === '',
    detail,
  });
  try {
    const access = { storePort: store.engine.port, user: 'tidemark', password: store.writerPassword };
    const options = { ...access, database: 'otel', directory, queue: 'memory', compress: null } as const;
    const collector = await OtelCollector.start(program, options).catch((error: unknown) => String(error));
    if (typeof collector === 'string') return [outcome('connect', collector)];
    const problem = await insertedBy(collector, store).finally(() => collector.stop());
    return [outcome('connect', ''), outcome('insert', problem), outcome('compression', problem)];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What is wrong with the rows that came; empty when nothing is. */
async function insertedBy(collector: OtelCollector, store: TestEngine): Promise<string> {
  const logRecords = Array.from({ length: rowsMax }, (_, at) => ({
    timeUnixNano: '1700000000000000000',
    severityText: 'INFO',
    body: { stringValue: `line ${at}` },
    attributes: [{ key: 'at', value: { intValue: String(at) } }],
  }));
  const body = JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(collector.url, { method: 'POST', headers, body });
  if (!answer.ok) return `${answer.status} ${await answer.text()}`;
  const counted = async () => (await askChannel(store, 'SELECT count(), uniq(Body) FROM otel.otel_logs')).text;
  for (let tries = 0; tries < 600 && (await counted()) !== `${rowsMax}\t${rowsMax}\n`; tries++) await pause(100);
  const found = await counted();
  return found === `${rowsMax}\t${rowsMax}\n` ? '' : `${found} ${collector.output}`;
}
