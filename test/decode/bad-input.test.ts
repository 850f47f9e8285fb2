import { pack } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import type { DecodedFrame, FrameRange } from '../../src/core/event-batch.js';
import { createBatchDecoder } from '../../src/decode/decode-batch.js';
import { defaultFrameLimits } from '../support/default-config.js';
import { createBatch, receivedMs } from './random-events.js';

const decoder = createBatchDecoder(defaultFrameLimits);
const good = { type: 'task.completed', agent_id: 'a', task_id: 't' };

function frame(body: Uint8Array | string | object, range: Partial<FrameRange> = {}): DecodedFrame {
  return decoder.decode(createBatch([{ body, ...range }])).frames[0]!;
}

/** MessagePack put together by hand: strings are texts, numbers single bytes. */
function bytes(...parts: readonly (string | number | Uint8Array)[]): Uint8Array {
  return Buffer.concat(
    parts.map((part) => {
      if (part instanceof Uint8Array) return part;
      return typeof part === 'string' ? pack(part) : Uint8Array.of(part);
    }),
  );
}

/** A map of the good event's fields and one more, whose value is given in bytes. */
function withRaw(name: string, ...value: readonly (string | number | Uint8Array)[]): Uint8Array {
  return bytes(0x84, 'type', 'task.completed', 'agent_id', 'a', 'task_id', 't', name, ...value);
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

const long = 'x'.repeat(257);
const manyKeys = Object.fromEntries(Array.from({ length: 17 }, (_, key) => [`k${key}`, 1]));
const cases: readonly (readonly [string, unknown, string, string])[] = [
  ['not a map', 7, 'event_not_map', ''],
  ['an array', [1], 'event_not_map', ''],
  ['null', null, 'event_not_map', ''],
  ['nothing in it', {}, 'field_required', 'type'],
  ['no agent', { type: 'log' }, 'field_required', 'agent_id'],
  ['an empty agent', { ...good, agent_id: '' }, 'field_required', 'agent_id'],
  ['no task on a task event', { ...good, task_id: null }, 'field_required', 'task_id'],
  ['no run on a run event', { type: 'run.started', agent_id: 'a' }, 'field_required', 'run_id'],
  ['no category on a failure', { ...good, type: 'task.failed' }, 'field_required', 'error_category'],
  ['a type nobody knows', { ...good, type: 'task.exploded' }, 'type_unknown', 'type'],
  ['a type that is no text', { ...good, type: 12 }, 'field_type', 'type'],
  ['an unknown category', { ...good, error_category: 'gremlins' }, 'value_unknown', 'error_category'],
  [
    'an empty category on a failure',
    { ...good, type: 'task.failed', error_category: '' },
    'field_required',
    'error_category',
  ],
  ['an empty type', { ...good, type: '' }, 'field_required', 'type'],
  ['a number for a text', { ...good, run_id: 7 }, 'field_type', 'run_id'],
  ['a text for a number', { ...good, tokens_in: '7' }, 'field_type', 'tokens_in'],
  ['a boolean for a number', { ...good, confidence: true }, 'field_type', 'confidence'],
  ['NaN', { ...good, duration_ms: Number.NaN }, 'field_range', 'duration_ms'],
  ['Infinity', { ...good, memory_mb: Number.POSITIVE_INFINITY }, 'field_range', 'memory_mb'],
  ['a negative duration', { ...good, duration_ms: -1 }, 'field_range', 'duration_ms'],
  ['a confidence above 1', { ...good, confidence: 1.01 }, 'field_range', 'confidence'],
  ['half a token', { ...good, tokens_in: 1.5 }, 'field_range', 'tokens_in'],
  ['a count of 2^53', { ...good, tokens_in: 2 ** 53 }, 'field_range', 'tokens_in'],
  ['tokens above a thousand million', { ...good, tokens_out: 1e9 + 1 }, 'field_range', 'tokens_out'],
  ['a cost above 10,000 dollars', { ...good, cost_micros: 1e10 + 1 }, 'field_range', 'cost_micros'],
  ['a count of 2^53 as uint64', { ...good, tokens_in: 2n ** 53n }, 'field_range', 'tokens_in'],
  ['attempt -1', { ...good, attempt: -1 }, 'field_range', 'attempt'],
  ['a hash of 15 digits', { ...good, args_hash: '0123456789abcde' }, 'field_type', 'args_hash'],
  ['a hash with a letter that is no digit', { ...good, args_hash: '0123456789abcdeg' }, 'field_type', 'args_hash'],
  ['a hash with a digit that is no text', { ...good, args_hash: '01234567/9abcdef' }, 'field_type', 'args_hash'],
  ['a negative hash', { ...good, args_hash: -1 }, 'field_range', 'args_hash'],
  ['half a hash', { ...good, args_hash: 1.5 }, 'field_range', 'args_hash'],
  ['a hash of 2^64', { ...good, args_hash: 2 ** 64 }, 'field_range', 'args_hash'],
  ['a hash that is a list', { ...good, args_hash: [] }, 'field_type', 'args_hash'],
  ['a source of costs nobody knows', { ...good, cost_source: 'guessed' }, 'value_unknown', 'cost_source'],
  ['an end before its start', { ...good, started_at: 2e12, ended_at: 2e12 - 1 }, 'time_order', 'ended_at'],
  ['a duration of 300 years', { ...good, started_at: 1e11, ended_at: 9.9e12 }, 'field_range', 'duration_ms'],
  ['a time that is no time', { ...good, ts: 'yesterday' }, 'time_invalid', 'ts'],
  ['a time that is a list', { ...good, ts: [] }, 'time_invalid', 'ts'],
  ['a time without its offset', { ...good, ts: '2026-01-15T12:00:00' }, 'time_invalid', 'ts'],
  ['a negative time', { ...good, ts: -1 }, 'time_invalid', 'ts'],
  ['a number between the units', { ...good, ended_at: 5e10 }, 'time_invalid', 'ended_at'],
  ['a small number as a time', { ...good, started_at: 12_345 }, 'time_invalid', 'started_at'],
  ['NaN as a time', { ...good, ts: Number.NaN }, 'time_invalid', 'ts'],
  ['a long text', { ...good, run_id: long }, 'string_too_long', 'run_id'],
  ['a long value', { ...good, inputs: { topic: long } }, 'string_too_long', 'inputs.topic'],
  ['a long key', { ...good, inputs: { ['k'.repeat(65)]: 1 } }, 'string_too_long', `inputs.${'k'.repeat(64)}…`],
  ['too many keys', { ...good, inputs: manyKeys }, 'map_too_large', 'inputs'],
  ['too long a list', { ...good, evidence: Array(17).fill('e') }, 'map_too_large', 'evidence'],
  ['a list in a map', { ...good, outputs: { rows: [1] } }, 'field_type', 'outputs.rows'],
  ['a number in a map of texts', { ...good, labels: { tier: 1 } }, 'field_type', 'labels.tier'],
  ['a number in a list of texts', { ...good, evidence: ['e', 7] }, 'field_type', 'evidence.1'],
  ['NaN in a map', { ...good, inputs: { score: Number.NaN } }, 'field_range', 'inputs.score'],
  ['2^53 as int64 in a map', { ...good, inputs: { n: -(2n ** 53n) } }, 'field_range', 'inputs.n'],
  ['a text for a map', { ...good, inputs: 'topic' }, 'field_type', 'inputs'],
  ['a prompt', { ...good, inputs: { prompt: 'x' } }, 'content_refused', 'inputs.prompt'],
  ['a prompt in capitals', { ...good, labels: { Response: 'x' } }, 'content_refused', 'labels.Response'],
  ['depth in a known field', { ...good, inputs: { a: nested(8) } }, 'nesting_too_deep', 'inputs.a'],
  ['depth in an unknown field', { ...good, whatever: nested(8) }, 'nesting_too_deep', 'whatever'],
  ['bytes for a text', { ...good, run_id: Buffer.from('r') }, 'field_type', 'run_id'],
];

describe('one bad event between two good ones is named, and the good ones are kept', () => {
  test.each(cases)('%s', (_, bad, code, path) => {
    const decoded = frame({ seq: 1, events: [good, bad, good] });
    expect(decoded).toMatchObject({ seq: 1, events: 3, accepted: 2, rows: 2, rejected: 1, fault: null });
    expect(decoded.errors.map((error) => [error.index, error.code, error.path])).toEqual([[1, code, path]]);
    expect(decoded.rejectedByCode).toEqual({ [code]: 1 });
  });

  const json = cases.filter(([, bad]) => {
    const text = JSON.stringify(bad, (_, value) => (typeof value === 'bigint' || Number.isNaN(value) ? null : value));
    return !text.includes('null') && !text.includes('Buffer');
  });
  test.each(json)('%s, in JSON', (_, bad, code, path) => {
    const decoded = frame(JSON.stringify([good, bad, good]), { format: 'json' });
    expect(decoded.errors.map((error) => [error.index, error.code, error.path])).toEqual([[1, code, path]]);
    expect(decoded.accepted).toBe(2);
  });
});

test('a message says what a map, a list and a hash may have', () => {
  const messageOf = (fields: object) => frame({ ...good, ...fields }).errors[0]?.message;
  expect(messageOf({ inputs: { topic: 'x'.repeat(257) } })).toBe(
    'cannot accept inputs.topic: a string is longer than its field allows; inputs is a flat map of at most 16 keys ' +
      'of 64 characters to texts of 256, booleans or finite numbers, 64-bit integers below 2^53',
  );
  expect(messageOf({ labels: { ['k'.repeat(65)]: 'x' } })).toMatch(/16 keys of 64 characters to texts of 256$/);
  expect(messageOf({ evidence: [7] })).toMatch(/a list of at most 16 texts of 256 characters$/);
  const inJson = frame(JSON.stringify({ ...good, args_hash: 2 ** 53 }), { format: 'json' });
  expect(inJson.errors[0]?.message).toMatch(/an integer from 0 to 2\^64 - 1, in JSON below 2\^53$/);
});

test('-0 is 0, in a field and in a map, as in JSON', () => {
  const minusZero = Uint8Array.of(0xcb, 0x80, 0, 0, 0, 0, 0, 0, 0);
  const body = bytes(0x92, withRaw('duration_ms', minusZero), withRaw('inputs', 0x81, 'n', minusZero));
  const packed = decoder.decode(createBatch([{ body }]));
  const events = [
    { ...good, duration_ms: 0 },
    { ...good, inputs: { n: 0 } },
  ];
  const plain = decoder.decode(createBatch([{ body: JSON.stringify(events), format: 'json' }]));
  expect(Buffer.from(packed.rows).equals(Buffer.from(plain.rows))).toBe(true);
});

test('of JSON that is none the message says why: no UTF-8, a byte order mark, or what was expected and where', () => {
  const faultOf = (body: Uint8Array | string) => frame(body, { format: 'json' }).fault;
  const malformed = (cause: string) => ({ code: 'frame_malformed', message: `cannot read frame: ${cause}` });
  expect(faultOf(Buffer.from('{"agent_id":"\xff"}', 'latin1'))).toEqual(malformed('it is not valid UTF-8'));
  expect(faultOf('\ufeff{}')).toEqual(malformed('it begins with a byte order mark; JSON has none'));
  expect(faultOf('{"a":1,}')).toEqual(
    malformed('it is not valid JSON: expected double-quoted property name at character 8'),
  );
});

test('1e400 in JSON is out of range', () => {
  const decoded = frame(`[{"type":"log","agent_id":"a","duration_ms":1e400}]`, { format: 'json' });
  expect(decoded.rejectedByCode).toEqual({ field_range: 1 });
});

test('content keys are accepted from a tenant that has opted in', () => {
  const decoded = frame({ ...good, inputs: { prompt: 'x' } }, { contentAllowed: true });
  expect(decoded.accepted).toBe(1);
});

test('bytes that are not UTF-8 are refused in a value, in a key and in a list', () => {
  const broken = Uint8Array.of(0xa3, 0xff, 0x61, 0x62);
  expect(frame(withRaw('run_id', broken)).errors[0]).toMatchObject({ code: 'string_invalid', path: 'run_id' });
  expect(frame(withRaw('inputs', 0x81, broken, 1)).rejectedByCode).toEqual({ string_invalid: 1 });
  expect(frame(withRaw('evidence', 0x91, broken)).rejectedByCode).toEqual({ string_invalid: 1 });
});

describe('extensions', () => {
  const record = Uint8Array.of(0xd4, 0x72, 0x40);
  const timestamp = (ms: number) => pack(new Date(ms));
  test.each(['run_id', 'tokens_in', 'ts', 'type', 'inputs', 'evidence', 'whatever'])(
    'refuse the event in %s',
    (name) => {
      const body = bytes(0x92, withRaw(name, record), pack(good));
      expect(frame(body)).toMatchObject({ accepted: 1, rejectedByCode: { extension_type: 1 } });
    },
  );
  test('refuse the event inside a map, as an event, and as ext 8, 16 and 32', () => {
    expect(frame(withRaw('inputs', 0x81, 'a', record)).rejectedByCode).toEqual({ extension_type: 1 });
    expect(frame(bytes(0x91, record)).rejectedByCode).toEqual({ extension_type: 1 });
    for (const head of [
      [0xc7, 1],
      [0xc8, 0, 1],
      [0xc9, 0, 0, 0, 1],
    ]) {
      expect(frame(withRaw('run_id', ...head, 0x72, 9)).rejectedByCode).toEqual({ extension_type: 1 });
      expect(frame(withRaw('ts', ...head, 0x72, 9)).rejectedByCode).toEqual({ extension_type: 1 });
    }
  });
  test('a timestamp is a time in a time field, ignored in an unknown one and refused elsewhere', () => {
    const decoded = decoder.decode(createBatch([{ body: withRaw('ts', timestamp(receivedMs - 1_500)) }]));
    expect(decoded.frames[0]?.accepted).toBe(1);
    expect(decoded.slices[0]?.sliceMs).toBe(receivedMs - 250 - 5_000);
    expect(frame(withRaw('ts', 0xc7, 12, 0xff, ...[0, 0, 0, 0], ...[0, 0, 0, 0, 0x69, 0, 0, 0])).accepted).toBe(1);
    for (const name of ['run_id', 'tokens_in', 'type', 'inputs', 'evidence']) {
      expect(frame(withRaw(name, timestamp(receivedMs))).rejectedByCode).toEqual({ field_type: 1 });
    }
    const map = withRaw('labels', 0x81, 'at', timestamp(receivedMs));
    expect(frame(map).errors[0]).toMatchObject({ code: 'field_type', path: 'labels.at' });
    const long = Uint8Array.of(0xc7, 12, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x69, 0, 0, 0);
    for (const value of [timestamp(receivedMs), timestamp(receivedMs + 1), long, bytes(0x91, long)]) {
      expect(frame(withRaw('created', value))).toMatchObject({
        accepted: 1,
        errors: [{ code: 'field_unknown', path: 'created' }],
      });
    }
  });
  test('in a field or a column the schema does not know are refused by its name', () => {
    const expected = { rejected: 1, errors: [{ code: 'extension_type', path: 'whatever' }] };
    expect(frame(withRaw('whatever', record))).toMatchObject(expected);
    const shortTimestamp = [0xd4, 0xff, 1];
    expect(frame(withRaw('whatever', ...shortTimestamp))).toMatchObject(expected);
    const columns = pack(['type', 'agent_id', 'whatever']);
    const rows = bytes(0x91, 0x93, 'log', 'a', record);
    const row = frame(bytes(0x82, 'columns', columns, 'rows', rows));
    expect(row.errors).toMatchObject([
      { code: 'extension_type', path: 'columns.2' },
      { code: 'column_unknown', path: 'columns.2' },
    ]);
  });
  test('a timestamp with more than a second of nanoseconds is no time', () => {
    const decoded = frame(withRaw('ts', 0xd7, 0xff, 0xff, 0xff, 0xff, 0xfc, 0, 0, 0, 1));
    expect(decoded.rejectedByCode).toEqual({ time_invalid: 1 });
  });
});

describe('a positional frame', () => {
  const columns = ['type', 'agent_id', 'colour', 'task_id', 'shape'];
  const row = ['task.completed', 'a', 'red', 't', { deep: [1] }];
  test('with ragged rows keeps the others', () => {
    const decoded = frame({ columns, rows: [row, row.slice(1), row, [...row, 1], {}, row] });
    expect(decoded).toMatchObject({ events: 6, accepted: 3, rejected: 3, rejectedByCode: { row_ragged: 3 } });
    expect(decoded.errors.filter(({ code }) => code === 'row_ragged').map(({ index }) => index)).toEqual([1, 3, 4]);
    expect(decoded.errors.slice(0, 3).map(({ message }) => message)).toEqual([
      'cannot accept event: a row has 4 values, the frame 5 columns',
      'cannot accept event: a row has 6 values, the frame 5 columns',
      'cannot accept event: a row is not a list',
    ]);
  });
  test('names an unknown column once and keeps its rows', () => {
    const decoded = decoder.decode(createBatch([{ body: { columns, rows: [row, row] } }]));
    expect(decoded.frames[0]).toMatchObject({ accepted: 2, rejected: 0 });
    expect(decoded.frames[0]?.errors.map(({ code, path }) => [code, path])).toEqual([
      ['column_unknown', 'columns.2'],
      ['column_unknown', 'columns.4'],
    ]);
    expect(decoded.unknownFieldCount).toBe(2);
  });
  test('names bad values by their field', () => {
    const decoded = frame({ columns, rows: [['task.completed', 7, 0, 't', 0], row] });
    expect(decoded.errors[0]).toMatchObject({ index: 0, code: 'field_type', path: 'agent_id' });
    expect(decoded.accepted).toBe(1);
  });
});

test('unknown fields are named once a frame, at most eight of them, and all are counted', () => {
  const extra = Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`extra_${at}`, at]));
  const decoded = decoder.decode(
    createBatch([
      {
        body: [
          { ...good, ...extra },
          { ...good, ...extra },
        ],
      },
    ]),
  );
  expect(decoded.frames[0]).toMatchObject({ accepted: 2, rejected: 0 });
  expect(decoded.frames[0]?.errors.map(({ code, path, index }) => [code, path, index])).toEqual(
    Array.from({ length: 8 }, (_, at) => ['field_unknown', `extra_${at}`, 0]),
  );
  expect(decoded.unknownFieldCount).toBe(24);
});

