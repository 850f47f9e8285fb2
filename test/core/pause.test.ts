import { expect, test } from 'vitest';
import { Pause } from '../../src/core/pause.js';
import { within } from '../../src/core/within.js';
import { FakeClock } from '../support/fake-clock.js';

function setUp() {
  const clock = new FakeClock();
  const pause = new Pause(clock);
  const over: string[] = [];
  const wait = (name: string, delayMs: number | null) => void pause.wait(delayMs).then(() => over.push(name));
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  return { clock, pause, over, wait, settle };
}

test('a pause ends by its time, by a wake, and for ever by its end, and leaves no timer', async () => {
  const { clock, pause, over, wait, settle } = setUp();
  wait('short', 100);
  wait('long', 1_000);
  wait('open', null);
  clock.advance(100);
  await settle();
  expect(over).toEqual(['short']);
  pause.wake();
  await settle();
  expect(over).toEqual(['short', 'long', 'open']);
  wait('second', 1_000);
  expect(pause.hasEnded).toBe(false);
  pause.end();
  await settle();
  wait('after the end', null);
  await settle();
  expect(over.slice(3)).toEqual(['second', 'after the end']);
  expect([pause.hasEnded, clock.pendingTimers()]).toEqual([true, 0]);
});

test('work within its time answers, or fails; work beyond it is not waited for, whatever becomes of it', async () => {
  const clock = new FakeClock();
  expect(await within(clock, Promise.resolve(1), 100)).toBe(1);
  await expect(within(clock, Promise.reject(new Error('broken')), 100)).rejects.toThrow('broken');
  let fail = (_error: Error): void => {};
  const slow = within(clock, new Promise<number>((_resolve, reject) => (fail = reject)), 100);
  clock.advance(100);
  expect(await slow).toBeUndefined();
  fail(new Error('too late to matter'));
  expect(clock.pendingTimers()).toBe(0);
});
