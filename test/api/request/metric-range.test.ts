import { expect, test } from 'vitest';
import { latestSpan, type MetricRange, type MetricType, metricRange } from '../../../src/api/request/metric-range.js';
import { RequestProblem } from '../../../src/core/problem.js';
import type { TimeSpan } from '../../../src/core/time-span.js';
import { seededRandom, testSeed } from '../../support/seeded-random.js';

const seed = testSeed(41);
const minuteMs = 60_000;
const dayMs = 86_400_000;
const nowMs = Date.UTC(2026, 5, 17, 13, 27, 41, 500);
const todayMs = Date.UTC(2026, 5, 17);

/** How often a minute is read: its day in the day rollup, or itself in the minutes. */
function readings(timeMs: number, { days, minutes, dayLeftOutMs }: MetricRange['performance']): number {
  const day = Math.floor(timeMs / dayMs) * dayMs;
  const inDays = holds(days, day) && day !== dayLeftOutMs;
  // The spans of minutes are joined by OR: one that lies in two is read once.
  return Number(inDays) + Number(minutes.some((span) => holds(span, timeMs)));
}

function holds({ fromMs, toMs }: TimeSpan, timeMs: number): boolean {
  return timeMs >= fromMs && timeMs < toMs;
}

/** Minutes at and around every edge of a range, and some within. */
function probes({ span, splitMs, performance }: MetricRange): number[] {
  const edges = [span, performance.days, ...performance.minutes].flatMap(({ fromMs, toMs }) => [fromMs, toMs]);
  const within = Array.from({ length: 50 }, (_, index) => span.fromMs + (index / 50) * (span.toMs - span.fromMs));
  return [...edges, splitMs ?? 0, ...within].flatMap((timeMs) => {
    const minute = Math.floor(timeMs / minuteMs) * minuteMs;
    return [minute - dayMs, minute - minuteMs, minute, minute + minuteMs, minute + dayMs];
  });
}

function checkReads(range: MetricRange): void {
  const { span, splitMs, performance, halves } = range;
  const wrong = probes(range).filter((timeMs) => {
    const times = Number(holds(span, timeMs));
    return readings(timeMs, performance) !== times || (halves !== null && readings(timeMs, halves) !== times);
  });
  expect(wrong.map((timeMs) => new Date(timeMs).toISOString())).toEqual([]);
  expect(performance.minutes.length).toBeLessThanOrEqual(3);
  if (splitMs === null) return;
  expect(splitMs).toBeGreaterThanOrEqual(span.fromMs);
  expect(splitMs).toBeLessThan(span.toMs);
  // A bucket lies in one half.
  const splitDay = Math.floor(splitMs / dayMs) * dayMs;
  const { days, dayLeftOutMs } = halves ?? performance;
  if (splitMs !== splitDay && holds(days, splitDay)) expect(dayLeftOutMs).toBe(splitDay);
}

test('whatever is asked for, every minute of the range is read once and no other', () => {
  const random = seededRandom(seed);
  for (let at = 0; at < 1_000; at++) {
    const lengthMs = Math.ceil(random() ** 3 * 89 * dayMs);
    const aligned = random();
    const step = aligned < 0.3 ? dayMs : aligned < 0.6 ? minuteMs : 1;
    const fromMs = Math.floor((nowMs - random() * (89 * dayMs - lengthMs) - lengthMs) / step) * step;
    const asked = { fromMs, toMs: Math.ceil((fromMs + lengthMs) / step) * step };
    for (const type of ['realtime', 'aggregated'] as const) {
      if (type === 'realtime' && fromMs < nowMs - 90 * dayMs) continue;
      const range = metricRange(asked, type, nowMs);
      expect(range.span.fromMs, `seed ${seed}`).toBeLessThanOrEqual(asked.fromMs);
      expect(range.span.toMs).toBeGreaterThanOrEqual(asked.toMs);
      const width = type === 'realtime' ? minuteMs : dayMs;
      expect(range.span.toMs - range.span.fromMs).toBeLessThan(lengthMs + 2 * width + step);
      checkReads(range);
    }
  }
});

