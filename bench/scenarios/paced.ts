import { CollectorProcess } from '../collector-process.js';
import { LatencyHistogram } from '../latency-histogram.js';
import { runLoad } from '../load.js';
import { readTree } from '../process-usage.js';
import { freshness, StoreWatch, untilStored } from '../store-watch.js';

export interface PacedResult {
  /** Asked for, and reached. */
  readonly ratePerSecond: number;
  readonly sentPerSecond: number;
  readonly ackP50Ms: number | null;
  readonly ackP99Ms: number | null;
  /** Sent to queryable, of rows and of the minute rollup. */
  readonly rowFreshnessP50Ms: number | null;
  readonly rowFreshnessP99Ms: number | null;
  readonly rollupFreshnessP50Ms: number | null;
  readonly rollupFreshnessP99Ms: number | null;
  readonly rssPeakBytes: Readonly<Record<'collector' | 'engine', number>>;
}

/** A steady rate, positional frames: how soon an event is acknowledged, and how soon it is in an answer. */
export async function measurePaced(options: {
  readonly rate: number;
  readonly seconds: number;
  readonly nodeFlags?: readonly string[];
}): Promise<PacedResult> {
  const collector = await CollectorProcess.start({ nodeFlags: options.nodeFlags ?? [] });
  try {
    const load = { format: 'positional', rate: options.rate } as const;
    const warmUp = await runLoad(collector, { ...load, seconds: 2 });
    await untilStored(collector, warmUp);
    const watch = new StoreWatch(collector, { everyMs: 100 });
    const report = await runLoad(collector, { ...load, seconds: options.seconds });
    await untilStored(collector, {
      events: warmUp.events + report.events,
      executions: warmUp.executions + report.executions,
    });
    // One more look of each kind, so that the last rows are seen by the watch too.
    await new Promise((resolve) => setTimeout(resolve, 500));
    await watch.stop();
    const acks = LatencyHistogram.fromPairs(report.ackPairs);
    const rows = freshness(
      report.sent.map(([sentMs, events]) => [sentMs, warmUp.events + events]),
      watch.rows,
    );
    const rollups = freshness(
      report.sent.map(([sentMs, , executions]) => [sentMs, warmUp.executions + executions]),
      watch.executions,
    );
    const [own, ...children] = readTree(collector.pid);
    return {
      ratePerSecond: options.rate,
      sentPerSecond: report.events / options.seconds,
      ackP50Ms: acks.quantile(0.5),
      ackP99Ms: acks.quantile(0.99),
      rowFreshnessP50Ms: rows.quantile(0.5),
      rowFreshnessP99Ms: rows.quantile(0.99),
      rollupFreshnessP50Ms: rollups.quantile(0.5),
      rollupFreshnessP99Ms: rollups.quantile(0.99),
      rssPeakBytes: {
        collector: own?.rssPeakBytes ?? 0,
        engine: children.reduce((sum, { rssPeakBytes }) => sum + rssPeakBytes, 0),
      },
    };
  } finally {
    await collector.stop();
  }
}