test('a key that is no text is an unknown field', () => {
  const decoded = frame(bytes(0x83, 'type', 'log', 'agent_id', 'a', 7, 8));
  expect(decoded).toMatchObject({ accepted: 1, errors: [{ code: 'field_unknown', path: '' }] });
});

test('errors are listed up to the limit and counted beyond it', () => {
  const decoded = frame(Array.from({ length: 250 }, () => ({})));
  expect(decoded).toMatchObject({ events: 250, rejected: 250, rejectedByCode: { field_required: 250 } });
  expect(decoded.errors).toHaveLength(100);
});

test('messages say what is expected and never what was sent', () => {
  const secret = 'hunter2hunter2';
  const bad = [
    { ...good, type: secret },
    { ...good, ts: secret },
    { ...good, tokens_in: secret },
    { ...good, inputs: { password: [secret] } },
    { ...good, run_id: secret.repeat(30) },
    { ...good, labels: { prompt: secret } },
  ];
  const { errors } = frame(bad);
  expect(errors).toHaveLength(6);
  for (const { message } of errors) {
    expect(message).toMatch(/^cannot accept [a-z_.]+: /);
    expect(message).not.toContain(secret);
  }
});

test('a clock far off is clamped to the accepted skew and counted', () => {
  const times = [1e8, receivedMs - 8 * 86_400_000, receivedMs - 1, receivedMs + 3_600_001, 9e12, receivedMs];
  const body = times.map((ts) => ({ ...good, ts }));
  const decoded = decoder.decode(createBatch([{ body }]));
  expect(decoded.frames[0]?.accepted).toBe(6);
  expect(decoded.clampedCount).toBe(4);
  expect(decoded.frames[0]?.errors.map(({ index, code, path }) => [index, code, path])).toEqual(
    [0, 1, 3, 4].map((index) => [index, 'time_clamped', 'ts']),
  );
  expect(decoded.frames[0]?.errors[2]?.message).toContain(new Date(receivedMs + 3_600_000).toISOString());
  const floor = (ms: number) => ms - (ms % 5_000);
  expect(new Set(decoded.slices.map(({ sliceMs }) => sliceMs))).toEqual(
    new Set([receivedMs - 7 * 86_400_000, receivedMs, receivedMs + 3_600_000].map(floor)),
  );
});