test.each(['realtime', 'aggregated'] as const)('the latest days of %s metrics are split in the middle', (type) => {
  for (const days of [1, 7, 30, 90]) {
    const range = metricRange(latestSpan(days, type, nowMs), type, nowMs);
    checkReads(range);
    expect(range.span.toMs - range.span.fromMs).toBe(days * dayMs);
    if (type === 'realtime') expect(range.splitMs).toBe((range.span.fromMs + range.span.toMs) / 2);
    else if (days > 1) expect(range.splitMs).toBe(range.span.fromMs + Math.floor(days / 2) * dayMs);
    else expect(range.splitMs).toBe(todayMs + 6 * 3_600_000 + 43 * minuteMs);
  }
});

test('a range that is not over is split in the middle of the time that has passed', () => {
  const untilTonight = { fromMs: todayMs, toMs: todayMs + dayMs };
  expect(metricRange(untilTonight, 'realtime', nowMs).splitMs).toBe(todayMs + 6 * 3_600_000 + 44 * minuteMs);
  const untilNextMonth = { fromMs: todayMs - 3 * dayMs, toMs: todayMs + 20 * dayMs };
  expect(metricRange(untilNextMonth, 'aggregated', nowMs).splitMs).toBe(todayMs - dayMs);
  checkReads(metricRange(untilNextMonth, 'realtime', nowMs));
});

const old = todayMs - 200 * dayMs;

test.each([
  ['whole days', old, old + 10 * dayMs, old + 5 * dayMs],
  ['an odd number of days', old, old + 3 * dayMs, old + 2 * dayMs],
  ['two days', old, old + 2 * dayMs, old + dayMs],
  ['one day, whose halves nothing tells apart', old, old + dayMs, null],
  ['from then until an hour ago', old, nowMs - 3_600_000, old + 100 * dayMs],
])('a realtime range older than the minutes is split at midnight: %s', (_, fromMs, toMs, splitMs) => {
  const range = metricRange({ fromMs, toMs }, 'realtime', nowMs);
  expect(range.splitMs).toBe(splitMs);
  checkReads(range);
  expect(range.performance.minutes.every((span) => span.fromMs >= nowMs - 90 * dayMs)).toBe(true);
});

test.each([
  ['begins', old + minuteMs, old + 10 * dayMs],
  ['ends', old, old + 10 * dayMs + minuteMs],
  ['lies', old + 60 * minuteMs, old + 120 * minuteMs],
])(
  'a realtime range that %s within a day older than the minutes is refused, and told of aggregated',
  (_, fromMs, toMs) => {
    expect(() => metricRange({ fromMs, toMs }, 'realtime', nowMs)).toThrow(RequestProblem);
    expect(() => metricRange({ fromMs, toMs }, 'realtime', nowMs)).toThrow(/metric_type=aggregated/);
    checkReads(metricRange({ fromMs, toMs }, 'aggregated', nowMs));
  },
);

function errorsOf(fromMs: number, toMs: number, type: MetricType) {
  return metricRange({ fromMs, toMs }, type, nowMs).errors;
}

test('errors come from raw events while they are kept, then from the days, and an edge that is lost is told', () => {
  const hour = 3_600_000;
  const raw = errorsOf(todayMs - 29 * dayMs + hour, todayMs + hour, 'realtime');
  expect(raw.raw).toEqual([{ fromMs: todayMs - 29 * dayMs + hour, toMs: todayMs + hour }]);
  expect(raw.covered).toEqual(raw.raw[0]);
  const longer = errorsOf(todayMs - 60 * dayMs + hour, todayMs + hour, 'realtime');
  expect(longer.days).toEqual({ fromMs: todayMs - 59 * dayMs, toMs: todayMs });
  expect(longer.raw).toEqual([{ fromMs: todayMs, toMs: todayMs + hour }]);
  expect(longer.covered).toEqual({ fromMs: todayMs - 59 * dayMs, toMs: todayMs + hour });
  const lost = errorsOf(todayMs - 60 * dayMs + hour, todayMs - 60 * dayMs + 2 * hour, 'realtime');
  expect(lost).toMatchObject({ raw: [], covered: null });
  const days = errorsOf(todayMs - 9 * dayMs, todayMs + dayMs, 'aggregated');
  expect(days).toMatchObject({ days: { fromMs: todayMs - 9 * dayMs, toMs: todayMs + dayMs }, raw: [] });
  const ancient = errorsOf(todayMs - 500 * dayMs, todayMs - 300 * dayMs, 'aggregated');
  expect(ancient.covered).toEqual({ fromMs: todayMs - 399 * dayMs, toMs: todayMs - 300 * dayMs });
});
