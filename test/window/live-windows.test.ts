import { expect, test } from 'vitest';
import { silentLogger } from '../../src/core/logger.js';
import { windowMs, windowNames } from '../../src/core/ports/live-windows.js';
import { createLiveWindows, type LiveWindowsOptions } from '../../src/window/live-windows.js';
import { defaultWindowLimits } from '../support/default-config.js';
import { FakeClock } from '../support/fake-clock.js';
import { randomInteger, seededRandom, testSeed } from '../support/seeded-random.js';
import { CountingCounter, sliceOf } from './window-slices.js';

const noon = Date.UTC(2026, 0, 15, 12);

function setUp(options: Partial<LiveWindowsOptions> = {}, startMs = noon) {
  const clock = new FakeClock(startMs);
  const instruments = { keysEvicted: new CountingCounter(), eventsLate: new CountingCounter() };
  const windows = createLiveWindows(
    { clock, logger: silentLogger, instruments },
    { ...defaultWindowLimits, ...options },
  );
  const total = (window: (typeof windowNames)[number], agentId = 'planner') =>
    windows.snapshot('acme', agentId, window)?.total;
  return { clock, windows, instruments, total };
}

test('a snapshot adds up counts, usage, errors, confidence and memory of its slices', () => {
  const { windows } = setUp();
  windows.add([
    sliceOf(noon, [100, 300], {
      failed: 1,
      cancelled: 1,
      llmCalls: 3,
      tokensIn: 1000,
      tokensOut: 50,
      costMicros: 42,
      tokensUnpriced: 30,
      errors: { tool: 1 },
      confidenceSum: 1.5,
      confidenceCount: 2,
      memoryMbMax: 256,
    }),
    sliceOf(noon - 20_000, [200], {
      failed: 3,
      errors: { tool: 2, model: 1 },
      tokensIn: 1,
      tokensUnpriced: 1,
      memoryMbMax: 512,
    }),
  ]);
  // The highest is neither the first nor the last, of the slices and of what one slice was told.
  windows.add([sliceOf(noon - 20_000, [], { memoryMbMax: 300 }), sliceOf(noon - 40_000, [], { memoryMbMax: 128 })]);
  expect(windows.snapshot('acme', 'planner', '1m')).toEqual({
    total: 8,
    completed: 3,
    failed: 4,
    cancelled: 1,
    successRate: 3 / 7,
    duration: { count: 3, avg: 200, min: 100, max: 300, p50: 200, p95: 300, p99: 300 },
    llmCalls: 3,
    tokensIn: 1001,
    tokensOut: 50,
    costMicros: 42,
    tokensUnpriced: 31,
    errors: { tool: 3, model: 1 },
    confidenceAvg: 0.75,
    memoryMbMax: 512,
  });
});

test('a window without executions has nulls, and an unknown agent has no windows', () => {
  const { clock, windows } = setUp();
  windows.add([sliceOf(noon, [], { tokensIn: 7 })]);
  const snapshot = windows.snapshot('acme', 'planner', '5m');
  expect(snapshot).toMatchObject({ total: 0, successRate: null, tokensIn: 7, confidenceAvg: null, memoryMbMax: null });
  expect(snapshot?.duration).toEqual({ count: 0, avg: null, min: null, max: null, p50: null, p95: null, p99: null });
  expect(windows.snapshot('acme', 'nobody', '5m')).toBeUndefined();
  expect(windows.snapshot('globex', 'planner', '5m')).toBeUndefined();
  expect(windows.lastSeenMs('acme', 'planner')).toBe(noon);
  expect(windows.lastSeenMs('globex', 'planner')).toBeUndefined();
  clock.advance(2 * windowMs['24h']);
  expect(windows.lastSeenMs('acme', 'planner')).toBeUndefined();
});

test.each([
  ['1m', 5_000],
  ['5m', 5_000],
  ['15m', 5_000],
  ['1h', 60_000],
  ['24h', 600_000],
] as const)('the %s window drops a slice exactly when it has left it, without any event', (window, widthMs) => {
  const { clock, windows, total } = setUp();
  windows.add([sliceOf(noon, [10])]);
  clock.advance(windowMs[window] - 1);
  expect(total(window)).toBe(1);
  clock.advance(1);
  expect(total(window)).toBe(window === '24h' ? undefined : 0);
  // The slice that began one width later is still in.
  windows.add([sliceOf(noon + widthMs, [10])]);
  clock.advance(widthMs - 1);
  expect(total(window)).toBe(1);
  clock.advance(1);
  expect(total(window) ?? 0).toBe(0);
});

test('windows equal a recount of their slices at any time, with late, future and out-of-order batches', () => {
  const seed = testSeed(20260115);
  const random = seededRandom(seed);
  const { clock, windows, instruments } = setUp();
  const widthOf = { '1m': 5_000, '5m': 5_000, '15m': 5_000, '1h': 60_000, '24h': 600_000 } as const;
  const times: number[] = [];
  let late = 0;
  for (let step = 0; step < 3_000; step++) {
    clock.advance(randomInteger(random, { min: 0, max: 90_000 }));
    const reachMs = [60_000, 1_000_000, 90_000_000][randomInteger(random, { min: 0, max: 2 })]!;
    const timeMs = clock.nowMs() + 3_000_000 * random() * Number(random() < 0.1) - reachMs * random();
    const slice = sliceOf(timeMs, [1 + random()]);
    windows.add([slice]);
    if (slice.sliceMs < (Math.floor(clock.nowMs() / 600_000) - 143) * 600_000) late++;
    else times.push(slice.sliceMs);
    if (step % 20 !== 0) continue;
    for (const window of windowNames) {
      const width = widthOf[window];
      const from = (Math.floor(clock.nowMs() / width) + 1) * width - windowMs[window];
      const expected = times.filter((time) => time >= from && time <= clock.nowMs()).length;
      const snapshot = windows.snapshot('acme', 'planner', window);
      expect([snapshot?.total ?? 0, snapshot?.duration.count ?? 0], `${window}, seed ${seed}`).toEqual([
        expected,
        expected,
      ]);
    }
  }
  expect(instruments.eventsLate.value).toBe(late);
  expect(late).toBeGreaterThan(0);
});

