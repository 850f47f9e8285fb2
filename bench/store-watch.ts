import type { CollectorProcess } from './collector-process.js';
import { LatencyHistogram } from './latency-histogram.js';
import type { LoadReport } from './load-generator.js';

/** Counts of the store as they grew: wall time and count, ascending. */
export type Growth = readonly (readonly [number, number])[];

const rowsSql = 'SELECT count() AS n FROM agent_events_raw_v1';
const executionsSql = 'SELECT sum(total) AS n FROM agent_performance_minutely';

/** Looks at the store again and again, from outside, and notes how its counts grow. */
export class StoreWatch {
  readonly rows: [number, number][] = [];
  readonly executions: [number, number][] = [];
  readonly #collector: CollectorProcess;
  #isStopped = false;
  readonly #loops: Promise<void>[];

  constructor(collector: CollectorProcess, options: { readonly everyMs: number }) {
    this.#collector = collector;
    this.#loops = [
      this.#follow(rowsSql, this.rows, options.everyMs),
      this.#follow(executionsSql, this.executions, options.everyMs),
    ];
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#loops);
  }

  async #follow(sql: string, growth: [number, number][], everyMs: number): Promise<void> {
    while (!this.#isStopped) {
      const { n } = await this.#collector.queryOne<{ readonly n: string | number | null }>(sql);
      // What the answer counts was there at the latest when it arrived.
      growth.push([Date.now(), Number(n ?? 0)]);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }
}

/** Resolves when the store holds what was sent, in rows and in both rollups. Throws when it holds anything else. */
export async function untilStored(
  collector: CollectorProcess,
  report: Pick<LoadReport, 'events' | 'executions'>,
): Promise<void> {
  const deadline = performance.now() + 120_000;
  let rows = -1;
  while (rows < report.events && performance.now() < deadline) {
    if (rows >= 0) await new Promise((resolve) => setTimeout(resolve, 100));
    rows = Number((await collector.queryOne<{ readonly n: string }>(rowsSql)).n);
  }
  const rollups = await collector.queryOne<{ readonly minutes: string; readonly days: string }>(
    `SELECT (SELECT sum(total) FROM agent_performance_minutely) AS minutes,
            (SELECT sum(total) FROM agent_performance_daily) AS days`,
  );
  const found = { rows, minutes: Number(rollups.minutes), days: Number(rollups.days) };
  const sent = { rows: report.events, minutes: report.executions, days: report.executions };
  if (JSON.stringify(found) !== JSON.stringify(sent)) {
    throw new Error(`the store holds ${JSON.stringify(found)}, sent were ${JSON.stringify(sent)}; ${collector.output}`);
  }
}

/**
 * Time from the sending of an event until a look at the store counted it. Events reach the store in about the order
 * in which they are sent, so the n-th event sent is taken for the n-th counted; it includes the way to the collector.
 */
export function freshness(sent: Growth, stored: Growth): LatencyHistogram {
  const histogram = new LatencyHistogram();
  let look = 0;
  let before = sent[0]?.[1] ?? 0;
  for (const [sentMs, count] of sent) {
    while (look < stored.length && (stored[look]?.[1] ?? 0) < count) look += 1;
    const seenMs = stored[look]?.[0];
    if (seenMs === undefined) break;
    histogram.record(Math.max(0, seenMs - sentMs), Math.max(0, count - before));
    before = count;
  }
  return histogram;
}
