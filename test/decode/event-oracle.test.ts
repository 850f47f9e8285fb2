import { expect, test } from 'vitest';
import { eventNotices } from '../../src/core/errors.js';
import { eventFields } from '../../src/core/event-schema.js';
import { createEventSchema } from '../../src/core/event-zod.js';
import { createBatchDecoder } from '../../src/decode/decode-batch.js';
import { defaultFrameLimits } from '../support/default-config.js';
import { randomInteger, seededRandom, testSeed } from '../support/seeded-random.js';
import { createBatch, oddValues, randomEvent, type SentEvent } from './random-events.js';

const decoder = createBatchDecoder(defaultFrameLimits);

/** Whether the decoder takes each of these events, sent in one frame. */
function decodes(events: readonly SentEvent[], contentAllowed: boolean): boolean[] {
  const limits = { ...defaultFrameLimits, errorsListedMax: events.length, frameBytesMax: 100_000_000 };
  const { frames } = createBatchDecoder(limits).decode(createBatch([{ body: events, contentAllowed }]));
  const refused = new Set(frames[0]!.errors.filter(({ code }) => !(code in eventNotices)).map(({ index }) => index));
  return events.map((_, index) => !refused.has(index));
}

function expectSameVerdicts(events: readonly SentEvent[], contentAllowed: boolean): number {
  const schema = createEventSchema({ contentAllowed });
  const decoded = decodes(events, contentAllowed);
  let accepted = 0;
  events.forEach((event, index) => {
    const judged = schema.safeParse(event);
    if (judged.success) accepted++;
    if (judged.success !== decoded[index]) {
      const shown = JSON.stringify(event, (_, value) => (typeof value === 'string' ? value.slice(0, 80) : value));
      expect.fail(`decoder ${decoded[index]}, zod ${judged.success}: ${shown} ${judged.error?.message ?? ''}`);
    }
  });
  return accepted;
}

test('the decoder and zod agree on every odd value in every field', () => {
  const events = eventFields.flatMap((field) =>
    oddValues.map((value) => {
      const ids = { run_id: 'r', task_id: 't', step_id: 's', pattern_id: 'p' };
      return { type: 'task.failed', agent_id: 'a', error_category: 'tool', ...ids, [field.name]: value };
    }),
  );
  const accepted = expectSameVerdicts(events, false);
  expect(accepted).toBeGreaterThan(300);
  expect(accepted).toBeLessThan(events.length - 300);
  expectSameVerdicts(events, true);
});

test('the decoder and zod agree on random events with random damage', () => {
  const seed = testSeed(7);
  const random = seededRandom(seed);
  const names = eventFields.map((field) => field.name);
  const events = Array.from({ length: 4_000 }, () => {
    const event = randomEvent(random, 0.3);
    while (random() < 0.3) {
      const name = names[randomInteger(random, { min: 0, max: names.length - 1 })]!;
      const value = oddValues[randomInteger(random, { min: 0, max: oddValues.length - 1 })];
      if (random() < 0.3) delete event[name];
      else event[name] = value;
    }
    return event;
  });
  const accepted = expectSameVerdicts(events, random() < 0.5);
  expect(accepted, `seed ${seed}`).toBeGreaterThan(1_000);
  expect(accepted, `seed ${seed}`).toBeLessThan(3_900);
});

test('an accepted event is a row and a refused one is not', () => {
  const random = seededRandom(3);
  const events = Array.from({ length: 500 }, (_, index) => (index % 3 === 0 ? { type: 'log' } : randomEvent(random)));
  const { frames, rowCount } = decoder.decode(createBatch([{ body: events }]));
  const schema = createEventSchema({ contentAllowed: false });
  const valid = events.filter((event) => schema.safeParse(event).success).length;
  expect(rowCount).toBe(valid);
  expect(frames[0]).toMatchObject({ events: 500, accepted: valid, rows: valid, rejected: 500 - valid });
});
