import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { RequestBody } from '../../src/http/body-reader.js';
import { FakeClock } from '../support/fake-clock.js';

const limits = { bytesMax: 1_048_576, timeoutMs: 30_000, bytesPerSecondMin: 0 };

/** A body, the hand that feeds it, and the room it took each time. */
function receiving(bytesTold: number | null = null) {
  const rooms: number[] = [];
  const clock = new FakeClock();
  const source = new EventEmitter();
  const tryTake = (bytes: number) => {
    rooms.push(bytes);
    return null;
  };
  const body = new RequestBody(
    source,
    { ...limits, bytesTold },
    { clock, tryTake, give: (bytes) => rooms.push(-bytes) },
  );
  return { body, rooms, clock, feed: (bytes: Uint8Array) => source.emit('data', bytes), end: () => source.emit('end') };
}

test('a body of a million chunks of one byte is copied into a dozen buffers, not kept in a million', async () => {
  const { body, rooms, clock, feed, end } = receiving();
  for (let index = 0; index < limits.bytesMax; index++) feed(Uint8Array.of(index & 255));
  end();
  const whole = await body.whole;
  expect([whole.length, whole[0], whole[1], whole.at(-1)]).toEqual([limits.bytesMax, 0, 1, 255]);
  expect(rooms).toHaveLength(9);
  expect(rooms.reduce((sum, bytes) => sum + bytes)).toBe(limits.bytesMax);
  body.release();
  expect(rooms.at(-1)).toBe(-limits.bytesMax);
  expect(clock.pendingTimers()).toBe(0);
});

test('a body whose length is told takes its own size and no more', async () => {
  const { body, rooms, feed, end } = receiving(70_000);
  feed(new Uint8Array(65_536));
  feed(new Uint8Array(4_464));
  end();
  expect((await body.whole).length).toBe(70_000);
  expect(rooms).toEqual([65_536, 4_464]);
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
