import { pack } from 'msgpackr';
import { expect, test } from 'vitest';
import type { FrameFormat } from '../../src/core/event-batch.js';
import { createBatchDecoder } from '../../src/decode/decode-batch.js';
import { tokenShapes } from '../../src/decode/secrets/token-shapes.js';
import { defaultFrameLimits } from '../support/default-config.js';
import { randomInteger, seededRandom, testSeed } from '../support/seeded-random.js';
import { createBatch, oddValues, randomEvent } from './random-events.js';

const decoder = createBatchDecoder(defaultFrameLimits);
const seed = testSeed(23);
const random = seededRandom(seed);
const integer = (max: number) => randomInteger(random, { min: 0, max });

/** What holds for every answer, whatever was sent. */
function expectSound(frames: readonly { body: Uint8Array; format: FrameFormat }[], label: string): void {
  const batch = createBatch(frames);
  const before = Buffer.from(batch.bytes.slice(0));
  const decoded = decoder.decode(batch);
  expect(before.equals(Buffer.from(batch.bytes)), label).toBe(true);
  expect(decoded.frames.length).toBe(frames.length);
  let rows = 0;
  for (const frame of decoded.frames) {
    expect(frame.events, label).toBe(frame.accepted + frame.rejected);
    expect(frame.rows, label).toBe(frame.accepted);
    expect(frame.fault === null, label).toBe(frame.events > 0);
    const byCode = Object.values(frame.rejectedByCode).reduce((sum, count) => sum + count, 0);
    expect(byCode, label).toBe(frame.rejected);
    rows += frame.rows;
  }
  expect(decoded.rowCount, label).toBe(rows);
}

function randomBytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, () => integer(255));
}

function mutated(body: Uint8Array): Uint8Array {
  const copy = Buffer.from(body);
  for (let change = integer(4); change >= 0; change--) {
    if (copy.length > 0) copy[integer(copy.length - 1)] = integer(255);
  }
  const kind = random();
  if (kind < 0.2) return copy.subarray(0, integer(copy.length));
  if (kind < 0.3) return Buffer.concat([copy, randomBytes(integer(20))]);
  if (kind > 0.9) return Buffer.concat([copy.subarray(integer(copy.length)), copy]);
  return copy;
}

test('random bytes never throw', () => {
  for (let round = 0; round < 500; round++) {
    const frames = Array.from({ length: 4 }, () => {
      const format = (['msgpack', 'json', 'ndjson'] as const)[integer(2)]!;
      return { body: randomBytes(integer(60)), format };
    });
    expectSound(frames, `seed ${seed}, round ${round}`);
  }
});

test('mutated frames never throw, in any shape', () => {
  const columns = ['type', 'agent_id', 'task_id', 'inputs', 'ts', 'confidence', 'evidence', 'colour'];
  for (let round = 0; round < 400; round++) {
    const events = Array.from({ length: 1 + integer(3) }, () => {
      const event = randomEvent(random, 0.2);
      if (random() < 0.3) event.inputs = oddValues[integer(oddValues.length - 1)];
      return event;
    });
    const rows = events.map((event) => columns.map((name) => event[name] ?? null));
    const shape = [events, { seq: 1, events }, { seq: 1, columns, rows }, { rows, columns }, events[0]][integer(4)]!;
    const text = random() < 0.3;
    const body = text ? new TextEncoder().encode(JSON.stringify(shape)) : pack(shape);
    const good = { body: pack(events), format: 'msgpack' } as const;
    expectSound(
      [good, { body: mutated(body), format: text ? 'json' : 'msgpack' }, good],
      `seed ${seed}, round ${round}`,
    );
  }
});

const mebibyte = 1_048_576;

/** A mebibyte of one repeated piece behind a head. */
function repeated(head: readonly number[], piece: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(mebibyte);
  bytes.set(head);
  for (let at = head.length; at + piece.length <= mebibyte; at += piece.length) bytes.set(piece, at);
  return bytes;
}

const event = [0x83, ...pack('type'), ...pack('log'), ...pack('agent_id'), ...pack('a')];

