import { expect, test } from 'vitest';
import { CreditCap, CreditShare, creditFrames, nextCreditLevel } from '../../src/ingest/credit.js';
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

const kib = 1_024;
const mib = 1_024 * kib;

test('before a frame has come, connections share what may be under way as if frames were the largest', () => {
  const share = new CreditShare({ framesMax: 64, bytesMax: 64 * mib, frameBytesMax: mib });
  expect([0, 1, 2, 3, 20, 64, 65, 50_000].map((open) => share.at(open, { frames: 0, bytes: 0 }))).toEqual([
    64, 64, 32, 16, 2, 1, 1, 1,
  ]);
});

test('the share follows the size of the frames that come, in steps that do not flap', () => {
  const share = new CreditShare({ framesMax: 64, bytesMax: 64 * mib, frameBytesMax: mib });
  expect(share.at(20, { frames: 0, bytes: 0 })).toBe(2);
  // 32 frames of 100 KiB fit a connection, and it takes a fourth more than that to be given as many.
  expect(share.at(20, { frames: 10, bytes: 1_000 * kib })).toBe(16);
  expect([share.at(20, { frames: 20, bytes: 1_780 * kib }), share.at(20, { frames: 20, bytes: 1_780 * kib })]).toEqual([
    16, 16,
  ]);
  expect(share.at(20, { frames: 30, bytes: 1_790 * kib })).toBe(32);
  // Now large ones, a fourth of whose size is believed at a time.
  const seen = [1, 2, 3, 4].map((tens) => {
    return share.at(20, { frames: 30 + 10 * tens, bytes: 1_790 * kib + 10 * tens * mib });
  });
  expect(seen).toEqual([8, 4, 4, 4]);
});

test('however many connections there are, each may have as much of small frames under way as 256 would', () => {
  const share = new CreditShare({ framesMax: 64, bytesMax: 64 * mib, frameBytesMax: mib });
  expect(share.at(50_000, { frames: 0, bytes: 0 })).toBe(1);
  expect([
    share.at(50_000, { frames: 10, bytes: 20 * kib }),
    share.at(50_000, { frames: 11, bytes: 20 * kib + 256 * kib }),
  ]).toEqual([64, 2]);
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
