import { expect, test } from 'vitest';
import { differences } from './difference.js';
import { csvRows, kept } from './recorded-answer.js';

const strict = { allowAdded: false };

test('what differs is named by its path, with what it was and what it is', () => {
  const before = { runs: [{ id: 'a', cost: 12 }, { id: 'b' }], total: 2, gone: null };
  const after = { runs: [{ id: 'a', cost: null }], total: 2, more: [1] };
  expect(differences(before, after, strict)).toEqual([
    '$.runs: 2 items, then 1',
    '$.runs[0].cost: 12, then null',
    '$.gone: null, then missing',
    '$.more: missing, then [1]',
  ]);
  expect(differences(before, before, strict)).toEqual([]);
});

test('added fields are let pass when they are allowed, other kinds and items are not', () => {
  const lenient = { allowAdded: true };
  expect(differences({ a: 1 }, { a: 1, b: 2 }, lenient)).toEqual([]);
  expect(differences([1], [1, 2], lenient)).toEqual(['$: 1 items, then 2']);
  expect(differences({ a: [] }, { a: {} }, lenient)).toEqual(['$.a: [], then {}']);
});

test('times of the recording and volatile fields are kept as what they are, times of the history as they were', () => {
  const baseMs = Date.parse('2026-11-26T12:00:00Z');
  const answer = {
    started_at: '2026-11-26T11:59:59.999Z',
    received_at: '2026-11-26T12:00:00.000Z',
    row: '2026-11-27 01:02:03.004',
    from: '2026-11-19T12:00:00.000Z',
    age_ms: 7,
    next_cursor: null,
    share: 1 / 3,
  };
  expect(kept(answer, { baseMs, hasRange: false })).toEqual({
    started_at: '2026-11-26T11:59:59.999Z',
    received_at: '<time of the recording>',
    row: '<time of the recording>',
    from: '<string>',
    age_ms: '<number>',
    next_cursor: '<null>',
    share: 0.3333333333,
  });
  expect(kept({ from: answer.from }, { baseMs, hasRange: true })).toEqual({ from: answer.from });
});

test('a CSV file is read by its header, with quotes, commas and line breaks in a field', () => {
  expect(csvRows('a,b\r\n1,"x, ""y""\nz"\r\n,2\r\n')).toEqual([
    { a: '1', b: 'x, "y"\nz' },
    { a: '', b: '2' },
  ]);
});