// The work is bounded by the bytes: each of these takes milliseconds, and minutes if it were not.
test.each<readonly [string, Uint8Array, string]>([
  ['nested arrays', repeated([], [0x91]), 'frame_malformed'],
  ['nested maps', repeated([0x91], [0x81, 0xa1, 0x61]), 'frame_malformed'],
  ['a million empty maps', repeated([0xdd, 0, 0x0f, 0xff, 0xfb], [0x80]), 'frame_too_many_events'],
  ['ten thousand maps of 4 GiB', repeated([0xdc, 0x27, 0x10], [0xdf, 0xff, 0xff, 0xff, 0xff]), 'frame_malformed'],
  ['a map of a million unknown keys', repeated([0xdf, 0, 0x07, 0xff, 0xfd], [0xa0, 0xc0]), 'frame_malformed'],
  ['one event nested without end', repeated([...event, ...pack('x')], [0x91]), 'frame_malformed'],
  ['maps within maps declared huge', repeated([0x91], [0xdf, 0x7f, 0xff, 0xff, 0xff, 0xa0]), 'frame_malformed'],
  ['a long text', repeated([0xdb, 0, 0x0f, 0xff, 0xfb], [0x61]), 'frame_shape'],
])('a mebibyte of %s ends with a fault', (_, body, code) => {
  const decoded = decoder.decode(createBatch([{ body }]));
  expect(decoded.frames[0]?.fault?.code).toBe(code);
});

test.each([
  ['nested arrays', '['.repeat(mebibyte / 2) + ']'.repeat(mebibyte / 2), 'frame_malformed'],
  ['objects', `[${'{},'.repeat(300_000)}{}]`, 'frame_too_many_events'],
  ['braces, a line each', '{\n'.repeat(10_000), undefined],
  ['a broken text', `["${'a'.repeat(mebibyte - 10)}`, 'frame_malformed'],
])('a mebibyte of JSON %s ends', (name, body, code) => {
  const format = name.includes('line') ? 'ndjson' : 'json';
  const decoded = decoder.decode(createBatch([{ body, format }]));
  if (code === undefined) expect(decoded.frames[0]?.rejected).toBe(10_000);
  else expect(decoded.frames[0]?.fault?.code ?? decoded.frames[0]?.rejectedByCode).toBeDefined();
});

test('ten thousand empty maps are ten thousand errors, of which a hundred are listed', () => {
  const decoded = decoder.decode(
    createBatch([{ body: Buffer.concat([Uint8Array.of(0xdc, 0x27, 0x10), new Uint8Array(10_000).fill(0x80)]) }]),
  );
  expect(decoded.frames[0]).toMatchObject({ events: 10_000, rejected: 10_000, fault: null });
  expect(decoded.frames[0]?.errors).toHaveLength(100);
});

test('texts made to slow the search for secrets down do not', () => {
  const pieces = [
    ...tokenShapes.flatMap(({ prefix }) => [prefix, `${prefix}a`, `${prefix}1a`]),
    ...['@', 'a@', 'a.b@c', '://', '://a:', '://a:b@', 'http://a:b/', 'eyJ-', 'eyJa.', 'eyJaaaaaaaa.', '12345678:A'],
    ...['token ', 'token:', 'token: ', 'token="', 'token=\\"', 'password=<', 'password=*', 'password="', 'password=a,'],
    ...['cookie: ', 'cookie:', 'cookie: a=b; ', 'authorization: ', 'authorization: digest ', '<token>', 'key_key='],
    ...['bearer ', 'bearer a', 'basic ', 'basic aaaaaaaa ', '"\\', '0Q~', 'aaa.aaaaaa.', 'pat12345678901234.', '-us1'],
    ...['-----BEGIN ', '-----BEGIN PRIVATE KEY', '-----END', '-----', '12345678901234567890123456789012-', '\\\\"'],
  ];
  for (const piece of pieces) {
    const message = piece.repeat(Math.floor(8_192 / piece.length));
    const events = Array.from({ length: 3 }, () => ({
      type: 'log',
      agent_id: 'a',
      message,
      error_message: piece.repeat(4_000),
    }));
    const decoded = decoder.decode(createBatch([{ body: events }]));
    expect(decoded.frames[0]?.accepted, piece).toBe(3);
  }
});
