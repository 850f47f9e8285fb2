import { expect, test } from 'vitest';
import { windowNames } from '../../src/core/ports/live-windows.js';
import { createEndpointWindows } from '../../src/window/endpoint-windows.js';
import { FakeClock } from '../support/fake-clock.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';

function setUp() {
  const clock = new FakeClock();
  const endpoints = createEndpointWindows(clock);
  const record = (status: number, durationMs: number, route = '/a', method = 'GET') =>
    endpoints.recordRequest(route, method, status, durationMs / 1_000);
  return { clock, endpoints, record };
}

test('requests are counted by route and method, errors by whose they are', () => {
  const { endpoints, record } = setUp();
  for (const status of [200, 101, 304, 400, 404, 499, 500, 504]) record(status, 10);
  record(202, 5, '/a', 'POST');
  record(404, 1, '(unmatched)');
  const counts = endpoints
    .snapshot('1m')
    .map(({ method, route, requests, clientErrors, serverErrors }) => [
      `${method} ${route}`,
      requests,
      clientErrors,
      serverErrors,
    ]);
  expect(counts).toEqual([
    ['GET /a', 8, 3, 2],
    ['POST /a', 1, 0, 0],
    ['GET (unmatched)', 1, 1, 0],
  ]);
});

test('a request is in every window from the moment it was recorded, and leaves each in its time', () => {
  const { clock, endpoints, record } = setUp();
  const requests = () =>
    Object.fromEntries(windowNames.map((name) => [name, endpoints.snapshot(name)[0]?.requests ?? 0]));
  record(200, 1);
  expect(requests()).toEqual({ '1m': 1, '5m': 1, '15m': 1, '1h': 1, '24h': 1 });
  record(200, 1);
  clock.advance(60_000);
  expect(requests()).toEqual({ '1m': 0, '5m': 2, '15m': 2, '1h': 2, '24h': 2 });
  clock.advance(240_000);
  record(200, 1);
  expect(requests()).toEqual({ '1m': 1, '5m': 1, '15m': 3, '1h': 3, '24h': 3 });
  clock.advance(600_000);
  expect(requests()).toEqual({ '1m': 0, '5m': 0, '15m': 1, '1h': 3, '24h': 3 });
  clock.advance(3_000_000);
  expect(requests()).toEqual({ '1m': 0, '5m': 0, '15m': 0, '1h': 0, '24h': 3 });
  clock.advance(86_400_000);
  expect(endpoints.snapshot('24h')).toEqual([]);
  expect(endpoints.bytes, 'nothing is kept that no window reaches').toBe(0);
});

test('requests of hours ago are in the longest window only', () => {
  const { clock, endpoints, record } = setUp();
  for (let index = 0; index < 200; index++) record(200, 1);
  clock.advance(2 * 3_600_000);
  expect(endpoints.snapshot('1h')).toEqual([]);
  expect(endpoints.snapshot('24h')).toMatchObject([{ requests: 200 }]);
});

test('few durations have exact percentiles, a single one is all of them', () => {
  const { endpoints, record } = setUp();
  record(200, 7);
  expect(endpoints.snapshot('5m')).toMatchObject([{ p50Ms: 7, p90Ms: 7, p99Ms: 7 }]);
  for (const durationMs of [1, 2, 3, 4]) record(200, durationMs);
  expect(endpoints.snapshot('5m')[0]?.p50Ms).toBeCloseTo(3, 5);
});

test('percentiles of a hundred thousand requests over ten minutes are within 1 % of the exact ones', () => {
  const seed = testSeed(7);
  const random = seededRandom(seed);
  const { clock, endpoints, record } = setUp();
  const durations = Array.from({ length: 100_000 }, () => Math.exp(2 + 2 * (random() + random() + random() - 1.5)));
  for (const durationMs of durations) {
    record(200, durationMs);
    clock.advance(6);
  }
  durations.sort((a, b) => a - b);
  const exact = (rank: number) => durations[Math.floor(rank * durations.length)]!;
  for (const window of ['15m', '1h', '24h'] as const) {
    const [found] = endpoints.snapshot(window);
    expect(found?.requests).toBe(100_000);
    for (const [value, rank] of [
      [found?.p50Ms, 0.5],
      [found?.p90Ms, 0.9],
      [found?.p99Ms, 0.99],
    ] as const) {
      expect(Math.abs(value! / exact(rank) - 1), `seed ${seed}, ${window}, rank ${rank}`).toBeLessThan(0.01);
    }
  }
});

test('a day of a busy endpoint has a bounded memory', () => {
  const { clock, endpoints, record } = setUp();
  const random = seededRandom(testSeed(8));
  for (let slice = 0; slice < 86_400 / 5; slice++) {
    for (let index = 0; index < 40; index++) record(200, Math.exp(10 * random()));
    clock.advance(5_000);
  }
  expect(endpoints.snapshot('24h')[0]?.requests).toBeGreaterThan(680_000);
  expect(endpoints.bytes).toBeLessThan(400_000);
});
