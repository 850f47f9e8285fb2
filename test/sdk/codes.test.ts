import { expect, test } from 'vitest';
import { errorTable, eventNotices } from '../../src/core/errors.js';
import { finalCodes, noticeCodes } from '../../src/sdk/codes.js';

test('the codes a client goes by are those of the error table', () => {
  const ending = Object.entries(errorTable).filter(([, { closeCode, retryable }]) => closeCode !== null && !retryable);
  expect([...finalCodes].sort()).toEqual(ending.map(([code]) => code).sort());
  expect([...noticeCodes].sort()).toEqual(Object.keys(eventNotices).sort());
});
