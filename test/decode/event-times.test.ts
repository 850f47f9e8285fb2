import { pack } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { epochMs } from '../../src/core/epoch-time.js';
import type { DecodedBatch, FrameFormat } from '../../src/core/event-batch.js';
import { createBatchDecoder } from '../../src/decode/decode-batch.js';
import { defaultFrameLimits } from '../support/default-config.js';
import { randomInteger, seededRandom, testSeed } from '../support/seeded-random.js';
import { createBatch, receivedMs } from './random-events.js';

const decoder = createBatchDecoder(defaultFrameLimits);
const allEvents = JSON.stringify([{ group: 0, tenant: 'default', agents: [], runs: [], types: [] }]);
const good = { type: 'task.completed', agent_id: 'a', task_id: 't' };

function decode(body: Uint8Array | string | object, format: FrameFormat = 'msgpack'): DecodedBatch {
  return decoder.decode({ ...createBatch([{ body, format }]), live: { version: 1, filters: allEvents } });
}

/** `started_at` of each event as the store has it, ms since the epoch. */
function startsOf(decoded: DecodedBatch): (number | null)[] {
  const events = JSON.parse(`[${Buffer.from(decoded.live?.json ?? []).toString()}]`) as { started_at?: string }[];
  return events.map(({ started_at }) => (started_at === undefined ? null : Date.parse(started_at)));
}

/** The same number as MessagePack's int 64. */
const asInt64 = (value: bigint) => Uint8Array.of(0xd3, ...new Uint8Array(new BigInt64Array([value]).buffer).reverse());

function withStart(value: Uint8Array): Uint8Array {
  const head = Object.entries(good).flatMap(([name, text]) => [pack(name), pack(text)]);
  return Buffer.concat([Uint8Array.of(0x84), ...head, pack('started_at'), value]);
}

test('seconds, milliseconds, microseconds and nanoseconds are told apart by their size', () => {
  const ms = Date.UTC(2026, 0, 15, 11, 59, 59, 123);
  const times = [ms / 1_000, ms, ms * 1_000, ms * 1e6, Math.floor(ms / 1_000), ms + 0.9, ms * 1_000 + 999];
  const starts = [ms, ms, ms, ms, ms - 123, ms, ms];
  const events = times.map((started_at) => ({ ...good, started_at }));
  expect(startsOf(decode(events))).toEqual(starts);
  expect(startsOf(decode(JSON.stringify(events), 'json'))).toEqual(starts);
  expect(startsOf(decode(events.map((event) => JSON.stringify(event)).join('\n'), 'ndjson'))).toEqual(starts);
  expect(startsOf(decode({ columns: Object.keys(events[0]!), rows: events.map(Object.values) }))).toEqual(starts);
});

test('seconds keep their milliseconds, for random times of three centuries', () => {
  const seed = testSeed(11);
  const random = seededRandom(seed);
  for (let round = 0; round < 20_000; round++) {
    const ms = randomInteger(random, { min: 1e11, max: 1e13 - 1 });
    const read = [epochMs(ms / 1_000), epochMs(ms * 1e6), epochMs(ms + 0.99 * random())];
    // Compared at once: 60,000 expectations take a second, and only one that fails has something to say.
    if (read.some((each) => each !== ms)) expect(read, `seed ${seed}`).toEqual([ms, ms, ms]);
  }
});

test('nanoseconds as a 64-bit integer are exact to the last one', () => {
  const seed = testSeed(12);
  const random = seededRandom(seed);
  const times = Array.from({ length: 2_000 }, () => randomInteger(random, { min: 1e11, max: 9_223_372_036_854 }));
  for (const within of [0n, 1n, 999_999n]) {
    const events = times.map((ms) => withStart(asInt64(BigInt(ms) * 1_000_000n + within)));
    const array = Uint8Array.of(0xdc, events.length >> 8, events.length & 0xff);
    expect(startsOf(decode(Buffer.concat([array, ...events]))), `seed ${seed}`).toEqual(times);
  }
  const uint64 = pack(9_999_999_999_998_999_999n);
  expect(uint64[0]).toBe(0xcf);
  expect(startsOf(decode(withStart(uint64)))).toEqual([9_999_999_999_998]);
});

