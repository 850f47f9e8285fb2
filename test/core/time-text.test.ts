import { expect, test } from 'vitest';
import { clockText, dayText, instant, parseDay, parseTime } from '../../src/core/time-text.js';

const hourMs = 3_600_000;
const middayMs = Date.UTC(2026, 0, 31, 12);

test('tests run where it is another day than in UTC for most of each day', () => {
  expect(new Date(middayMs).getTimezoneOffset()).toBe(-14 * 60);
});

test('a day is one of UTC, from its first millisecond to its last', () => {
  expect(parseDay('2026-01-31')).toBe(middayMs - 12 * hourMs);
  const times = [
    middayMs - 12 * hourMs - 1,
    middayMs - 12 * hourMs,
    middayMs + 12 * hourMs - 1,
    middayMs + 12 * hourMs,
  ];
  expect(times.map(dayText)).toEqual(['2026-01-30', '2026-01-31', '2026-01-31', '2026-02-01']);
  expect(instant(middayMs + 1)).toBe('2026-01-31T12:00:00.001Z');
});

test('a time has its offset, and what is no day of the calendar is none', () => {
  expect(parseTime('2026-01-31T12:00:00Z')).toBe(middayMs);
  expect(parseTime('2026-01-31t13:30:00.5+01:30')).toBe(middayMs + 500);
  expect(parseTime('2026-01-31T11:00:00.0019-01:00')).toBe(middayMs + 1);
  for (const text of ['2026-02-30', '2025-02-29', '2026-1-31', '2026-13-01', '', '2026-01-31T00:00:00Z']) {
    expect([text, parseDay(text)]).toEqual([text, Number.NaN]);
  }
  for (const text of ['2026-02-30T12:00:00Z', '2026-01-31T24:00:00Z', '2026-01-31T12:00:00', '2026-01-31']) {
    expect([text, parseTime(text)]).toEqual([text, Number.NaN]);
  }
  expect([clockText(middayMs), clockText(8.64e15 + 1)]).toEqual(['2026-01-31T12:00:00.000Z', '8640000000000001 ms']);
});
