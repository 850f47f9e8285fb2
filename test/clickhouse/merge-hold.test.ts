import { expect, test } from 'vitest';
import { MergeHold } from '../../src/clickhouse/integrity/merge-hold.js';
import { FakeClock } from '../support/fake-clock.js';

function setUp() {
  const clock = new FakeClock();
  const done: string[] = [];
  const store = {
    command: async ({ sql }: { readonly sql: string }) => void done.push(sql),
    insertStream: () => Promise.reject(new Error('nothing is inserted')),
    writerRows: () => Promise.reject(new Error('nothing is read')),
  };
  const held: number[] = [];
  const instruments = { mergesHeld: { set: (value: number) => void held.push(value) } };
  const hold = new MergeHold({ store, clock, restartEngine: async () => void done.push('restart'), instruments });
  const pass = async (ms: number) => {
    clock.advance(ms);
    await hold.endWhenDue();
  };
  return { hold, done, held, pass };
}

test('merges wait twice as long after each restart, five minutes at most', async () => {
  const { hold, done, pass } = setUp();
  const waits: number[] = [];
  for (let restart = 0; restart < 6; restart++) {
    const waitMs = await hold.restart();
    waits.push(waitMs / 1_000);
    await pass(waitMs - 1);
    expect(done.at(-1)).toBe('restart');
    await pass(1);
    expect(done.at(-1)).toBe('SYSTEM START MERGES');
    hold.noteGood();
  }
  expect(waits).toEqual([20, 40, 80, 160, 300, 300]);
});

test('whether merges wait is a metric', async () => {
  const { hold, held, pass } = setUp();
  const waitMs = await hold.restart();
  expect(held).toEqual([1]);
  await pass(waitMs);
  await pass(60_000);
  expect(held).toEqual([1, 0]);
});

test('a good look counts once merges went on for a minute, and the next wait is a short one again', async () => {
  const { hold, pass } = setUp();
  await hold.restart();
  expect(await hold.restart()).toBe(40_000);
  await pass(39_999);
  hold.noteGood();
  await pass(1);
  await pass(59_999);
  hold.noteGood();
  expect(await hold.restart()).toBe(80_000);
  await pass(80_000);
  await pass(60_000);
  hold.noteGood();
  expect(await hold.restart()).toBe(20_000);
});
