import { expect, test } from 'vitest';
import { barText, createBarProgress, ProgressBars } from '../../src/cli/progress-bar.js';
import { FakeClock } from '../support/fake-clock.js';

const state = { what: 'replay of the spool', unit: 'events', part: null, done: 1_500, total: 6_000 };

test('a bar says how much, of how much, and how long still', () => {
  expect(barText({ ...state, elapsedMs: 20_000, remainingMs: 60_000 }, 24)).toBe(
    'replay of the spool  [######------------------]  25 %  1,500 of 6,000 events  1 min 0 s left',
  );
  expect(barText({ ...state, total: null, elapsedMs: 0, remainingMs: null }, 24)).toBe(
    'replay of the spool  1,500 events',
  );
  const empty = { ...state, done: 0, total: 0, part: '0001_a.sql', elapsedMs: 0, remainingMs: null };
  expect(barText(empty, 10)).toBe('replay of the spool  [##########]  100 %  0 of 0 events  0001_a.sql');
});

test('bars stay within the terminal, give way to what else is written there, and are gone at the end', () => {
  const clock = new FakeClock();
  let written = '';
  const terminal = {
    columns: 40,
    write(text: string | Uint8Array) {
      written += text;
      return true;
    },
  };
  const bars = new ProgressBars(terminal);
  const log = bars.above(terminal);
  log.write('before\n');
  expect(written).toBe('before\n');

  const task = createBarProgress({ clock, bars }).begin({ what: 'replay of the spool', unit: 'events', total: 10 });
  written = '';
  clock.advance(2_000);
  const bar = 'replay of the spool  [----------]  0 % ';
  expect(written).toBe(`\r\u001b[2K${bar}`);
  written = '';
  log.write('a line\n');
  expect(written).toBe(`\r\u001b[2Ka line\n\r\u001b[2K${bar}`);
  written = '';
  task.end();
  expect(written).toBe('\r\u001b[2K');
});
