import { expect, test } from 'vitest';
import { AnswerCache, type AnswerCacheOptions } from '../../../src/api/sharing/answer-cache.js';
import { CollectorError } from '../../../src/core/errors.js';
import type { HttpReply } from '../../../src/core/ports/http-route.js';
import { FakeClock } from '../../support/fake-clock.js';
import { noInstruments } from '../api-client.js';

/** Never aborted; a signal of its own for each request, as the server has. */
const never = () => new AbortController().signal;

function setUp(options: Partial<AnswerCacheOptions> = {}) {
  const clock = new FakeClock();
  const cache = new AnswerCache(
    { clock, instruments: noInstruments },
    { ageMsMax: 1_000, entriesMax: 10, bytesMax: 10_000, ...options },
  );
  const reads: { readonly signal: AbortSignal; readonly end: (reply: HttpReply | CollectorError) => void }[] = [];
  const compute = (signal: AbortSignal) =>
    new Promise<HttpReply>((resolve, reject) =>
      reads.push({ signal, end: (reply) => (reply instanceof CollectorError ? reject(reply) : resolve(reply)) }),
    );
  const ask = (key = 'a', signal = never()) => cache.answer(key, signal, compute);
  const askAnswered = async (key: string, reply: HttpReply) => {
    const asked = ask(key);
    reads.at(-1)?.end(reply);
    return asked;
  };
  return { clock, cache, reads, ask, askAnswered };
}

const ok = (body: string): HttpReply => ({ status: 200, body });

test('a hundred who ask at once wait for one read and get the same answer', async () => {
  const { ask, reads } = setUp();
  const asked = Array.from({ length: 100 }, () => ask());
  expect(reads).toHaveLength(1);
  reads[0]?.end(ok('x'));
  const given = await Promise.all(asked);
  expect(given.map(({ reply }) => reply.body)).toEqual(Array.from({ length: 100 }, () => 'x'));
  expect(given.map(({ source }) => source)).toEqual(['miss', ...Array.from({ length: 99 }, () => 'shared')]);
});

test('an answer is given again until it is as old as allowed, counted from the start of its read', async () => {
  const { clock, ask, reads } = setUp();
  const first = ask();
  clock.advance(700);
  reads[0]?.end(ok('x'));
  expect(await first).toMatchObject({ source: 'miss', ageMs: 700 });
  clock.advance(299);
  expect(await ask()).toMatchObject({ source: 'hit', ageMs: 999, reply: { body: 'x' } });
  clock.advance(1);
  void ask();
  expect(reads).toHaveLength(2);
});

test('nobody joins a read that began longer ago than an answer may be old', async () => {
  const { clock, ask, reads } = setUp();
  const slow = ask();
  clock.advance(1_000);
  const next = ask();
  expect(reads).toHaveLength(2);
  reads[1]?.end(ok('new'));
  reads[0]?.end(ok('old'));
  expect((await slow).reply.body).toBe('old');
  expect((await next).reply.body).toBe('new');
  expect((await ask()).reply.body, 'the slow read does not take the place of the newer one').toBe('new');
});

test('a failure goes to all who wait for it and to nobody after them', async () => {
  const { ask, reads, cache } = setUp();
  const asked = [ask(), ask()];
  reads[0]?.end(new CollectorError('query_timeout', 'cannot answer'));
  for (const each of asked) await expect(each).rejects.toMatchObject({ code: 'query_timeout' });
  expect([cache.entries, cache.bytes]).toEqual([0, 0]);
  void ask();
  expect(reads).toHaveLength(2);
});

test('an answer other than 200 is not kept', async () => {
  const { askAnswered, ask, reads } = setUp();
  expect((await askAnswered('a', { status: 404, body: 'no' })).reply.status).toBe(404);
  void ask();
  expect(reads).toHaveLength(2);
});

test('a read goes on while one of its waiters is left, and is cancelled when the last has gone', async () => {
  const { ask, reads, cache } = setUp();
  const [first, second] = [new AbortController(), new AbortController()];
  const asked = [ask('a', first.signal), ask('a', second.signal)];
  first.abort();
  await expect(asked[0]).rejects.toMatchObject({ code: 'query_timeout' });
  expect(reads[0]?.signal.aborted).toBe(false);
  second.abort();
  await expect(asked[1]).rejects.toMatchObject({ code: 'query_timeout' });
  expect(reads[0]?.signal.aborted).toBe(true);
  expect(cache.entries, 'who comes now does not join a cancelled read').toBe(0);
});

test('the one who began a read may go without harm to those who joined it', async () => {
  const { ask, reads } = setUp();
  const beginner = new AbortController();
  const begun = ask('a', beginner.signal);
  const joined = ask();
  beginner.abort();
  await expect(begun).rejects.toBeInstanceOf(CollectorError);
  reads[0]?.end(ok('x'));
  expect((await joined).reply.body).toBe('x');
});

test('a client that goes away after its answer cancels nothing', async () => {
  const { ask, reads } = setUp();
  const gone = new AbortController();
  const asked = ask('a', gone.signal);
  reads[0]?.end(ok('x'));
  await asked;
  gone.abort();
  expect(reads[0]?.signal.aborted).toBe(false);
  expect(await ask()).toMatchObject({ source: 'hit' });
});

test('entries and bytes are bounded, the oldest go first, and what is too old takes no room', async () => {
  const { clock, cache, askAnswered, ask } = setUp({ entriesMax: 3, bytesMax: 2_000 });
  for (const key of ['a', 'b', 'c', 'd']) await askAnswered(key, ok('x'));
  expect(cache.entries).toBe(3);
  expect(await ask('b')).toMatchObject({ source: 'hit' });
  await askAnswered('e', ok('x'.repeat(990)));
  expect(cache.entries).toBe(3);
  expect(cache.bytes).toBeLessThanOrEqual(2_000);
  await askAnswered('f', ok('x'.repeat(5_000)));
  expect([cache.entries, cache.bytes], 'larger than all of the room').toEqual([0, 0]);
  await askAnswered('g', ok('x'));
  clock.advance(1_000);
  await askAnswered('h', ok('x'));
  expect(cache.entries).toBe(1);
});
