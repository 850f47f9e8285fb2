import { pack } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import type { DecodedBatch, FrameRange } from '../../src/core/event-batch.js';
import { createBatchDecoder } from '../../src/decode/decode-batch.js';
import { defaultFrameLimits } from '../support/default-config.js';
import { createBatch } from './random-events.js';

const decoder = createBatchDecoder(defaultFrameLimits);
const event = { type: 'task.completed', agent_id: 'a', task_id: 't', ts: 1_768_478_400_000 };
const events = [event, { ...event, task_id: 'u', event_id: 'e1' }];
const columns = ['type', 'agent_id', 'task_id', 'ts', 'event_id'];
const rows = events.map((one) => columns.map((name) => (one as Record<string, unknown>)[name] ?? null));

function decode(body: Uint8Array | string | object, range: Partial<FrameRange> = {}): DecodedBatch {
  return decoder.decode(createBatch([{ body, ...range }]));
}

const frame = (body: Uint8Array | string | object, range: Partial<FrameRange> = {}) => decode(body, range).frames[0]!;

/** The block of these events however they are sent. */
const block = Buffer.from(decode(events).rows);

describe.each(['msgpack', 'json'] as const)('in %s', (format) => {
  const encode = (value: object) => (format === 'json' ? JSON.stringify(value) : value);

  test('a map is one event and has no seq', () => {
    expect(frame(encode(event), { format })).toMatchObject({ seq: null, events: 1, accepted: 1, rows: 1, fault: null });
  });

  test.each([
    ['an array of events', events, null],
    ['an envelope of events', { seq: 7, events }, 7],
    ['an envelope of events before its seq', { events, seq: 7 }, 7],
    ['an envelope without seq', { events }, null],
    ['an envelope with a null seq', { seq: null, events }, null],
    ['an envelope with keys of its own', { producer: 'p', seq: 7, events, more: [{ a: [1] }] }, 7],
    ['rows', { seq: 7, columns, rows }, 7],
    ['rows before their columns', { rows, seq: 7, columns }, 7],
    ['rows between seq and columns', { seq: 2 ** 53 - 1, rows, columns }, 2 ** 53 - 1],
  ])('%s become the same block', (_, body, seq) => {
    const decoded = decode(encode(body), { format });
    expect(decoded.frames[0]).toMatchObject({ seq, events: 2, accepted: 2, rows: 2, rejected: 0, errors: [] });
    expect(Buffer.from(decoded.rows).equals(block)).toBe(true);
    // The first has no id: it ends something, and is known by what it says.
    expect(decoded.eventIds?.event).toEqual(Uint32Array.of(0, 1));
  });

  test.each([
    ['rows without columns', { rows }],
    ['columns without rows', { columns }],
    ['events and rows', { events, columns, rows }],
    ['events and columns', { columns, events }],
    ['events that are no array', { events: {} }],
    ['rows that are no array', { columns, rows: 3 }],
    ['columns that are no array', { columns: 'type', rows }],
    ['columns that are not names', { columns: ['type', 3], rows }],
    ['more columns than any schema has', { columns: Array.from({ length: 257 }, (_, at) => `c${at}`), rows: [] }],
  ])('%s are of no shape', (_, body) => {
    expect(frame(encode(body), { format })).toMatchObject({ events: 0, fault: { code: 'frame_shape' } });
  });

  test.each([0, -1, 1.5, 2 ** 53, '7', true, [], {}])('seq %j is invalid', (seq) => {
    const decoded = decode(encode({ seq, events }), { format });
    expect(decoded.frames[0]).toMatchObject({ seq: null, events: 0, fault: { code: 'seq_invalid' } });
    expect(decoded.rowCount).toBe(0);
  });

  test.each([[[]], [{ seq: 1, events: [] }], [{ seq: 1, columns, rows: [] }]])('%j holds no event', (body) => {
    expect(frame(encode(body), { format }).fault?.code).toBe('frame_empty');
  });

  test('a single event may have a field named seq, which is unknown', () => {
    const decoded = frame(encode({ ...event, seq: 'x' }), { format });
    expect(decoded).toMatchObject({ seq: null, accepted: 1, errors: [{ code: 'field_unknown', path: 'seq' }] });
  });

  test('one event more than allowed faults the frame', () => {
    const limits = { ...defaultFrameLimits, eventsPerFrameMax: 3 };
    const small = createBatchDecoder(limits);
    const codes = [3, 4].map((count) =>
      [
        Array.from({ length: count }, () => event),
        { events: Array.from({ length: count }, () => event) },
        { columns: [], rows: Array.from({ length: count }, () => []) },
        { rows: Array.from({ length: count }, () => []), columns: [] },
      ].map((body) => small.decode(createBatch([{ body: encode(body), format }])).frames[0]!.fault?.code),
    );
    const tooMany = 'frame_too_many_events';
    expect(codes).toEqual([Array(4).fill(undefined), Array(4).fill(tooMany)]);
  });
});