describe('frames that cannot be taken', () => {
  const body = pack({ seq: 1, events: [good] });
  test.each([
    ['an unused tag', Uint8Array.of(0xc1), 'msgpack', 'frame_malformed'],
    ['trailing bytes', bytes(body, 0), 'msgpack', 'frame_malformed'],
    ['a length beyond the end', Uint8Array.of(0xdd, 0, 0, 0x20, 0), 'msgpack', 'frame_malformed'],
    ['a text beyond the end', bytes(0x81, 'type', 0xdb, 0xff, 0xff, 0xff, 0xff), 'msgpack', 'frame_malformed'],
    ['a declared 4 GiB of events', Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff), 'msgpack', 'frame_too_many_events'],
    ['no bytes', new Uint8Array(0), 'msgpack', 'frame_empty'],
    ['half a JSON text', '{"seq":1,"events":[', 'json', 'frame_malformed'],
    ['JSON and more', '[]x', 'json', 'frame_malformed'],
    ['a JSON scalar', '7', 'json', 'frame_shape'],
    ['JSON that is not UTF-8', Uint8Array.of(0x22, 0xff, 0x22), 'json', 'frame_malformed'],
    ['a frame above the limit', new Uint8Array(1_048_577).fill(0x20), 'json', 'frame_too_large'],
  ] as const)('%s', (_, sent, format, code) => {
    expect(frame(sent, { format })).toMatchObject({ events: 0, accepted: 0, rows: 0, fault: { code } });
  });

  test('every truncation of a frame is malformed', () => {
    for (let length = 1; length < body.length; length++) {
      expect(frame(body.subarray(0, length)).fault?.code, `${length} bytes`).toBe('frame_malformed');
    }
  });

  test('a frame is not read beyond its end into the next one', () => {
    const batch = createBatch([{ body }, { body }]);
    const [first, second] = batch.frames;
    const cut = { ...batch, frames: [{ ...first!, length: first!.length - 1 }, second!] };
    expect(decoder.decode(cut).frames.map(({ fault }) => fault?.code)).toEqual(['frame_malformed', undefined]);
  });
});
