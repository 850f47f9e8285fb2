import { expect, test } from 'vitest';
import type { DecodedBatch, FrameFormat } from '../../src/core/event-batch.js';
import { type EventField, eventFields } from '../../src/core/event-schema.js';
import { createBatchDecoder } from '../../src/decode/decode-batch.js';
import { defaultFrameLimits } from '../support/default-config.js';
import { createBatch, type SentEvent } from './random-events.js';

const decoder = createBatchDecoder(defaultFrameLimits);
const good = { type: 'task.completed', agent_id: 'a', task_id: 't' };
const fields = eventFields as readonly EventField[];

function decode(body: object | string, format: FrameFormat): DecodedBatch {
  return decoder.decode(createBatch([{ body, format }]));
}

/** The rows that `events` become by every shape and format, as the bytes of a block. */
function blocksOf(events: readonly SentEvent[]): Record<string, Buffer> {
  const names = [...new Set(events.flatMap((event) => Object.keys(event)))];
  const frame = { columns: names, rows: events.map((event) => names.map((name) => event[name] ?? null)) };
  const decoded = {
    maps: decode(events, 'msgpack'),
    rows: decode(frame, 'msgpack'),
    'maps in JSON': decode(JSON.stringify(events), 'json'),
    'rows in JSON': decode(JSON.stringify(frame), 'json'),
    lines: decode(events.map((event) => JSON.stringify(event)).join('\n'), 'ndjson'),
  };
  return Object.fromEntries(
    Object.entries(decoded).map(([shape, { frames, rows }]) => {
      expect(frames[0], shape).toMatchObject({ accepted: events.length, rejected: 0, errors: [] });
      return [shape, Buffer.from(rows)];
    }),
  );
}

function expectAsAbsent(unset: SentEvent): void {
  const [absent, sent] = [blocksOf([good]), blocksOf([{ ...unset, ...good }])];
  for (const [shape, block] of Object.entries(sent)) expect(block.equals(absent[shape]!), shape).toBe(true);
}

test('an event of Go or Protocol Buffers, every field of it unset, is what was set', () => {
  const zero = (field: EventField) => {
    if (field.kind === 'time' || field.name === 'attempt') return 0;
    if (field.kind === 'string' || field.kind === 'enum') return '';
    return field.kind.endsWith('map') ? {} : field.kind === 'string_list' ? [] : null;
  };
  expectAsAbsent(Object.fromEntries(fields.map((field) => [field.name, zero(field)])));
});

test('null in any field, in a map and in a list is absent', () => {
  expectAsAbsent(Object.fromEntries(fields.map((field) => [field.name, null])));
  expectAsAbsent({ inputs: { a: null }, labels: { b: null }, evidence: [null, null] });
});

test('null among the references of a list leaves the others', () => {
  const [some, all] = [
    blocksOf([{ ...good, evidence: [null, 'x', null, 'y'] }]),
    blocksOf([{ ...good, evidence: ['x', 'y'] }]),
  ];
  expect(some).toEqual(all);
});

test('0 is a value where a bound lets it be one', () => {
  const zeros = { duration_ms: 0, cost_micros: 0, memory_mb: 0, confidence: 0, feedback_score: 0 };
  const [absent, sent] = [blocksOf([good]), blocksOf([{ ...good, ...zeros }])];
  for (const [shape, block] of Object.entries(sent)) expect(block.equals(absent[shape]!), shape).toBe(false);
});

test('null in an envelope is as if the key were not there', () => {
  for (const frame of [
    { seq: null, events: [good], columns: null, rows: null },
    { seq: null, events: null, columns: Object.keys(good), rows: [Object.values(good)] },
  ]) {
    expect(decode(frame, 'msgpack').frames[0]).toMatchObject({ seq: null, accepted: 1, errors: [], fault: null });
    expect(decode(JSON.stringify(frame), 'json').frames[0]).toMatchObject({ accepted: 1, errors: [], fault: null });
  }
});
