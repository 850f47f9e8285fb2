import { expect, test } from 'vitest';
import { RequestBody } from '../../src/http/body-reader.js';
import type { UwsResponse } from '../../src/http/uws.js';
import { FakeClock } from '../support/fake-clock.js';

const limits = { bytesMax: 1_048_576, timeoutMs: 30_000, bytesPerSecondMin: 0 };

/** A body, the hand that feeds it, and the room it took each time. */
function receiving() {
  const rooms: number[] = [];
  const clock = new FakeClock();
  let feed: (chunk: ArrayBuffer, isLast: boolean) => void = () => {};
  const onData = (callback: typeof feed) => {
    feed = callback;
  };
  const tryTake = (bytes: number) => {
    rooms.push(bytes);
    return null;
  };
  const body = new RequestBody({ onData } as unknown as UwsResponse, limits, {
    clock,
    tryTake,
    give: (bytes) => rooms.push(-bytes),
  });
  return { body, rooms, clock, feed: (bytes: Uint8Array, isLast = false) => feed(bytes.slice().buffer, isLast) };
}

test('a body of a million chunks of one byte is copied into a dozen buffers, not kept in a million', async () => {
  const { body, rooms, clock, feed } = receiving();
  for (let index = 0; index < limits.bytesMax; index++) feed(Uint8Array.of(index & 255), index === limits.bytesMax - 1);
  const whole = await body.whole;
  expect([whole.length, whole[0], whole[1], whole.at(-1)]).toEqual([limits.bytesMax, 0, 1, 255]);
  expect(rooms).toHaveLength(9);
  expect(rooms.reduce((sum, bytes) => sum + bytes)).toBe(limits.bytesMax);
  body.release();
  expect(rooms.at(-1)).toBe(-limits.bytesMax);
  expect(clock.pendingTimers()).toBe(0);
});

test('a body that comes whole takes its own size and no more', async () => {
  const { body, rooms, feed } = receiving();
  feed(new Uint8Array(70_000), true);
  expect((await body.whole).length).toBe(70_000);
  expect(rooms).toEqual([70_000]);
});

test('a client that goes away leaves no timer, no promise and no memory', async () => {
  const { body, rooms, clock, feed } = receiving();
  feed(new Uint8Array(10));
  body.abandon();
  await expect(body.whole).rejects.toMatchObject({ code: 'request_timeout' });
  expect(clock.pendingTimers()).toBe(0);
  body.release();
  expect(rooms).toEqual([4_096, -4_096]);
});
