import { type ChildProcess, fork, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../../src/core/package-root.js';
import { CollectorProcess } from '../collector-process.js';
import { engineAccess } from '../engine-access.js';
import { freePort } from '../free-port.js';
import { untilHealthy } from '../history-store.js';
import { runLoad } from '../load.js';
import { terminalEvents } from '../payload.js';
import { readTree } from '../process-usage.js';
import { untilStored } from '../store-watch.js';
import { OtelCollector, type OtelOptions, type OtelPrograms } from './otelcol.js';
import type { PeerFigures } from './peer-report.js';

type Measured = Omit<PeerFigures, 'name'>;

const database = 'peer';
const agents = 50;
const storedMsMax = 120_000;

/** Everything that the collector does with an event: its rows, rollups and histories, synced before the ack. */
export async function measureTidemark(options: {
  readonly format: 'maps' | 'positional';
  readonly events: number;
}): Promise<Measured> {
  return await onEngine(async (host) => {
    const warmUp = await runLoad(host, { format: options.format, seconds: 2, rate: 0 });
    await untilStored(host, warmUp);
    const before = host.cpuMsByPart();
    const bytesBefore = await storedBytes(host, 'currentDatabase()');
    const report = await runLoad(host, { format: options.format, seconds: 3_600, rate: 0, eventsMax: options.events });
    await untilStored(host, {
      events: warmUp.events + report.events,
      executions: warmUp.executions + report.executions,
    });
    const seconds = (Date.now() - report.firstSentAtMs) / 1_000;
    const after = host.cpuMsByPart();
    return {
      events: report.events,
      seconds,
      cpuSeconds: {
        writer: (after.collector - before.collector) / 1_000,
        engine: (after.engine - before.engine) / 1_000,
      },
      wireBytesPerEvent: report.bytes / report.events,
      storedBytesPerEvent: ((await storedBytes(host, 'currentDatabase()')) - bytesBefore) / report.events,
      keeps: 'kill -9, a power cut',
    };
  });
}

/** Log records of the same events to `otel_logs`, the table that the exporter makes for itself. */
export async function measureOtelcol(options: {
  readonly programs: OtelPrograms;
  readonly directory: string;
  readonly events: number;
  readonly queue: OtelOptions['queue'];
}): Promise<Measured> {
  const { programs, directory, events, queue } = options;
  const path = join(directory, 'events.jsonl');
  const templates = terminalEvents(agents, { seed: 1, count: 5_000 });
  writeFileSync(path, templates.map((event) => `${JSON.stringify(event)}\n`).join(''));
  return await onEngine(async (host) => {
    const access = { storePort: host.storePort, user: 'tidemark', password: engineAccess(host.dataDir).password };
    const settings = { ...access, database, directory, queue, compress: 'none' } as const;
    const otelcol = await OtelCollector.start(programs.collector, settings);
    try {
      const send = (count: number) => runOtlpLoad(programs.load, { url: otelcol.url, path, count });
      const warmUp = await send(100_000);
      await untilCounted(host, 'otel_logs', warmUp.events);
      const measured = await measure(host, otelcol.pid, async () => {
        const report = await send(events);
        await untilCounted(host, 'otel_logs', warmUp.events + report.events);
        return report;
      });
      const keeps = { memory: 'nothing', file: 'kill -9', 'synced file': 'kill -9, a power cut' }[queue];
      return { ...measured, keeps: `${keeps} (then sent again, and perhaps stored twice)` };
    } finally {
      await otelcol.stop();
    }
  });
}

/** Rows of the same fields, and nothing else. */
export async function measurePlainWriter({ events }: { readonly events: number }): Promise<Measured> {
  const table = 'events';
  return await onEngine(async (host) => {
    await host.writeAsEngine(`CREATE DATABASE ${database}`);
    await host.writeAsEngine(plainTable(`${database}.${table}`));
    const port = await freePort();
    const { password } = engineAccess(host.dataDir);
    const url = `http://127.0.0.1:${host.storePort}`;
    const writer = await startPlainWriter({ port, url, username: 'tidemark', password, database, table });
    try {
      const target = { streamUrl: `ws://127.0.0.1:${port}`, output: '' };
      const warmUp = await runLoad(target, { format: 'maps', seconds: 2, rate: 0 });
      const measured = await measure(host, writer.pid ?? 0, async () => {
        const report = await runLoad(target, { format: 'maps', seconds: 3_600, rate: 0, eventsMax: events });
        await untilCounted(host, table, warmUp.events + report.events);
        return report;
      });
      return { ...measured, keeps: 'kill -9 of the writer' };
    } finally {
      writer.kill('SIGTERM');
    }
  });
}

async function onEngine(measureOn: (host: CollectorProcess) => Promise<Measured>): Promise<Measured> {
  const host = await CollectorProcess.start();
  try {
    await untilHealthy(host);
    return await measureOn(host);
  } finally {
    await host.stop();
  }
}

/** Of a writer beside an idle collector, whose own CPU is not counted. */
async function measure(
  host: CollectorProcess,
  writerPid: number,
  run: () => Promise<{ readonly events: number; readonly bytes: number }>,
): Promise<Omit<Measured, 'keeps'>> {
  const cpuMs = (): number => readTree(writerPid).reduce((sum, of) => sum + of.cpuMs, 0);
  const before = {
    writer: cpuMs(),
    engine: host.cpuMsByPart().engine,
    bytes: await storedBytes(host, `'${database}'`),
  };
  const begin = performance.now();
  const { events, bytes } = await run();
  const seconds = (performance.now() - begin) / 1_000;
  return {
    events,
    seconds,
    cpuSeconds: {
      writer: (cpuMs() - before.writer) / 1_000,
      engine: (host.cpuMsByPart().engine - before.engine) / 1_000,
    },
    wireBytesPerEvent: bytes / events,
    storedBytesPerEvent: ((await storedBytes(host, `'${database}'`)) - before.bytes) / events,
  };
}

async function storedBytes(host: CollectorProcess, of: string): Promise<number> {
  const sql = `SELECT toString(sum(bytes_on_disk)) AS bytes FROM system.parts WHERE active AND database = ${of}`;
  return Number((await host.queryOne<{ readonly bytes: string }>(sql)).bytes);
}

async function untilCounted(host: CollectorProcess, table: string, events: number): Promise<void> {
  const deadline = performance.now() + storedMsMax;
  for (;;) {
    const { n } = await host.queryOne<{ readonly n: string }>(
      `SELECT toString(count()) AS n FROM ${database}.${table}`,
    );
    if (Number(n) === events) return;
    if (Number(n) > events || performance.now() > deadline) {
      throw new Error(`${database}.${table} holds ${n} events, ${events} were sent`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function runOtlpLoad(
  program: string,
  { url, path, count }: { readonly url: string; readonly path: string; readonly count: number },
): Promise<{ readonly events: number; readonly bytes: number }> {
  const args = ['-url', url, '-events', path, '-count', String(count)];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`the generator of log records ended with ${code}`);
  return JSON.parse(output) as { events: number; bytes: number };
}

async function startPlainWriter(options: Readonly<Record<string, string | number>>): Promise<ChildProcess> {
  const child = fork(fileURLToPath(packageFile('dist/bench/peer/plain-writer.js')), [JSON.stringify(options)]);
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('exit', (code) => reject(new Error(`the plain writer ended with ${code}`)));
  });
  return child;
}

/** The fields that the events of the load have, typed as our raw table types them. */
function plainTable(name: string): string {
  return `
    CREATE TABLE ${name} (
      event_id String, type LowCardinality(String), agent_id LowCardinality(String),
      agent_version LowCardinality(String), run_id String, task_id String, step_id String, parent_id String,
      crew_id LowCardinality(String), user_id String, session_id String, name LowCardinality(String),
      ts DateTime64(3, 'UTC'), started_at Nullable(DateTime64(3, 'UTC')), ended_at Nullable(DateTime64(3, 'UTC')),
      duration_ms Nullable(Float64), attempt UInt16, step_kind LowCardinality(String), llm_calls UInt64,
      tokens_in UInt64, tokens_out UInt64, cost_micros Nullable(UInt64), usage_scope LowCardinality(String),
      confidence Nullable(Float64), memory_mb Nullable(Float64), error_category LowCardinality(String),
      error_code LowCardinality(String), error_message String
    ) ENGINE = MergeTree ORDER BY (agent_id, ts)`;
}
