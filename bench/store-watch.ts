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

interface StoredCounts {
  readonly rows: number;
  readonly minutes: number;
  readonly days: number;
}

/** An insert fills the raw table first and the rollups after it: what is not complete by then is missing. */
const storedMsMax = 60_000;

/** Resolves when the store holds what was sent, in rows and in both rollups. Throws when it does not come to that. */
export async function untilStored(
  collector: CollectorProcess,
  sent: Pick<LoadReport, 'events' | 'executions'>,
): Promise<void> {
  const wanted = { rows: sent.events, minutes: sent.executions, days: sent.executions };
  const deadline = performance.now() + storedMsMax;
  for (;;) {
    const found = await readStored(collector, wanted.rows);
    if (found.rows === wanted.rows && found.minutes === wanted.minutes && found.days === wanted.days) return;
    if (performance.now() > deadline) {
      const differing = `the store holds ${JSON.stringify(found)}, sent were ${JSON.stringify(wanted)}`;
      throw new Error(`${differing}; ${collector.output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The rollups are only asked when the rows are complete: counting rows costs nothing, summing a rollup does. */
async function readStored(collector: CollectorProcess, rowsWanted: number): Promise<StoredCounts> {
  const rows = Number((await collector.queryOne<{ readonly n: string }>(rowsSql)).n);
  if (rows < rowsWanted) return { rows, minutes: 0, days: 0 };
  const { minutes, days } = await collector.queryOne<{ readonly minutes: string; readonly days: string }>(
    `SELECT (SELECT sum(total) FROM agent_performance_minutely) AS minutes,
            (SELECT sum(total) FROM agent_performance_daily) AS days`,
  );
  return { rows, minutes: Number(minutes), days: Number(days) };
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
