import { expect, test } from 'vitest';
import { CreditCap, creditFrames, nextCreditLevel } from '../../src/ingest/credit.js';
import { SeqGaps } from '../../src/ingest/seq-gaps.js';

const calm = { memoryRatio: 0, spoolRatio: 0, stalled: false };

test('credit shrinks with memory in flight, stops when it is used up, and returns in steps', () => {
  expect(nextCreditLevel('open', { ...calm, memoryRatio: 0.49 })).toBe('open');
  expect(nextCreditLevel('open', { ...calm, memoryRatio: 0.5 })).toBe('reduced');
  expect(nextCreditLevel('reduced', { ...calm, memoryRatio: 1 })).toBe('stopped');
  expect(nextCreditLevel('stopped', { ...calm, memoryRatio: 0.6 })).toBe('stopped');
  expect(nextCreditLevel('stopped', { ...calm, memoryRatio: 0.3 })).toBe('reduced');
  expect(nextCreditLevel('reduced', { ...calm, memoryRatio: 0.3 })).toBe('reduced');
  expect(nextCreditLevel('reduced', { ...calm, memoryRatio: 0.2 })).toBe('open');
});

test('frames that press on the memory are fewer from then on, and more again in time', () => {
  const cap = new CreditCap(64);
  expect([0, 0.49, 0.3].map((ratio) => cap.at(ratio, 0))).toEqual([64, 64, 64]);
  expect(cap.at(0.5, 1_000)).toBe(16);
  // What was sent before is still on its way.
  expect([cap.at(1.2, 1_999), cap.at(0.1, 1_999)]).toEqual([16, 16]);
  expect([cap.at(0.6, 2_000), cap.at(0.6, 3_000), cap.at(0.6, 4_000)]).toEqual([4, 1, 1]);
  expect([cap.at(0.2, 12_999), cap.at(0.3, 13_000), cap.at(0.2, 13_001)]).toEqual([1, 1, 2]);
  expect([20, 30, 40, 50, 60, 70, 80].map((s) => cap.at(0, s * 1_000 + 13_001))).toEqual([4, 8, 16, 32, 64, 64, 64]);
});

test('a full or stalled spool stops credit', () => {
  expect(nextCreditLevel('open', { ...calm, spoolRatio: 1 })).toBe('stopped');
  expect(nextCreditLevel('open', { ...calm, stalled: true })).toBe('stopped');
  expect(nextCreditLevel('stopped', calm)).toBe('open');
});

test('every level but stopped lets at least one frame through', () => {
  expect([creditFrames('open', 1), creditFrames('reduced', 1), creditFrames('stopped', 1)]).toEqual([1, 1, 0]);
  expect([creditFrames('open', 64), creditFrames('reduced', 64)]).toEqual([64, 16]);
});

test('a number that was skipped is known as a gap until too many ranges follow', () => {
  let forgotten = 0;
  const gaps = new SeqGaps({ rangesMax: 2, onForgotten: () => (forgotten += 1) });
  gaps.add(2, 4);
  expect([1, 2, 4, 5].map((seq) => gaps.has(seq))).toEqual([false, true, true, false]);
  gaps.add(10, 10);
  gaps.add(20, 20);
  expect([gaps.has(3), gaps.has(10), gaps.has(20)]).toEqual([false, true, true]);
  expect(forgotten).toBe(1);
});
