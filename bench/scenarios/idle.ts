import { createTidemarkClient } from '../../src/sdk/index.js';
import { benchKey, CollectorProcess } from '../collector-process.js';
import { readTree } from '../process-usage.js';

export interface IdleResult {
  /** Start of the process to the first acknowledged event. */
  readonly firstAckMs: number;
  readonly seconds: number;
  /** Percent of one processor, both processes together. */
  readonly cpuPercent: number;
  readonly rssBytes: Readonly<Record<'collector' | 'engine', number>>;
}

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
    // The engine may still be starting, and the first event is on its way to the store.
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    const beforeMs = collector.cpuMs();
    await new Promise((resolve) => setTimeout(resolve, options.seconds * 1_000));
    const usedMs = collector.cpuMs() - beforeMs;
    const [own, ...children] = readTree(collector.pid);
    return {
      firstAckMs,
      seconds: options.seconds,
      cpuPercent: usedMs / (10 * options.seconds),
      rssBytes: {
        collector: own?.rssBytes ?? 0,
        engine: children.reduce((sum, { rssBytes }) => sum + rssBytes, 0),
      },
    };
  } finally {
    await collector.stop();
  }
}
