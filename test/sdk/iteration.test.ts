import { expect, test } from 'vitest';
import { nodeSurroundings } from '../../src/sdk/record/node.js';
import { summary, told } from './told-events.js';

test('a function that is observed stays what it was, and its arguments are not sent', async () => {
  const { tm, heard } = await told();
  const add = tm.observe(
    function add(this: { base: number }, a: number, b: number) {
      return this.base + a + b;
    },
    { kind: 'tool' },
  );
  expect(add.call({ base: 1 }, 2, 3)).toBe(6);
  const events = await heard();
  expect(summary(events)).toEqual(['step.completed add']);
  expect(JSON.stringify(events)).not.toContain('[2,3]');
  expect(events[0]!.args_hash).toBe(nodeSurroundings.hash('[2,3]'));
});

test('generators and streams are followed to their end, also when whoever reads has enough', async () => {
  const { tm, heard } = await told();
  const words = tm.observe(async function* words() {
    yield 'a';
    tm.log('info', 'between');
    yield 'b';
    yield 'c';
  });
  const read: string[] = [];
  for await (const word of words()) if (read.push(word) === 2) break;
  const stream = await tm.llm('chat', async () => ({
    id: 7,
    async *[Symbol.asyncIterator]() {
      yield 1;
      throw new Error('cut off');
    },
  }));
  expect(stream.id).toBe(7);
  await expect(
    (async () => {
      for await (const _ of stream);
    })(),
  ).rejects.toThrow('cut off');
  expect(read).toEqual(['a', 'b']);
  const events = await heard();
  expect(summary(events)).toEqual(['log', 'step.completed words', 'step.failed chat model']);
  expect(events[0]).toMatchObject({ step_id: events[1]!.step_id });
});

test('what is iterated stays of its kind: values sent and errors thrown into it arrive, and helpers work', async () => {
  const { tm, heard } = await told();
  const echo = tm.observe(function* echo(): Generator<string, string, string> {
    let heard = '';
    for (;;) {
      try {
        heard = yield heard;
      } catch {
        return 'stopped';
      }
    }
  });
  const first = echo();
  expect([first.next(''), first.next('a'), first.throw(new Error('enough'))]).toEqual([
    { done: false, value: '' },
    { done: false, value: 'a' },
    { done: true, value: 'stopped' },
  ]);
  expect(Object.prototype.toString.call(first)).toBe('[object Generator]');
  // Whoever has enough before the first value.
  expect(echo().return('never begun')).toEqual({ done: true, value: 'never begun' });
  const bare = await tm.llm('chat', async () => ({
    [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: 1 }) }),
  }));
  for await (const value of bare) if (value === 1) break;
  expect(summary(await heard())).toEqual(['step.completed echo', 'step.completed echo', 'step.completed chat']);
});
