import { CollectorProcess } from '../collector-process.js';
import type { FrameFormat } from '../frame-template.js';
import { LatencyHistogram } from '../latency-histogram.js';
import { runLoad } from '../load.js';
import type { LoadReport } from '../load-generator.js';
import { readTree } from '../process-usage.js';
import { SinkClickHouse } from '../sink-clickhouse.js';
import { untilStored } from '../store-watch.js';

export interface ThroughputResult {
  readonly format: FrameFormat;
  readonly events: number;
  readonly bytesPerEvent: number;
  /** From the first frame to the last ack. */
  readonly acknowledgedPerSecond: number;
  /** From the first frame until the store answers with the last row. */
  readonly storedPerSecond: number;
  readonly cpuSeconds: Readonly<Record<'collector' | 'engine', number>>;
  readonly eventsPerCpuSecond: number;
  readonly ackP50Ms: number | null;
  readonly ackP99Ms: number | null;
  readonly rssPeakBytes: Readonly<Record<'collector' | 'engine', number>>;
  readonly generatorCpuSeconds: number;
}

/** As fast as credit allows, until every row and both rollups are in the store. CPU is that of both processes. */
export async function measureThroughput(options: {
  readonly format: FrameFormat;
  readonly seconds: number;
  readonly nodeFlags?: readonly string[];
  readonly httpServer?: 'uws' | 'node';
}): Promise<ThroughputResult> {
  const { nodeFlags = [], httpServer = 'uws' } = options;
  const collector = await CollectorProcess.start({ nodeFlags, settings: { TIDEMARK_HTTP_SERVER: httpServer } });
  try {
    const warmUp = await runLoad(collector, { format: options.format, seconds: 2, rate: 0 });
    await untilStored(collector, warmUp);
    const before = cpuByRole(collector.pid);
    const report = await runLoad(collector, { format: options.format, seconds: options.seconds, rate: 0 });
    await untilStored(collector, sumOf(warmUp, report));
    return resultOf(collector, options.format, report, before);
  } finally {
    await collector.stop();
  }
}

/** The same without an engine: inserts go to a server that swallows them. */
export async function measureCollectorAlone(options: {
  readonly format: FrameFormat;
  readonly seconds: number;
  readonly nodeFlags?: readonly string[];
}): Promise<ThroughputResult> {
  const sink = await SinkClickHouse.listen();
  const collector = await CollectorProcess.start({ clickhouseUrl: sink.url, nodeFlags: options.nodeFlags ?? [] });
  try {
    const warmUp = await runLoad(collector, { format: options.format, seconds: 2, rate: 0 });
    await untilInserted(collector, warmUp.events);
    const before = cpuByRole(collector.pid);
    const report = await runLoad(collector, { format: options.format, seconds: options.seconds, rate: 0 });
    await untilInserted(collector, warmUp.events + report.events);
    return resultOf(collector, options.format, report, before);
  } finally {
    await collector.stop();
    await sink.close();
  }
}

async function untilInserted(collector: CollectorProcess, events: number): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const inserted = (await collector.metrics()).get('tidemark_events_inserted_total') ?? 0;
    if (inserted === events) return;
    if (inserted > events || performance.now() > deadline) {
      throw new Error(`${inserted} events were inserted, ${events} were sent; ${collector.output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

type CpuByRole = Readonly<Record<'collector' | 'engine', number>>;

function cpuByRole(pid: number): CpuByRole {
  const [collector, ...children] = readTree(pid);
  return { collector: collector?.cpuMs ?? 0, engine: children.reduce((sum, { cpuMs }) => sum + cpuMs, 0) };
}

function resultOf(
  collector: CollectorProcess,
  format: FrameFormat,
  report: LoadReport,
  before: CpuByRole,
): ThroughputResult {
  const storedMs = Date.now() - report.firstSentAtMs;
  const after = cpuByRole(collector.pid);
  const [own, ...children] = readTree(collector.pid);
  const collectorMs = after.collector - before.collector;
  const engineMs = after.engine - before.engine;
  const acks = LatencyHistogram.fromPairs(report.ackPairs);
  return {
    format,
    events: report.events,
    bytesPerEvent: report.bytes / report.events,
    acknowledgedPerSecond: (1_000 * report.events) / report.elapsedMs,
    storedPerSecond: (1_000 * report.events) / storedMs,
    cpuSeconds: { collector: collectorMs / 1_000, engine: engineMs / 1_000 },
    eventsPerCpuSecond: (1_000 * report.events) / (collectorMs + engineMs),
    ackP50Ms: acks.quantile(0.5),
    ackP99Ms: acks.quantile(0.99),
    rssPeakBytes: {
      collector: own?.rssPeakBytes ?? 0,
      engine: children.reduce((sum, { rssPeakBytes }) => sum + rssPeakBytes, 0),
    },
    generatorCpuSeconds: report.generatorCpuMs / 1_000,
  };
}

function sumOf(first: LoadReport, second: LoadReport): Pick<LoadReport, 'events' | 'executions'> {
  return { events: first.events + second.events, executions: first.executions + second.executions };
}
