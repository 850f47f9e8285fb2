import type { Clock, Random } from '../../src/core/clock.js';
import { durationBucketsMs, type WindowSlice } from '../../src/core/event-batch.js';
import { windowSliceMs } from '../../src/core/limits.js';
import { silentLogger } from '../../src/core/logger.js';
import { windowNames } from '../../src/core/ports/live-windows.js';
import { hourMs } from '../../src/core/time-span.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { createLiveWindows, type RollingWindows } from '../../src/window/live-windows.js';
import type { MicroResult } from '../budget.js';

/** Durations of a batch of 4,000 events of which six in ten are executions. */
const durationsPerBatch = 2_400;
const startMs = Date.UTC(2026, 0, 15, 12);

/** What the live windows and the metrics page cost: CPU of the main thread, and memory of an agent. */
export async function measureWindow(random: Random): Promise<MicroResult[]> {
  const busy = busyAgents(random, 20);
  return [
    measureAdd(random, 50),
    measureAdd(random, 1_000),
    measureAdd(random, 10_000),
    ...windowNames.map((window) =>
      measured(`window read ${window}, busy agent`, 'us', (index) => {
        busy.snapshot('default', `agent-${index % 20}`, window);
      }),
    ),
    { name: 'window memory, busy agent, every slice full', value: busy.stats().bytes / 20, unit: 'bytes' },
    measureIdleAgents(random),
    await measurePage(random),
  ];
}

class SteppedClock implements Clock {
  ms = startMs;
  nowMs(): number {
    return this.ms;
  }
  monotonicMs(): number {
    return this.ms - startMs;
  }
  setTimer(): { cancel(): void } {
    return { cancel: () => {} };
  }
}

function createWindows(clock: Clock, keysMax = 10_000): RollingWindows {
  const counter = { inc: () => {} };
  return createLiveWindows(
    { clock, logger: silentLogger, instruments: { keysEvicted: counter, eventsLate: counter } },
    { keysMax, bytesMax: 4e9, futureMs: hourMs },
  );
}

/** Batches at 130,000 events a second of the simulated clock. */
function measureAdd(random: Random, agents: number): MicroResult {
  const clock = new SteppedClock();
  const windows = createWindows(clock);
  const batches = Array.from({ length: 40 }, () => batchOf(random, agents));
  const perBatchMs = 4_000 / 130;
  const usPerBatch = measured('', 'us', (index) => {
    clock.ms += perBatchMs;
    const sliceMs = Math.floor(clock.ms / windowSliceMs) * windowSliceMs;
    windows.add(batches[index % batches.length]!.map((slice) => ({ ...slice, sliceMs })));
  }).value;
  const value = (durationsPerBatch / usPerBatch) * 1e6;
  return { name: `window add, ${agents} agents`, value, unit: 'durations/CPU-s' };
}

/** A day of 70 durations a second for each agent, enough to fill every digest. */
function busyAgents(random: Random, agents: number): RollingWindows {
  const clock = new SteppedClock();
  const windows = createWindows(clock);
  const slices = Array.from({ length: 64 }, () => sliceOf(random, 'agent-0', 350));
  for (let number = 0; number < 86_400_000 / windowSliceMs; number++) {
    // Only the last hour at full rate: older slices are full with a tenth of it.
    if (number < 16_500 && number % 10 !== 0) continue;
    clock.ms = startMs + number * windowSliceMs;
    for (let agent = 0; agent < agents; agent++) {
      windows.add([{ ...slices[(number + agent) % 64]!, agentId: `agent-${agent}`, sliceMs: clock.ms }]);
    }
  }
  return windows;
}

function measureIdleAgents(random: Random): MicroResult {
  const agents = 10_000;
  const clock = new SteppedClock();
  const windows = createWindows(clock);
  for (let agent = 0; agent < agents; agent++) windows.add([sliceOf(random, `agent-${agent}`, 1)]);
  return {
    name: 'window memory, one of 10,000 agents with one event',
    value: windows.stats().bytes / agents,
    unit: 'bytes',
  };
}

async function measurePage(random: Random): Promise<MicroResult> {
  const clock = new SteppedClock();
  const metrics = createMetrics({ clock }, { agentsMax: 500, version: 'bench' });
  const windows = createWindows(clock);
  metrics.observe({ windows });
  for (let number = 0; number < 720; number++) {
    clock.ms = startMs + number * windowSliceMs;
    for (let agent = 0; agent < 500; agent++) {
      const slice = { ...sliceOf(random, `agent-${agent}`, 30), sliceMs: clock.ms };
      windows.add([slice]);
      metrics.executions.recordExecutions(slice);
    }
  }
  await metrics.render();
  const before = cpuMicroseconds();
  const pages = 10;
  for (let page = 0; page < pages; page++) {
    clock.ms += 1_000;
    await metrics.render();
  }
  metrics.close();
  const value = (cpuMicroseconds() - before) / pages / 1000;
  return { name: 'metrics page, 500 agents with an hour of 6 executions a second', value, unit: 'ms' };
}

function batchOf(random: Random, agents: number): WindowSlice[] {
  const durations = new Map<number, number>();
  for (let index = 0; index < durationsPerBatch; index++) {
    const agent = Math.floor(random() * agents);
    durations.set(agent, (durations.get(agent) ?? 0) + 1);
  }
  return [...durations].map(([agent, count]) => sliceOf(random, `agent-${agent}`, count));
}

function sliceOf(random: Random, agentId: string, count: number): WindowSlice {
  const durations = new Float64Array(2 * count);
  for (let index = 0; index < count; index++) {
    durations[2 * index] = Math.exp(7 + 2 * (random() + random() + random() - 1.5));
    durations[2 * index + 1] = 1;
  }
  const values = durations.filter((_, index) => index % 2 === 0);
  const durationBuckets = new Uint32Array(durationBucketsMs.length + 1);
  for (const value of values) durationBuckets[durationBucketsMs.findIndex((bound) => value <= bound)]! += 1;
  return {
    tenant: 'default',
    agentId,
    sliceMs: startMs,
    completed: count,
    failed: 1,
    cancelled: 0,
    durations,
    durationSumMs: values.reduce((sum, value) => sum + value, 0),
    durationMinMs: Math.min(...values),
    durationMaxMs: Math.max(...values),
    durationBuckets,
    llmCalls: count,
    tokensIn: 900 * count,
    tokensOut: 90 * count,
    costMicros: 70 * count,
    tokensUnpriced: 0,
    errors: random() < 0.1 ? { tool: 1 } : {},
    confidenceSum: count / 2,
    confidenceCount: count,
    memoryMbMax: 512,
  };
}

/** CPU microseconds of a call, after a warm-up; two seconds of CPU at most. */
export function measured(name: string, unit: string, call: (index: number) => void): MicroResult {
  let calls = 0;
  for (const until = cpuMicroseconds() + 300_000; cpuMicroseconds() < until; ) call(calls++);
  const from = cpuMicroseconds();
  const first = calls;
  while (cpuMicroseconds() < from + 700_000) call(calls++);
  return { name, value: (cpuMicroseconds() - from) / (calls - first), unit };
}

function cpuMicroseconds(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
