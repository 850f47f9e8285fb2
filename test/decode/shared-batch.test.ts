import { pack } from 'msgpackr';
import { expect, test } from 'vitest';
import type { DecodedBatch, FrameBatch } from '../../src/core/event-batch.js';
import { createBatchDecoder } from '../../src/decode/decode-batch.js';
import { defaultFrameLimits } from '../support/default-config.js';
import { randomInteger, seededRandom, testSeed } from '../support/seeded-random.js';
import { createBatch, randomEvent, receivedMs, type SentEvent } from './random-events.js';

/** Frames of several tenants, and bad ones, decoded together: none leaves a trace in another. */

const decoder = createBatchDecoder(defaultFrameLimits);
const ts = receivedMs - (receivedMs % 5_000);
const ended = (agent: string, more: SentEvent = {}) => ({
  type: 'task.completed',
  agent_id: agent,
  task_id: `task of ${agent}`,
  ts,
  ...more,
});

/** What a batch leaves behind it, but for the answers about its frames. */
function kept({ bytes: _bytes, frames: _frames, eventIds, ...rest }: DecodedBatch) {
  const ids = eventIds === null ? null : { low: eventIds.low, high: eventIds.high, event: eventIds.event };
  return { ...rest, rows: Buffer.from(rest.rows).toString('latin1'), ids };
}

/** The bytes of a frame that ends early: everything in it is read, and nothing of it may be kept. */
function cutShort(body: object): Uint8Array {
  const whole = pack(body);
  return whole.subarray(0, whole.length - 1);
}

test('a name that a malformed frame brought is not taken for known by the frame behind it', () => {
  const bad = cutShort([ended('ghost'), ended('ghost', { n: 'x' })]);
  const good = [{ body: [ended('ghost')] }, { body: [ended('other'), ended('ghost'), ended('third')] }];
  const expected = kept(decoder.decode(createBatch(good)));
  const [first, second] = good;
  for (const bodies of [
    [{ body: bad }, first!, second!],
    [{ body: bad }, { body: bad }, first!, { body: bad }, second!, { body: bad }],
  ]) {
    expect(kept(decoder.decode(createBatch(bodies)))).toEqual(expected);
  }
});

test('whether a key names a secret is not remembered from a malformed frame for another key', () => {
  const rows = (outputs: object, before: object) => {
    // The event with the key is read whole, and its frame ends early behind it.
    const bad = cutShort([ended('a', { outputs: before }), ended('b')]);
    const bodies = [{ body: bad }, { body: [ended('a', { outputs })] }];
    return Buffer.from(decoder.decode(createBatch(bodies)).rows).toString('latin1');
  };
  expect(rows({ password: 'hunter22hunter22' }, { topic: 'plain' })).not.toContain('hunter22');
  expect(rows({ topic: 'plain words' }, { password: 'hunter22hunter22' })).toContain('plain words');
});

test('malformed frames anywhere in a batch change nothing of what the others leave', () => {
  const seed = testSeed(77);
  const random = seededRandom(seed);
  for (let round = 0; round < 60; round++) {
    const good: { body: object; tenant: string }[] = [];
    const mixed: { body: object; tenant: string }[] = [];
    const frames = randomInteger(random, { min: 1, max: 6 });
    for (let frame = 0; frame < frames; frame++) {
      const tenant = random() < 0.5 ? 'acme' : 'globex';
      const events = Array.from({ length: randomInteger(random, { min: 1, max: 8 }) }, () => randomEvent(random, 0.3));
      const whole = { body: events, tenant };
      // What a bad frame says comes again in a good one, before it or behind it.
      while (random() < 0.5) mixed.push({ body: cutShort(events), tenant: random() < 0.5 ? 'acme' : 'globex' });
      mixed.push(whole);
      good.push(whole);
    }
    if (random() < 0.5) mixed.push({ body: cutShort([randomEvent(random, 0.9)]), tenant: 'acme' });
    const expected = kept(createBatchDecoder(defaultFrameLimits).decode(createBatch(good)));
    expect(kept(decoder.decode(createBatch(mixed))), `seed ${seed} round ${round}`).toEqual(expected);
  }
});

test('executions of two tenants whose agents have one name are counted apart, row by row', () => {
  const tenants = ['acme', 'globex', 'acme', 'acme', 'globex', 'initech'];
  const frames = tenants.map((tenant, index) => ({ tenant, body: [ended('a', { tokens_in: 10 ** index })] }));
  const { slices } = decoder.decode(createBatch(frames));
  const told = slices.map(({ tenant, completed, tokensIn }) => [tenant, completed, tokensIn]);
  expect(told).toEqual([
    ['acme', 3, 1_101],
    ['globex', 2, 10_010],
    ['initech', 1, 100_000],
  ]);
});

test('consent to content is that of each frame, whichever comes first', () => {
  const content = [ended('a', { inputs: { prompt: 'say it' } })];
  for (const order of [
    [true, false, true],
    [false, true, false],
  ]) {
    const frames = order.map((contentAllowed) => ({ body: content, contentAllowed }));
    const decoded = decoder.decode(createBatch(frames));
    expect(decoded.frames.map(({ accepted }) => accepted === 1)).toEqual(order);
    expect(decoded.frames.map(({ rejectedByCode }) => rejectedByCode.content_refused ?? 0)).toEqual(
      order.map((allowed) => (allowed ? 0 : 1)),
    );
    expect(decoded.rowCount).toBe(order.filter((allowed) => allowed).length);
  }
});

test('an event id of one tenant is not that of another, and is the same in every frame of its own', () => {
  const body = [ended('a', { event_id: 'one' })];
  const { eventIds } = decoder.decode(createBatch(['acme', 'globex', 'acme'].map((tenant) => ({ body, tenant }))));
  const ids = Array.from(eventIds?.low ?? [], (low, index) => `${low} ${eventIds?.high[index]}`);
  expect(ids[0]).toBe(ids[2]);
  expect(ids[0]).not.toBe(ids[1]);
  expect([...(eventIds?.frame ?? [])]).toEqual([0, 1, 2]);
});

/** Frames 1 and 3 of four, and the second event of the last, have been seen before. */
function withRepetitions(bodies: readonly object[]): FrameBatch {
  const frames = bodies.map((body, index) => ({
    body,
    duplicate: index % 2 === 1,
    duplicateEvents: index === 2 ? [1] : [],
  }));
  return createBatch(frames);
}

test('repeated frames and events add no row, no id and no slice, and are answered all the same', () => {
  const event = (name: string) => ended(name, { event_id: name, run_id: `run ${name}` });
  const bodies = ['a', 'b', 'c', 'd'].map((name) => [event(name), event(`${name}2`)]);
  const decoded = decoder.decode(withRepetitions(bodies));
  const alone = createBatch([{ body: bodies[0]! }, { body: [bodies[2]![0]] }]);
  expect(kept(decoded)).toEqual(kept(decoder.decode(alone)));
  expect(decoded.frames.map(({ accepted, rows }) => [accepted, rows])).toEqual([
    [2, 2],
    [2, 0],
    [2, 1],
    [2, 0],
  ]);
});