test('an event older than the longest window is counted as late and changes nothing', () => {
  const { windows, instruments, total } = setUp();
  windows.add([sliceOf(noon, [5]), sliceOf(noon - windowMs['24h'], [1, 2, 3], { failed: 1 })]);
  expect(total('24h')).toBe(1);
  expect(instruments.eventsLate.value).toBe(4);
});

test('an event from the future is counted when its time has come', () => {
  const { clock, windows, total } = setUp();
  windows.add([sliceOf(noon, [5]), sliceOf(noon + 3_600_000, [1, 2])]);
  expect(windowNames.map((window) => total(window))).toEqual([1, 1, 1, 1, 1]);
  clock.advance(3_600_000);
  expect(windowNames.map((window) => total(window))).toEqual([2, 2, 2, 2, 3]);
});

test('slices far in the future, after the clock was set back, take no more memory than the accepted skew', () => {
  const { clock, windows } = setUp({ futureMs: 60_000 });
  clock.stepWall(-windowMs['24h']);
  for (let minute = 0; minute < 600; minute++) windows.add([sliceOf(noon + minute * 60_000, [1])]);
  const { bytes } = windows.stats();
  expect(bytes).toBeLessThan(20_000);
  clock.advance(60_000);
  expect(windows.snapshot('acme', 'planner', '1m')?.total).toBe(600);
});

test('the least recently active agent is evicted beyond keysMax, and counted', () => {
  const { clock, windows, instruments, total } = setUp({ keysMax: 3 });
  for (const agentId of ['a', 'b', 'c']) windows.add([sliceOf(noon, [1], { agentId })]);
  clock.advance(1_000);
  windows.add([sliceOf(noon, [1], { agentId: 'a' })]);
  windows.add([sliceOf(noon, [1], { agentId: 'd' })]);
  expect([...windows.keys()].map((key) => key.agentId)).toEqual(['d', 'a', 'c']);
  expect(total('1m', 'b')).toBeUndefined();
  expect(total('1m', 'a')).toBe(2);
  expect(instruments.keysEvicted.value).toBe(1);
});

test('an agent that was evicted is said to be so until its longest window holds again what it should', () => {
  const { clock, windows } = setUp({ keysMax: 2 });
  for (const agentId of ['a', 'b', 'c', 'd']) {
    windows.add([sliceOf(clock.nowMs(), [100], { agentId })]);
    clock.advance(60_000);
  }
  const evictedAt = (agentId: string) => windows.evictedMs('acme', agentId);
  expect(['a', 'b', 'c', 'd'].map(evictedAt)).toEqual([noon + 120_000, noon + 180_000, undefined, undefined]);
  // It is back, without what it had before.
  windows.add([sliceOf(clock.nowMs(), [100], { agentId: 'a' })]);
  expect(evictedAt('a')).toBe(noon + 120_000);
  clock.advance(windowMs['24h']);
  expect(['a', 'b', 'c'].map(evictedAt)).toEqual([undefined, undefined, undefined]);
});

test('of more evicted agents than are remembered, nobody who is not there passes for quiet', () => {
  const { clock, windows } = setUp({ keysMax: 2 });
  for (let index = 0; index < 6; index++) {
    windows.add([sliceOf(clock.nowMs(), [100], { agentId: `a${index}` })]);
    clock.advance(1_000);
  }
  expect(windows.evictedMs('acme', 'a0')).toBe(noon + 3_000);
  expect(windows.evictedMs('acme', 'a3')).toBe(noon + 5_000);
  expect(windows.evictedMs('acme', 'a5')).toBe(undefined);
});

test('memory stays within bytesMax by evicting, and what agents held is given back', () => {
  const { clock, windows, instruments } = setUp({ bytesMax: 300_000 });
  for (let step = 0; step < 400; step++) {
    clock.advance(5_000);
    windows.add(
      Array.from({ length: 10 }, (_, agent) =>
        sliceOf(clock.nowMs(), [1, 2, 3], { agentId: `agent-${agent}`, errors: { tool: 1 } }),
      ),
    );
    expect(windows.stats().bytes).toBeLessThanOrEqual(300_000);
  }
  expect(instruments.keysEvicted.value).toBeGreaterThan(0);
  clock.advance(2 * windowMs['24h']);
  for (let batch = 0; batch < 10; batch++) windows.add([]);
  expect(windows.stats()).toEqual({ keys: 0, bytes: 0 });
});

test('keys lists only agents that are in the longest window, though nothing was added since', () => {
  const { clock, windows } = setUp();
  windows.add([sliceOf(noon, [1], { agentId: 'old' })]);
  clock.advance(windowMs['24h'] / 2);
  windows.add([sliceOf(clock.nowMs(), [1], { agentId: 'young' })]);
  clock.advance(windowMs['24h'] / 2);
  expect([...windows.keys()]).toEqual([{ tenant: 'acme', agentId: 'young' }]);
});
