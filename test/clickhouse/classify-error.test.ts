import { expect, test } from 'vitest';
import { classifyError, storeError, storeErrorNumber } from '../../src/clickhouse/classify-error.js';

/** As the client of ClickHouse throws it. */
function numbered(number: number): Error {
  return Object.assign(new Error('text that is never looked at: Code: 241'), { code: String(number) });
}

const rows: readonly (readonly [number: number, name: string, expected: string])[] = [
  [6, 'CANNOT_PARSE_TEXT', 'store_rejected'],
  [16, 'NO_SUCH_COLUMN_IN_TABLE', 'store_rejected'],
  [27, 'CANNOT_PARSE_INPUT_ASSERTION_FAILED', 'store_rejected'],
  [33, 'CANNOT_READ_ALL_DATA', 'store_rejected'],
  [36, 'BAD_ARGUMENTS', 'store_rejected'],
  [41, 'CANNOT_PARSE_DATETIME', 'store_rejected'],
  [43, 'ILLEGAL_TYPE_OF_ARGUMENT', 'store_rejected'],
  [44, 'ILLEGAL_COLUMN', 'store_rejected'],
  [47, 'UNKNOWN_IDENTIFIER', 'store_rejected'],
  [50, 'UNKNOWN_TYPE', 'store_rejected'],
  [53, 'TYPE_MISMATCH', 'store_rejected'],
  [62, 'SYNTAX_ERROR', 'store_rejected'],
  [70, 'CANNOT_CONVERT_TYPE', 'store_rejected'],
  [115, 'UNKNOWN_SETTING', 'store_rejected'],
  [117, 'INCORRECT_DATA', 'store_rejected'],
  [128, 'TOO_LARGE_ARRAY_SIZE', 'store_rejected'],
  [252, 'TOO_MANY_PARTS', 'store_overloaded'],
  [469, 'VIOLATED_CONSTRAINT', 'store_rejected'],
  [691, 'UNKNOWN_ELEMENT_OF_ENUM', 'store_rejected'],
  [159, 'TIMEOUT_EXCEEDED', 'store_overloaded'],
  [160, 'TOO_SLOW', 'store_overloaded'],
  [201, 'QUOTA_EXCEEDED', 'store_overloaded'],
  [202, 'TOO_MANY_SIMULTANEOUS_QUERIES', 'store_overloaded'],
  [209, 'SOCKET_TIMEOUT', 'store_overloaded'],
  [236, 'ABORTED', 'store_overloaded'],
  [241, 'MEMORY_LIMIT_EXCEEDED', 'store_overloaded'],
  [243, 'NOT_ENOUGH_SPACE', 'store_overloaded'],
  [319, 'UNKNOWN_STATUS_OF_INSERT', 'store_overloaded'],
  [394, 'QUERY_WAS_CANCELLED', 'store_overloaded'],
  [439, 'CANNOT_SCHEDULE_TASK', 'store_overloaded'],
  [3, 'UNEXPECTED_END_OF_FILE', 'store_unreachable'],
  [60, 'UNKNOWN_TABLE', 'store_unreachable'],
  [81, 'UNKNOWN_DATABASE', 'store_unreachable'],
  [164, 'READONLY', 'store_unreachable'],
  [210, 'NETWORK_ERROR', 'store_unreachable'],
  [242, 'TABLE_IS_READ_ONLY', 'store_unreachable'],
  [279, 'ALL_CONNECTION_TRIES_FAILED', 'store_unreachable'],
  [497, 'ACCESS_DENIED', 'store_unreachable'],
  [516, 'AUTHENTICATION_FAILED', 'store_unreachable'],
  [999, 'KEEPER_EXCEPTION', 'store_unreachable'],
];

for (const [number, name, expected] of rows) {
  test(`ClickHouse error ${number} ${name} is ${expected}`, () => {
    expect(classifyError(numbered(number))).toBe(expected);
  });
}

for (const code of [
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'HPE_INVALID_CONSTANT',
]) {
  test(`the network error ${code} is store_unreachable`, () => {
    expect(classifyError(Object.assign(new Error('x'), { code }))).toBe('store_unreachable');
  });
}

test('an answer without a number, such as the page of a proxy, is store_unreachable', () => {
  expect(classifyError(new Error('<html>502 Bad Gateway Code: 62</html>'))).toBe('store_unreachable');
  expect(classifyError('a string')).toBe('store_unreachable');
});

test('an error of the store keeps its number through its causes, says it, and fits a log line', () => {
  const error = storeError('insert segment 7', numbered(241));
  expect(error).toMatchObject({ code: 'store_overloaded', retryable: true });
  expect(storeErrorNumber(error)).toBe(241);
  expect(error.message).toMatch(/^cannot insert segment 7: .*\(ClickHouse error 241\)$/);
  const long = storeError('run x', Object.assign(new Error('line\n'.repeat(1000)), { code: '62' }));
  expect(long.message.length).toBeLessThan(600);
  expect(long.message).not.toContain('\n');
});
