import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { RequestBody } from '../../src/http/body-reader.js';
import type { PlaceRefusal } from '../../src/http/shared-places.js';
import { FakeClock } from '../support/fake-clock.js';

const limits = { bytesMax: 1_048_576, timeoutMs: 30_000, bytesPerSecondMin: 0 };

/** A body, the hand that feeds it, and the room it took each time. */
function receiving(
  bytesTold: number | null = null,
  given: Partial<typeof limits> = {},
  refusal: PlaceRefusal | null = null,
) {
  const rooms: number[] = [];
  const clock = new FakeClock();
  const source = new EventEmitter();
  const tryTake = (bytes: number) => {
    rooms.push(bytes);
    return refusal;
  };
  const body = new RequestBody(
    source,
    { ...limits, ...given, bytesTold },
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

test('a body gives its room back once, however often it is let go', () => {
  const { body, rooms, feed } = receiving();
  feed(new Uint8Array(10));
  body.whole.catch(() => {});
  body.release();
  body.release();
  expect(rooms.reduce((sum, bytes) => sum + bytes)).toBe(0);
});

test('a body may have its largest size and not a byte more', async () => {
  const just = receiving();
  just.feed(new Uint8Array(limits.bytesMax));
  just.end();
  expect((await just.body.whole).length).toBe(limits.bytesMax);
  expect(just.body.complete).toBe(true);
  const beyond = receiving();
  beyond.feed(new Uint8Array(limits.bytesMax));
  beyond.feed(new Uint8Array(1));
  beyond.end();
  await expect(beyond.body.whole).rejects.toMatchObject({ code: 'body_too_large' });
  expect([beyond.body.complete, beyond.clock.pendingTimers()]).toEqual([false, 0]);
});

test('a body has its time and no more, and the pace that is asked for after a moment of grace', async () => {
  const timed = receiving();
  timed.feed(new Uint8Array(1));
  timed.clock.advance(29_999);
  expect(timed.clock.pendingTimers()).toBe(1);
  timed.clock.advance(1);
  await expect(timed.body.whole).rejects.toThrow('the body did not arrive within 30000 ms');

  const steady = receiving(null, { bytesPerSecondMin: 100 });
  steady.feed(new Uint8Array(500));
  steady.clock.advance(5_000);
  steady.feed(new Uint8Array(100));
  steady.clock.advance(1_000);
  expect(steady.clock.pendingTimers()).toBe(1);
  steady.feed(new Uint8Array(99));
  steady.clock.advance(999);
  expect(steady.clock.pendingTimers()).toBe(1);
  steady.clock.advance(1);
  await expect(steady.body.whole).rejects.toThrow('less than 100 bytes a second');

  const short = receiving(null, { timeoutMs: 2_000 });
  short.clock.advance(2_000);
  await expect(short.body.whole).rejects.toThrow('within 2000 ms');

  // Not a whole second behind the last look at its pace.
  const odd = receiving(null, { timeoutMs: 5_500 });
  odd.clock.advance(5_499);
  expect(odd.clock.pendingTimers()).toBe(1);
  odd.clock.advance(1);
  await expect(odd.body.whole).rejects.toThrow('within 5500 ms');
});

test('a body for which there is no room is refused by who has taken it, and what comes then is not kept', async () => {
  const { body, feed, end } = receiving(null, {}, 'key_overloaded');
  feed(new Uint8Array(10));
  feed(new Uint8Array(10));
  end();
  await expect(body.whole).rejects.toMatchObject({ code: 'key_overloaded' });
  const garbled = receiving();
  garbled.body.garble();
  await expect(garbled.body.whole).rejects.toMatchObject({ code: 'body_invalid' });
});
