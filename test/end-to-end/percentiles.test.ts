import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';
import { StreamProducer } from '../support/stream-producer.js';

const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-percentiles-'));
const collector = new CollectorProcess({ dataDir });
beforeAll(() => collector.start());
afterAll(async () => {
  await collector.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const eventCount = 100_000;
const eventsPerFrame = 500;
const seed = testSeed(4711);

interface Percentiles {
  readonly p50_ms: number;
  readonly p95_ms: number;
  readonly p99_ms: number;
}

const distributions = [
  { agent: 'log-normal', errorMax: 0.01, draw: (random: () => number) => Math.exp(7 + gaussian(random)) },
  { agent: 'pareto', errorMax: 0.02, draw: (random: () => number) => 100 / (1 - random()) ** (1 / 1.2) },
];

test.each(distributions)(
  '$agent: live and stored percentiles of 100,000 executions are within $errorMax of the exact ones',
  async ({ agent, errorMax, draw }) => {
    const random = seededRandom(seed);
    const durations = Array.from({ length: eventCount }, () => draw(random));
    const producer = new StreamProducer({
      name: agent,
      key: testKey,
      url: () => collector.streamUrl,
      framesMax: eventCount / eventsPerFrame,
      random,
      repeatRatio: 0,
      frame: (seq) => ({ seq, good: eventsPerFrame, events: frameOf(agent, durations, seq) }),
    });
    await producer.run();
    await collector.untilStored(eventCount, `agent_id = '${agent}'`);
    const exact = exactPercentiles(durations);

    const live = await collector.get<{
      windows: Record<string, { total_executions: number; execution_times: Percentiles }>;
    }>(`/api/v1/agents/${agent}/live`);
    expect(live.windows['1h']?.total_executions).toBe(eventCount);
    expectWithin(live.windows['1h']!.execution_times, exact, errorMax, 'live');

    // One aggregated day is today, and some of it may have been sent yesterday.
    for (const [type, range] of [
      ['aggregated', '7d'],
      ['realtime', '1d'],
    ] as const) {
      const path = `/api/v1/agents/${agent}/metrics?time_range=${range}&metric_type=${type}`;
      const answer = () => collector.get<{ total_executions: number; execution_times: Percentiles }>(path);
      await expect.poll(async () => (await answer()).total_executions).toBe(eventCount);
      expectWithin((await answer()).execution_times, exact, errorMax, type);
    }
  },
);

function frameOf(agent: string, durations: readonly number[], seq: number): object[] {
  const first = (seq - 1) * eventsPerFrame;
  return durations.slice(first, first + eventsPerFrame).map((duration_ms, index) => ({
    type: 'task.completed',
    agent_id: agent,
    task_id: `${agent}-${first + index}`,
    duration_ms,
  }));
}

/** Box and Muller's transform of two uniform numbers. */
function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function exactPercentiles(values: readonly number[]): Percentiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (quantile: number): number => sorted[Math.ceil(quantile * sorted.length) - 1]!;
  return { p50_ms: at(0.5), p95_ms: at(0.95), p99_ms: at(0.99) };
}

function expectWithin(measured: Percentiles, exact: Percentiles, errorMax: number, where: string): void {
  for (const name of ['p50_ms', 'p95_ms', 'p99_ms'] as const) {
    const error = Math.abs(measured[name] / exact[name] - 1);
    expect(error, `${where} ${name} ${measured[name]} against ${exact[name]}, seed ${seed}`).toBeLessThan(errorMax);
  }
}