test.each([0xc0, 0xc3, 7, 0xa1])('a MessagePack scalar (tag %i) is of no shape', (tag) => {
  const bytes = tag === 0xa1 ? Uint8Array.of(tag, 0x61) : Uint8Array.of(tag);
  expect(frame(bytes).fault?.code).toBe('frame_shape');
});

test('NDJSON holds an event a line; blank lines count for nothing and a bad line is one bad event', () => {
  const lines = [JSON.stringify(event), '', '  \r', '{"type":', '[1]', `${JSON.stringify(events[1])}\r`, 'nonsense'];
  const decoded = decode(lines.join('\n'), { format: 'ndjson' });
  expect(decoded.frames[0]).toMatchObject({ seq: null, events: 5, accepted: 2, rows: 2, rejected: 3, fault: null });
  expect(decoded.frames[0]?.errors.map(({ index, code }) => [index, code])).toEqual([
    [1, 'event_not_map'],
    [2, 'event_not_map'],
    [4, 'event_not_map'],
  ]);
  expect(decoded.frames[0]?.rejectedByCode).toEqual({ event_not_map: 3 });
  expect(Buffer.from(decoded.rows).equals(block)).toBe(true);
});

test('NDJSON of blank lines is empty, and too many lines are refused', () => {
  expect(frame('\n \n\r\n', { format: 'ndjson' }).fault?.code).toBe('frame_empty');
  expect(frame('1\n'.repeat(10_001), { format: 'ndjson' }).fault?.code).toBe('frame_too_many_events');
});

test('a duplicate frame is decoded for its answer and adds no row, fingerprint or slice', () => {
  const body = [...events, { type: 'nonsense' }];
  const decoded = decode({ seq: 3, events: body }, { duplicate: true });
  expect(decoded.frames[0]).toMatchObject({ seq: 3, events: 3, accepted: 2, rows: 0, rejected: 1 });
  expect(decoded.frames[0]?.errors).toHaveLength(1);
  expect(decoded).toMatchObject({ rowCount: 0, eventIds: null, slices: [] });
  expect(decoded.rows.length).toBe(0);
});

test('duplicate events of a frame count as accepted and add no row', () => {
  const body = ['a', 'b', 'c', 'd'].map((id) => ({ ...event, event_id: id, task_id: id }));
  const decoded = decode([...body, { type: 'log' }], { duplicateEvents: [0, 2, 4] });
  expect(decoded.frames[0]).toMatchObject({ events: 5, accepted: 4, rows: 2, rejected: 1 });
  expect(decoded.eventIds?.event).toEqual(Uint32Array.of(1, 3));
  expect(decoded.slices[0]?.completed).toBe(2);
  expect(Buffer.from(decoded.rows).equals(Buffer.from(decode([body[1]!, body[3]!]).rows))).toBe(true);
});

test('of a repeated key the later value counts, and a later null takes the value away', () => {
  const twice = (value: Uint8Array) =>
    Buffer.concat([
      Uint8Array.of(0x84),
      pack('type'),
      pack('log'),
      pack('agent_id'),
      pack('first'),
      pack('agent_id'),
      value,
      pack('labels'),
      Uint8Array.of(0x83),
      ...['k', 'v', 'k', 'w', 'l', 'x'].map((text) => pack(text)),
    ]);
  const decoded = decode(twice(pack('second')));
  expect(decoded.frames[0]?.accepted).toBe(1);
  const once = decode({ type: 'log', agent_id: 'second', labels: { k: 'w', l: 'x' } });
  expect(Buffer.from(decoded.rows).equals(Buffer.from(once.rows))).toBe(true);
  expect(frame(twice(pack(null))).rejectedByCode).toEqual({ field_required: 1 });
});

test('a batch gives its input back and answers its frames in order', () => {
  const batch = createBatch([
    { body: { seq: 1, events } },
    { body: 'x', format: 'json' },
    { body: { seq: 3, events } },
  ]);
  const decoded = decoder.decode(batch);
  expect(decoded.bytes).toBe(batch.bytes);
  expect(decoded.frames.map(({ seq, fault }) => [seq, fault?.code])).toEqual([
    [1, undefined],
    [null, 'frame_malformed'],
    [3, undefined],
  ]);
  expect([...decoded.eventIds!.frame]).toEqual([0, 0, 2, 2]);
});
