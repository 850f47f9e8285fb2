import { expect, test } from 'vitest';
import { AgingClock } from '../../src/core/aging-clock.js';
import { FakeClock } from '../support/fake-clock.js';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const beginMs = Date.UTC(2026, 11, 1);

function aged(knownMs?: number) {
  const clock = new FakeClock(beginMs);
  const aging = new AgingClock({ clock });
  if (knownMs !== undefined) aging.start(knownMs);
  return { clock, aging };
}

test('a clock that keeps time is followed', () => {
  const { clock, aging } = aged(beginMs);
  clock.advance(3 * dayMs);
  expect(aging.nowMs()).toBe(beginMs + 3 * dayMs);
});

test('forty days ahead and back within a day, nothing has aged but by what passed', () => {
  const { clock, aging } = aged(beginMs);
  clock.stepWall(40 * dayMs);
  clock.advance(23 * hourMs);
  expect(aging.nowMs()).toBe(beginMs + 23 * hourMs);
  clock.stepWall(-40 * dayMs);
  clock.advance(2 * hourMs);
  expect([aging.nowMs(), aging.latestMs()]).toEqual([beginMs + 25 * hourMs, beginMs + 25 * hourMs]);
});

test('a jump that lasts for a day is believed', () => {
  const { clock, aging } = aged(beginMs);
  clock.stepWall(40 * dayMs);
  expect(aging.nowMs()).toBe(beginMs);
  clock.advance(dayMs);
  expect(aging.nowMs()).toBe(beginMs + 41 * dayMs);
});

test('a second mistake begins its own day', () => {
  const { clock, aging } = aged(beginMs);
  clock.stepWall(40 * dayMs);
  aging.nowMs();
  clock.advance(20 * hourMs);
  clock.stepWall(-40 * dayMs);
  aging.nowMs();
  clock.stepWall(40 * dayMs);
  clock.advance(20 * hourMs);
  expect(aging.nowMs()).toBe(beginMs + 40 * hourMs);
});

test('a machine that was off for long waits a day before anything ages by that', () => {
  const { clock, aging } = aged(beginMs - 40 * dayMs);
  expect(aging.nowMs()).toBe(beginMs - 40 * dayMs);
  clock.advance(dayMs);
  expect(aging.nowMs()).toBe(beginMs + dayMs);
});

test('a step back is followed, and what may have been deleted before is remembered', () => {
  const { clock, aging } = aged(beginMs);
  clock.stepWall(-2 * dayMs);
  expect([aging.nowMs(), aging.latestMs()]).toEqual([beginMs - 2 * dayMs, beginMs]);
});
