import { expect, test } from 'vitest';
import { ClickHouseException } from '../../src/clickhouse/embedded/clickhouse-exception.js';

const from = (text: string) => {
  const { code, type, message } = ClickHouseException.from(new Error(text));
  return { code, type, message };
};

test('code, name and message are told apart in the text of the engine', () => {
  const said = { code: 60, type: 'UNKNOWN_TABLE', message: 'Unknown table x (y).' };
  const text = 'Code: 60. DB::Exception: Unknown table x (y). (UNKNOWN_TABLE)';
  expect(from(text)).toEqual(said);
  expect(from(`${text} (version 26.7.2.1)`)).toEqual(said);
  expect(from(`${text} (version 26.7.2.1)\n `)).toEqual(said);
});

test('an exception that the engine wrapped in itself is told once', () => {
  const inner = 'Code: 60. DB::Exception: No table. (UNKNOWN_TABLE) (version 26.7.2.1)';
  const said = { code: 60, type: 'UNKNOWN_TABLE', message: 'No table.' };
  expect(from(`Code: 60. DB::Exception: ${inner}. (UNKNOWN_TABLE) (version 26.7.2.1)`)).toEqual(said);
  const twice = `Code: 60. DB::Exception: ${inner}. (UNKNOWN_TABLE) (version 1)`;
  expect(from(`Code: 60. DB::Exception: ${twice}. (UNKNOWN_TABLE) (version 1)`)).toEqual(said);
  expect(from(`Code: 36. DB::Exception: ${inner} (BAD_ARGUMENTS) (version 26.7.2.1)`)).toEqual({
    code: 36,
    type: 'BAD_ARGUMENTS',
    message: inner,
  });
});

test('anything else is an unknown exception', () => {
  expect(from('cannot open a connection')).toEqual({
    code: 1002,
    type: 'UNKNOWN_EXCEPTION',
    message: 'cannot open a connection',
  });
});

test('a text that a NUL has cut keeps its code', () => {
  expect(from("Code: 62. DB::Exception: Syntax error: failed at position 8 ('a")).toEqual({
    code: 62,
    type: 'SYNTAX_ERROR',
    message: "Syntax error: failed at position 8 ('a",
  });
  expect(from('Code: 395. DB::Exception: a')).toEqual({ code: 395, type: 'UNKNOWN_EXCEPTION', message: 'a' });
});

// Milliseconds each, and days if the message were searched.
test.each([
  ['white space', `${' '.repeat(4_000_000)}x`],
  ['names in brackets', '(A_B)'.repeat(800_000)],
  ['white space behind names', `(A_B)${' '.repeat(4_000_000)}x`],
  ['exceptions within exceptions', 'Code: 395. DB::Exception: '.repeat(150_000)],
  ['open brackets', '('.repeat(4_000_000)],
])('a message of four million characters of %s is cut, not searched', (_, text) => {
  const { code, message } = from(`Code: 395. DB::Exception: ${text} (FUNCTION_THROW_IF) (version 26.7.2.1)`);
  expect(code).toBe(395);
  expect(message.length).toBeLessThanOrEqual(65_537);
});
