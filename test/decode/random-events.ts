import { pack } from 'msgpackr';
import type { Random } from '../../src/core/clock.js';
import type { FrameBatch, FrameFormat, FrameRange } from '../../src/core/event-batch.js';
import { type EventField, eventFields } from '../../src/core/event-schema.js';
import { randomInteger } from '../support/seeded-random.js';

export type SentEvent = Record<string, unknown>;

export const receivedMs = Date.UTC(2026, 0, 15, 12, 0, 0, 250);

/** Frames end to end, as ingest hands them over; `shared` and each frame's own part override the defaults. */
export function createBatch(
  frames: readonly (Partial<FrameRange> & { readonly body: Uint8Array | string | object })[],
  shared: Partial<FrameRange> = {},
): FrameBatch {
  const bodies = frames.map(({ body }) => encodeBody(body));
  const bytes = new Uint8Array(bodies.reduce((sum, body) => sum + body.length, 0));
  let offset = 0;
  const ranges = frames.map(({ body: _, ...own }, index) => {
    const body = bodies[index]!;
    bytes.set(body, offset);
    const range: FrameRange = {
      offset,
      length: body.length,
      format: 'msgpack' as FrameFormat,
      tenant: 'default',
      contentAllowed: false,
      duplicate: false,
      duplicateEvents: [],
      ...shared,
      ...own,
    };
    offset += body.length;
    return range;
  });
  return { bytes: bytes.buffer, frames: ranges, receivedMs, clockMs: receivedMs };
}

/** Bytes and texts as they are, anything else as MessagePack. */
function encodeBody(body: Uint8Array | string | object): Uint8Array {
  if (body instanceof Uint8Array) return body;
  return typeof body === 'string' ? new TextEncoder().encode(body) : pack(body);
}

const alphabets = ['abcdefghij0123456789', 'ABC def', 'äöüß', '日本語文字', '😀🚀'];

function randomText(random: Random, charactersMax: number): string {
  const alphabet = Array.from(alphabets[random() < 0.8 ? 0 : randomInteger(random, { min: 0, max: 4 })]!);
  const length = random() < 0.05 ? charactersMax : randomInteger(random, { min: 0, max: Math.min(charactersMax, 40) });
  return Array.from({ length }, () => alphabet[randomInteger(random, { min: 0, max: alphabet.length - 1 })]).join('');
}

function randomDigits(random: Random): string {
  const digits = random() < 0.5 ? '0123456789abcdef' : '0123456789ABCDEF';
  return Array.from({ length: 16 }, () => digits[randomInteger(random, { min: 0, max: 15 })]).join('');
}

function oneOf<T>(random: Random, values: readonly T[]): T {
  return values[randomInteger(random, { min: 0, max: values.length - 1 })]!;
}

function randomTime(random: Random): number | string {
  const ms = receivedMs - randomInteger(random, { min: 0, max: 3_600_000 }) + (random() < 0.1 ? 0.5 : 0);
  if (random() < 0.4) return ms;
  if (random() < 0.5) return oneOf(random, [ms / 1_000, ms * 1_000, ms * 1e6]);
  return oneOf(random, [new Date(ms).toISOString(), new Date(ms + 7_200_000).toISOString().replace('Z', '+02:00')]);
}

/** A value that fits its field. */
function randomValue(random: Random, field: EventField): unknown {
  switch (field.kind) {
    case 'string':
      return randomText(random, Math.min(field.charactersMax!, 600));
    case 'time':
      return randomTime(random);
    case 'number':
      return field.min! + random() * Math.min(field.max! - field.min!, 1e6);
    case 'integer':
      return oneOf(random, [field.min!, field.max!, randomInteger(random, { min: field.min!, max: 60_000 })]);
    case 'hash':
      return random() < 0.5 ? randomInteger(random, { min: 0, max: 2 ** 50 }) : randomDigits(random);
    case 'enum':
      return oneOf(
        random,
        Object.keys(field.values!).filter((name) => name !== ''),
      );
    case 'scalar_map':
    case 'string_map':
      return randomMap(random, field);
    case 'string_list':
      return Array.from({ length: randomInteger(random, { min: 0, max: 16 }) }, () => randomText(random, 256));
  }
}

function randomMap(random: Random, field: EventField): Record<string, unknown> {
  const keys = randomInteger(random, { min: 0, max: random() < 0.1 ? 16 : 4 });
  const scalar = () =>
    oneOf<unknown>(random, [
      randomText(random, 256),
      random() * 1e9,
      randomInteger(random, { min: -70_000, max: 70_000 }),
      2 ** 53 + 2,
      random() < 0.5,
      null,
      1e21,
      -0.1,
    ]);
  const value = () => (field.kind === 'scalar_map' ? scalar() : randomText(random, 256));
  return Object.fromEntries(Array.from({ length: keys }, (_, key) => [`${randomText(random, 20)}${key}`, value()]));
}

/** An event that is valid more often than not. */
export function randomEvent(random: Random, density = 0.5): SentEvent {
  const event: SentEvent = {};
  for (const field of eventFields as readonly EventField[]) {
    if (field.required || random() < density) event[field.name] = random() < 0.05 ? null : randomValue(random, field);
  }
  event.type ??= 'task.completed';
  event.agent_id = `agent-${randomInteger(random, { min: 0, max: 300 })}`;
  for (const name of ['run_id', 'task_id', 'step_id', 'pattern_id'])
    event[name] = `${name}-${Math.floor(random() * 1e6)}`;
  event.error_category ??= 'tool';
  if (random() < 0.9 && event.started_at != null) event.ended_at = receivedMs + 1_000;
  return event;
}

/** Values that fit few fields or none. */
export const oddValues: readonly unknown[] = [
  '',
  'task.completed',
  '0123456789abcdef',
  '0123456789ABCDEF',
  '0123456789abcdeg',
  'a'.repeat(257),
  'ß'.repeat(256),
  '😀'.repeat(257),
  'x'.repeat(8_193),
  'x'.repeat(70_000),
  '2026-01-15T12:00:00Z',
  '2026-02-30T12:00:00Z',
  '2026-01-15T12:00:00',
  '2026-01-15 12:00:00Z',
  '1969-12-31T23:59:59Z',
  '0000-01-01T00:00:00+00:00',
  '0001-01-01T00:00:00Z',
  0,
  -1,
  1,
  1.5,
  -0.5,
  65_535,
  65_536,
  2 ** 31,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  1e8 - 1,
  1e8,
  1e10,
  1e11,
  1e12,
  1e13,
  1e14,
  1e17,
  1e19 - 2_048,
  1e19,
  1e300,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  true,
  false,
  null,
  [],
  ['a'],
  [1],
  [null],
  Array.from({ length: 17 }, () => 'a'),
  {},
  { a: 1 },
  { a: 'b' },
  { a: Number.NaN },
  { a: [] },
  { a: {} },
  { Prompt: 'x' },
  { system_prompt: null },
  { prompts_total: 3 },
  { ['k'.repeat(65)]: 1 },
  { ['ß'.repeat(64)]: 'ok' },
  { a: 'x'.repeat(257) },
  Object.fromEntries(Array.from({ length: 17 }, (_, key) => [`k${key}`, key])),
  Object.fromEntries(Array.from({ length: 16 }, (_, key) => [`k${key}`, key])),
];
