import { expect, test } from 'vitest';
import { silentLogger } from '../../src/core/logger.js';
import { ReceiptClock } from '../../src/ingest/receipt-clock.js';
import { FakeClock } from '../support/fake-clock.js';

const dayMs = 86_400_000;
const earliestMs = Date.UTC(2026, 10, 1);
const latestMs = Date.UTC(2100, 0, 1);
const todayMs = Date.UTC(2026, 11, 1, 12);

function dated(nowMs = todayMs) {
  const clock = new FakeClock(nowMs);
  const told: string[] = [];
  const note = (_context: object, message: string) => void told.push(message);
  let held = 0;
  const receipt = new ReceiptClock(
    {
      clock,
      logger: { ...silentLogger, info: note, warn: note },
      instruments: { batchesHeld: { inc: () => void held++ } },
    },
    { earliestMs, latestMs },
  );
  return { clock, receipt, told, held: () => held };
}

test('with a clock that keeps time, events are received when the wall clock says', () => {
  const { clock, receipt, held } = dated();
  clock.advance(1_500);
  expect(receipt.tryRead()).toEqual({ receivedMs: todayMs + 1_500, clockMs: todayMs + 1_500 });
  expect(held()).toBe(0);
});

test.each([
  ['1970', 5_000],
  ['a day before the release', earliestMs - dayMs],
  ['2100', latestMs],
])('nothing is received in %s, until the clock is set', async (_name, wrongMs) => {
  const { clock, receipt, told } = dated(wrongMs);
  let set = 0;
  receipt.onSet(() => void set++);
  expect([receipt.tryRead(), receipt.mustWait(), receipt.state().isSet]).toEqual([null, true, false]);
  clock.advance(3_000);
  expect(set).toBe(0);
  clock.stepWall(todayMs - clock.nowMs());
  clock.advance(1_000);
  expect([set, receipt.mustWait(), receipt.tryRead()?.receivedMs]).toEqual([1, false, todayMs + 1_000]);
  expect(told).toEqual([
    'the wall clock is not set: no event is acknowledged until it is',
    'the wall clock is set: events are acknowledged',
  ]);
  expect(clock.pendingTimers()).toBe(0);
});

test('received never goes back: it stands still while the wall clock is a day behind, and then goes on', () => {
  const { clock, receipt, told, held } = dated();
  receipt.tryRead();
  clock.stepWall(-dayMs);
  clock.advance(3_600_000);
  expect(receipt.tryRead()).toEqual({ receivedMs: todayMs, clockMs: todayMs - dayMs + 3_600_000 });
  expect([receipt.state().aheadMs, receipt.nowMs(), held()]).toEqual([dayMs - 3_600_000, todayMs, 1]);
  clock.advance(dayMs);
  expect(receipt.tryRead()).toEqual({ receivedMs: todayMs + 3_600_000, clockMs: todayMs + 3_600_000 });
  expect(told).toEqual([
    'the wall clock is behind what was received: received stands still until it catches up',
    'the wall clock has caught up with what was received',
  ]);
});

test('after forty days ahead received stays there, and the time of events is that of the wall clock', () => {
  const { clock, receipt } = dated();
  clock.stepWall(40 * dayMs);
  receipt.tryRead();
  clock.stepWall(-40 * dayMs);
  expect(receipt.tryRead()).toEqual({ receivedMs: todayMs + 40 * dayMs, clockMs: todayMs });
});

test('a start receives nothing before or at the newest time an earlier process received anything', async () => {
  const { receipt } = dated();
  const stage = receipt.after({ newestReceivedMs: todayMs + dayMs });
  await stage.start();
  expect(receipt.startedMs).toBe(todayMs + dayMs + 1);
  expect(receipt.tryRead()?.receivedMs).toBe(todayMs + dayMs + 1);
  receipt.follow(todayMs + 2 * dayMs);
  expect(receipt.tryRead()?.receivedMs).toBe(todayMs + 2 * dayMs + 1);
  receipt.follow(todayMs);
  expect(receipt.tryRead()?.receivedMs).toBe(todayMs + 2 * dayMs + 1);
});

test('any walk of the clock gives times of receipt that never go back and never lie before the earliest', () => {
  const { clock, receipt } = dated();
  let newestMs = earliestMs;
  for (const stepMs of [0, -20 * 365 * dayMs, 57 * 365 * dayMs, -37 * 365 * dayMs, 40 * dayMs, -41 * dayMs, dayMs]) {
    clock.stepWall(stepMs);
    clock.advance(1_000);
    const read = receipt.tryRead();
    if (read === null) continue;
    expect(read.receivedMs).toBeGreaterThanOrEqual(newestMs);
    newestMs = read.receivedMs;
  }
});

test('a clock that is stopped while it waits leaves no timer behind', async () => {
  const { clock, receipt } = dated(0);
  const stage = receipt.after({ newestReceivedMs: 0 });
  await stage.start();
  expect(clock.pendingTimers()).toBe(1);
  await stage.stop(0);
  expect(clock.pendingTimers()).toBe(0);
});
