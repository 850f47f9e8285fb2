import { expect, test } from 'vitest';
import type { Random } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';
import { type WindowName, windowMs } from '../../src/core/ports/live-windows.js';
import { createLiveWindows } from '../../src/window/live-windows.js';
import { defaultWindowLimits } from '../support/default-config.js';
import { FakeClock } from '../support/fake-clock.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';
import { CountingCounter, sliceOf } from './window-slices.js';

const events = 100_000;
const now = Date.UTC(2026, 0, 15, 12, 7, 33);

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

const shapes = {
  'log-normal': { errorMax: 0.01, draw: (random: Random) => Math.exp(7 + normal(random)) },
  'Pareto(1.2)': { errorMax: 0.02, draw: (random: Random) => 500 * (1 - random()) ** (-1 / 1.2) },
} as const;

const orders = ['in order of time', 'newest first', 'shuffled'] as const;

function exactQuantile(sorted: Float64Array, rank: number): number {
  const at = rank * (sorted.length - 1);
  const low = sorted[Math.floor(at)]!;
  return low + (sorted[Math.ceil(at)]! - low) * (at - Math.floor(at));
}

/** Batches of 20 to 400 events, spread evenly over the window. */
function batchesOf(values: Float64Array, random: Random, window: WindowName) {
  const batches: { timeMs: number; values: number[] }[] = [];
  const spanMs = windowMs[window] - 600_000 * Number(window === '24h') - 60_000 * Number(window === '1h') - 5_000;
  for (let from = 0; from < values.length; ) {
    const size = 20 + Math.floor(random() * 380);
    const timeMs = now - spanMs * (1 - from / values.length);
    batches.push({ timeMs, values: Array.from(values.subarray(from, from + size)) });
    from += size;
  }
  return batches;
}

for (const [shape, { draw, errorMax }] of Object.entries(shapes)) {
  for (const window of ['1m', '5m', '15m', '1h', '24h'] as const) {
    test.each(orders)(
      `p50, p95 and p99 of 100,000 ${shape} durations over ${window} are close to exact, %s`,
      (order) => {
        const seed = testSeed(1);
        const random = seededRandom(seed);
        const values = Float64Array.from({ length: events }, () => draw(random));
        const batches = batchesOf(values, random, window);
        if (order === 'newest first') batches.reverse();
        if (order === 'shuffled') {
          const keyed = batches.map((batch) => ({ batch, key: random() })).sort((a, b) => a.key - b.key);
          batches.splice(0, batches.length, ...keyed.map(({ batch }) => batch));
        }
        const instruments = { keysEvicted: new CountingCounter(), eventsLate: new CountingCounter() };
        const windows = createLiveWindows(
          { clock: new FakeClock(now), logger: silentLogger, instruments },
          defaultWindowLimits,
        );
        for (const batch of batches) windows.add([sliceOf(batch.timeMs, batch.values)]);

        const { duration } = windows.snapshot('acme', 'planner', window)!;
        const sorted = values.slice().sort();
        expect(duration.count).toBe(events);
        expect(duration.min).toBe(sorted[0]);
        expect(duration.max).toBe(sorted[events - 1]);
        const errors = (
          [
            ['p50', 0.5],
            ['p95', 0.95],
            ['p99', 0.99],
          ] as const
        ).map(([name, rank]) => Math.abs(duration[name]! / exactQuantile(sorted, rank) - 1));
        expect(Math.max(...errors), `p50, p95, p99 off by ${errors}, seed ${seed}`).toBeLessThan(errorMax);
      },
    );
  }
}
