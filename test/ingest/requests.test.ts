import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { HttpRequest } from '../../src/core/ports/http-route.js';
import { FirstAnswers } from '../../src/ingest/first-answers.js';
import { inflateBody } from '../../src/ingest/http-body.js';
import { OwnEvents } from '../../src/ingest/own-events.js';
import { RequestFrames } from '../../src/ingest/request-frames.js';
import { FakeClock } from '../support/fake-clock.js';
import { createIngest } from '../support/ingest-rig.js';
import { seededRandom } from '../support/seeded-random.js';

test('a body may inflate to the limit of a frame and to no byte more', async () => {
  const inflated = (bytes: number) => {
    const headers = new Map([['content-encoding', 'gzip']]);
    return inflateBody({ headers, body: gzipSync(Buffer.alloc(bytes)) } as unknown as HttpRequest, 100_000);
  };
  expect(await inflated(100_000)).toHaveLength(100_000);
  await expect(inflated(100_001)).rejects.toMatchObject({ code: 'body_too_large' });
  await expect(inflated(50_000_000)).rejects.toMatchObject({ code: 'body_too_large' });
});

test('gzip by its old name is gzip', async () => {
  const headers = new Map([['content-encoding', 'X-Gzip']]);
  const request = { headers, body: gzipSync('[]') } as unknown as HttpRequest;
  expect(Buffer.from(await inflateBody(request, 100)).toString()).toBe('[]');
});

/** Events of the API itself; the frame has to have the shape the scripted decoder reads. */
function createOwnEvents() {
  const rig = createIngest();
  const frames = new RequestFrames(rig.pipeline, { bytesInFlightMax: 1_000_000 });
  const submitted: { readonly event_id: string }[] = [];
  const submit = frames.submit.bind(frames);
  frames.submit = ({ bytes, ...rest }) => {
    const event = JSON.parse(Buffer.from(bytes).toString());
    submitted.push(event);
    return submit({ ...rest, bytes: new Uint8Array(Buffer.from(JSON.stringify({ events: [event] }))) });
  };
  const own = new OwnEvents({ frames, clock: new FakeClock(), random: seededRandom(1) });
  const accept = (name: string, purpose: string, idempotencyKey?: string) =>
    own.accept({
      tenant: 'acme',
      contentAllowed: false,
      fields: { name },
      idempotencyKey,
      purpose,
      requestBody: Buffer.from(name),
    });
  return { rig, accept, submitted };
}

test('one Idempotency-Key at two endpoints is of two requests, and of one at each', async () => {
  const { rig, accept } = createOwnEvents();
  expect(await rig.post('acme', [{ name: 'posted' }], { key: 'same' })).toMatchObject({ duplicate: false });
  expect(await accept('praise', 'feedback', 'same')).toMatchObject({ duplicate: false });
  expect(await accept('note', 'notes', 'same')).toMatchObject({ duplicate: false });
  expect(await accept('praise', 'feedback', 'same')).toMatchObject({ duplicate: true });
  expect(await rig.post('acme', [{ name: 'posted' }], { key: 'same' })).toMatchObject({ duplicate: true });
  expect(rig.appender.durable).toEqual(['acme:posted;', 'acme:praise;', 'acme:note;']);
});

test('without a key every request of the API is an event of its own, within one millisecond too', async () => {
  const { rig, accept, submitted } = createOwnEvents();
  for (let index = 0; index < 50; index++) {
    expect(await accept(`n${index}`, 'feedback')).toMatchObject({ duplicate: false });
  }
  expect(new Set(submitted.map(({ event_id }) => event_id)).size).toBe(50);
  expect(rig.appender.durable).toHaveLength(50);
});

test('a retry with its key names the event of the first request', async () => {
  const { accept } = createOwnEvents();
  const [first, second, other] = [
    await accept('a', 'feedback', 'k1'),
    await accept('a', 'feedback', 'k1'),
    await accept('a', 'feedback', 'k2'),
  ];
  expect(second.eventId).toBe(first?.eventId);
  expect(other?.eventId).not.toBe(first?.eventId);
});

test('one Idempotency-Key with two bodies is one request and a refusal, in one batch and after it', async () => {
  const { rig, accept } = createOwnEvents();
  const post = (name: string) => rig.post('acme', [{ name }], { key: 'k' });
  const [first, other, again] = await Promise.allSettled([post('a'), post('b'), post('a')]);
  expect(first).toMatchObject({ value: { duplicate: false } });
  expect(other).toMatchObject({ reason: { code: 'idempotency_mismatch' } });
  expect(again).toMatchObject({ value: { duplicate: true } });
  await expect(post('c')).rejects.toMatchObject({ code: 'idempotency_mismatch' });
  await accept('praise', 'feedback', 'k');
  await expect(accept('blame', 'feedback', 'k')).rejects.toMatchObject({ code: 'idempotency_mismatch' });
  expect(rig.appender.durable).toEqual(['acme:a;', 'acme:praise;']);
});

test('first answers are kept up to a number and a size, the oldest go and are counted', () => {
  let forgotten = 0;
  const answers = new FirstAnswers({
    answersMax: 3,
    charactersMax: 1_000,
    onForgotten: () => {
      forgotten += 1;
    },
  });
  const keep = (name: string, characters: number) =>
    answers.keep('acme', name, { status: 202, body: name.padEnd(characters) });
  for (const name of ['a', 'b', 'c', 'd']) keep(name, 5);
  expect([answers.get('acme', 'a'), answers.get('acme', 'd')?.body, forgotten]).toEqual([null, 'd    ', 1]);
  expect(answers.get('globex', 'd')).toBe(null);
  keep('large', 11);
  expect([answers.get('acme', 'large'), answers.size, forgotten]).toEqual([null, 3, 2]);
});
