import { expect, test } from 'vitest';
import { errorTable, eventNotices } from '../../src/core/errors.js';
import { faultCodes, noticeCodes, refusalCodes } from '../../src/sdk/codes.js';

test('the codes a client goes by are those of the error table', () => {
  const ending = Object.entries(errorTable).filter(([, { closeCode, retryable }]) => closeCode !== null && !retryable);
  // The others are never said of a connection.
  const codes = Object.entries(errorTable).flatMap(([code, { closeCode }]) => (closeCode === null ? [] : [code]));
  const isFinal = (code: string) => faultCodes.test(code) || refusalCodes.test(code);
  expect(codes.filter(isFinal)).toEqual(ending.map(([code]) => code));
  expect(codes.filter((code) => faultCodes.test(code) && refusalCodes.test(code))).toEqual([]);
  expect(
    Object.keys({ ...errorTable, ...eventNotices })
      .filter((code) => noticeCodes.test(code))
      .sort(),
  ).toEqual(Object.keys(eventNotices).sort());
});
