import { expect, test } from 'vitest';
import { printPairs, printTable } from '../../../src/cli/frame/table.js';
import { widthOf } from '../../../src/cli/frame/text-width.js';
import { cost, count, duration, localTime, percent, zonedTime, zoneOf } from '../../../src/cli/frame/told-values.js';
import { printedOutput } from '../../support/printed-output.js';

const rows = [
  { id: 'run-0000000000000001', count: 12, note: 'a note that takes some room', error: 'no answer within 30 s' },
  { id: 'run-2', count: 3_456, note: '漢字の名前', error: '' },
];

function table(columns: number | null): string[] {
  const { out, lines } = printedOutput(columns);
  printTable<(typeof rows)[number]>(
    out,
    [
      { title: 'run', columnsMin: 10, text: ({ id }) => id },
      { title: 'count', align: 'right', text: ({ count: value }) => count(value) },
      { title: 'note', rank: 2, columnsMin: 8, text: ({ note }) => note },
      { title: 'error', rank: 1, columnsMin: 8, text: ({ error }) => error },
    ],
    rows,
  );
  return lines();
}

test('numbers stand to the right, and a pipe has all of every text', () => {
  expect(table(null)).toEqual([
    'run                   count  note                         error',
    'run-0000000000000001     12  a note that takes some room  no answer within 30 s',
    'run-2                 3,456  漢字の名前',
  ]);
});

test('a table fits its terminal: texts are cut, then columns left out, the least needed first', () => {
  for (const columns of [80, 60, 45, 30, 20]) {
    for (const line of table(columns)) expect(widthOf(line), `${columns}: ${line}`).toBeLessThanOrEqual(columns);
  }
  expect(table(60)[0]).toMatch(/run .*count .*note .*error/);
  expect(table(34)[0]).toMatch(/^run +count +error$/);
  expect(table(20)[0]).toMatch(/^run +count$/);
});

test('what a stranger wrote is shown without moving the cursor', () => {
  const { out, lines } = printedOutput(80);
  printPairs(out, [['name', 'a\u001b[2Jb\nc']]);
  expect(lines()).toEqual(['name  a�[2Jb�c']);
});

test('values are told with their units, and what nobody reported as a dash', () => {
  expect([count(1234567), count(null), percent(97.25), percent(100), percent(null)]).toEqual([
    '1,234,567',
    '–',
    '97.3 %',
    '100 %',
    '–',
  ]);
  expect([cost(null), cost(0), cost(0.12), cost(123_456.7)]).toEqual(['–', '$0.00', '$0.0012', '$1,234.57']);
  expect([0, 3.25, 999.6, 1_234, 59_999, 125_000, 12_000_000, null].map(duration)).toEqual([
    '0 ms',
    '3.3 ms',
    '1000 ms',
    '1.23 s',
    '1 m 00 s',
    '2 m 05 s',
    '3 h 20 m',
    '–',
  ]);
});

test('a time is told as the local clock shows it, with its zone', () => {
  const zone = process.env.TZ;
  try {
    process.env.TZ = 'Europe/Vienna';
    expect(zonedTime('2026-07-01T12:00:00.500Z')).toBe('2026-07-01 14:00:00 +02:00');
    expect([localTime('2026-01-01T00:00:00Z'), zoneOf('2026-01-01T00:00:00Z')]).toEqual([
      '2026-01-01 01:00:00',
      '+01:00',
    ]);
    process.env.TZ = 'UTC';
    expect(zonedTime('2026-07-01T12:00:00Z')).toBe('2026-07-01 12:00:00 UTC');
    expect(zonedTime(null)).toBe('–');
  } finally {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  }
});