describe('a number between or beyond the units is refused with what is expected', () => {
  const refused = [1, 12_345, 99_999_999, 1e10, 99_999_999_999, 1e13, 9e13, 1e16, 9e16, 1e19, -1, -1.7e12, 1e300];
  test.each(refused)('%d', (ts) => {
    const [error] = decode({ ...good, ts }).frames[0]!.errors;
    expect(error).toMatchObject({ code: 'time_invalid', path: 'ts' });
    expect(error?.message).toContain('seconds, milliseconds, microseconds or nanoseconds since the epoch');
  });
  test.each([2n ** 64n - 1n, -(2n ** 63n), 2n ** 53n + 10n ** 16n])('%s as a 64-bit integer', (value) => {
    const sent = value > 0 ? pack(value) : asInt64(value);
    expect(decode(withStart(sent)).frames[0]?.rejectedByCode).toEqual({ time_invalid: 1 });
  });
});

test('the first and the last number of each unit are times, those beside them are none', () => {
  for (const unit of [1, 1e3, 1e6, 1e9]) {
    expect(epochMs(1e8 * unit), String(unit)).toBe(1e11);
    expect(epochMs(1e8 * unit - Math.max(1, unit / 1e6)), String(unit)).toBeNaN();
    expect(epochMs(1e10 * unit), String(unit)).toBeNaN();
    expect(epochMs(1e10 * unit - Math.max(1, unit / 1e5)), String(unit)).toBeGreaterThan(9_999_999_998_000);
  }
});

test('a date-time without an offset is refused because the offset is missing', () => {
  const naive = ['2026-01-15T12:00:00', '2026-01-15T12:00:00.123456', '2026-01-15t12:00:00'];
  const { errors } = decode(naive.map((ts) => ({ ...good, ts }))).frames[0]!;
  expect(errors.map(({ code }) => code)).toEqual(['time_invalid', 'time_invalid', 'time_invalid']);
  for (const { message } of errors) expect(message).toContain('its offset from UTC is missing');
  const other = decode({ ...good, ts: '2026-02-30T12:00:00' }).frames[0]!.errors[0];
  expect(other?.code).toBe('time_invalid');
  expect(other?.message).not.toContain('is missing');
});

test('a time that was never set is absent: 0, empty text, the year 1 of Go', () => {
  const unset = [0, '', '0001-01-01T00:00:00Z', new Date(-62_135_596_800_000)];
  const decoded = decode(unset.map((time) => ({ ...good, ts: time, started_at: time, ended_at: time })));
  expect(decoded.frames[0]).toMatchObject({ accepted: unset.length, errors: [] });
  expect(decoded.clampedCount).toBe(0);
  expect(startsOf(decoded)).toEqual(unset.map(() => null));
});

test('clamped events are named after the refused ones, no more than are listed', () => {
  const limits = { ...defaultFrameLimits, errorsListedMax: 5 };
  const body = [...Array.from({ length: 9 }, () => ({ ...good, ts: 1e8 })), { ...good, ts: -1 }];
  const decoded = createBatchDecoder(limits).decode(createBatch([{ body }]));
  expect(decoded.clampedCount).toBe(9);
  expect(decoded.frames[0]).toMatchObject({ accepted: 9, rejected: 1 });
  expect(decoded.frames[0]?.errors.map(({ index, code }) => [index, code])).toEqual([
    [9, 'time_invalid'],
    ...[0, 1, 2, 3].map((index) => [index, 'time_clamped']),
  ]);
});

test('a MessagePack timestamp is a time of any year that a column holds', () => {
  expect(startsOf(decode({ ...good, started_at: new Date(1) }))).toEqual([1]);
  expect(startsOf(decode({ ...good, started_at: new Date(receivedMs) }))).toEqual([receivedMs]);
});
