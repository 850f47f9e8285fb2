import { expect, test } from 'vitest';
import { parseTime } from '../../src/core/time-text.js';
import { parseRfc3339 } from '../../src/decode/rfc3339.js';
import { randomInteger, seededRandom } from '../support/seeded-random.js';

function parse(text: string): number {
  const bytes = Buffer.from(`#${text}#`);
  const timeMs = parseRfc3339(bytes, 1, bytes.length - 2);
  // Parameters of the API are read by another parser, which takes the same times.
  expect(parseTime(text)).toBe(timeMs);
  return timeMs;
}

test.each([
  ['1970-01-01T00:00:00Z', 0],
  ['2026-01-15T12:00:00Z', Date.UTC(2026, 0, 15, 12)],
  ['2026-01-15t12:00:00z', Date.UTC(2026, 0, 15, 12)],
  ['2026-01-15T12:00:00.5Z', Date.UTC(2026, 0, 15, 12, 0, 0, 500)],
  ['2026-01-15T12:00:00.123456789Z', Date.UTC(2026, 0, 15, 12, 0, 0, 123)],
  ['2026-01-15T12:00:00.9999+00:00', Date.UTC(2026, 0, 15, 12, 0, 0, 999)],
  ['2026-01-15T12:00:00+05:30', Date.UTC(2026, 0, 15, 6, 30)],
  ['2026-01-15T12:00:00-00:00', Date.UTC(2026, 0, 15, 12)],
  ['2024-02-29T23:59:59-23:59', Date.UTC(2024, 2, 1, 23, 58, 59)],
  ['2000-02-29T00:00:00Z', Date.UTC(2000, 1, 29)],
  ['0000-01-01T00:00:00Z', new Date('0000-01-01T00:00:00Z').getTime()],
  ['9999-12-31T23:59:59.999Z', Date.UTC(9999, 11, 31, 23, 59, 59, 999)],
])('%s is a time', (text, ms) => {
  expect(parse(text)).toBe(ms);
});

test.each([
  '',
  '2026',
  '2026-01-15',
  '2026-01-15T12:00:00',
  '2026-01-15 12:00:00Z',
  '2026-01-15T12:00Z',
  '2026-1-15T12:00:00Z',
  '2026-01-15T24:00:00Z',
  '2026-01-15T12:60:00Z',
  '2026-01-15T23:59:60Z',
  '2026-02-29T12:00:00Z',
  '1900-02-29T12:00:00Z',
  '2026-13-01T12:00:00Z',
  '2026-00-01T12:00:00Z',
  '2026-04-31T12:00:00Z',
  '2026-01-15T12:00:00.Z',
  '2026-01-15T12:00:00,5Z',
  '2026-01-15T12:00:00+0530',
  '2026-01-15T12:00:00+24:00',
  '2026-01-15T12:00:00+05:60',
  '2026-01-15T12:00:00ZZ',
  '2026-01-15T12:00:00Z ',
  '+2026-01-15T12:00:00Z',
  `2026-01-15T12:00:00.${'1'.repeat(60)}Z`,
])('%s is none', (text) => {
  expect(parse(text)).toBeNaN();
});

test('what Date writes is read back, for random times of 8,000 years', () => {
  const random = seededRandom(4);
  for (let round = 0; round < 5_000; round++) {
    const ms = randomInteger(random, { min: Date.UTC(1000, 0, 1), max: Date.UTC(9000, 0, 1) });
    expect(parse(new Date(ms).toISOString())).toBe(ms);
  }
});
