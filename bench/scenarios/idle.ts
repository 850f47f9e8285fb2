import { createTidemarkClient } from '../../src/sdk/index.js';
import { benchKey, CollectorProcess } from '../collector-process.js';
import { readTree } from '../process-usage.js';

export interface IdleResult {
  /** Start of the process to the first acknowledged event. */
  readonly firstAckMs: number;
  readonly seconds: number;
  /** Percent of one processor, both processes together. */
  readonly cpuPercent: number;
  /** The same with one client connected, which sends nothing, and a scrape of `/metrics` every 15 s. */
  readonly watchedCpuPercent: number;
  readonly rssBytes: Readonly<Record<'collector' | 'engine', number>>;
}

/**
 * The engine may still be starting, and the first event is on its way to the store; 20 s after the start the pages that
 * only it needed are unmapped, and 10 s later V8 shrinks the heap that it took, once, for 0.1 s of CPU.
 */
const settledMs = 40_000;

/** How long a fresh collector takes to its first ack, and what it costs when nothing happens. */
export async function measureIdle(options: { readonly seconds: number }): Promise<IdleResult> {
  const startedMs = performance.now();
  const collector = await CollectorProcess.launch();
  try {
    const client = createTidemarkClient({
      url: collector.url,
      key: benchKey,
      batchAgeMsMax: 0,
      reconnectMsMin: 5,
      reconnectMsMax: 20,
    });
    client.trySend({ type: 'heartbeat', agent_id: 'first' });
    await client.flush();
    const firstAckMs = performance.now() - startedMs;
    await client.close();
    await new Promise((resolve) => setTimeout(resolve, settledMs));
    const cpuPercent = await cpuPercentOver(collector, options.seconds);
    const [own, ...children] = readTree(collector.pid);
    return {
      firstAckMs,
      seconds: options.seconds,
      cpuPercent,
      watchedCpuPercent: await whileWatched(collector, () => cpuPercentOver(collector, options.seconds)),
      rssBytes: {
        collector: own?.rssBytes ?? 0,
        engine: children.reduce((sum, { rssBytes }) => sum + rssBytes, 0),
      },
    };
  } finally {
    await collector.stop();
  }
}

async function cpuPercentOver(collector: CollectorProcess, seconds: number): Promise<number> {
  const beforeMs = collector.cpuMs();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  return (collector.cpuMs() - beforeMs) / (10 * seconds);
}

async function whileWatched<T>(collector: CollectorProcess, measure: () => Promise<T>): Promise<T> {
  const watcher = createTidemarkClient({ url: collector.url, key: benchKey });
  watcher.trySend({ type: 'heartbeat', agent_id: 'first' });
  await watcher.flush();
  const scrapes = setInterval(() => void collector.metrics(), 15_000);
  try {
    return await measure();
  } finally {
    clearInterval(scrapes);
    await watcher.close();
  }
}
