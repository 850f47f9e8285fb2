import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Handle } from '../../src/sdk/record/handle.js';
import { nodeSurroundings } from '../../src/sdk/record/node.js';
import { Tidemark } from '../../src/sdk/record/tidemark.js';
import { summary, type ToldEvent, told } from './told-events.js';

const byName = (events: readonly ToldEvent[], name: string, type?: string): ToldEvent => {
  const found = events.filter((event) => event.name === name && (type === undefined || event.type === type));
  expect(found.length, `${name} ${type ?? ''}`).toBeGreaterThan(0);
  return found[0]!;
};

test('a run, its tasks and their steps name each other, and each ends with its function', async () => {
  const { tm, heard } = await told();
  const answer = await tm.run('nightly', { session: 's1', user: 'ada' }, async () => {
    await tm.task('find', async () => await tm.tool('web_search', { args: { q: 'x' } }, async () => 'hits'));
    return tm.task('count', () => tm.llm('chat', () => 7));
  });
  expect(answer).toBe(7);
  const events = await heard();
  expect(summary(events)).toEqual([
    'run.started nightly',
    'task.running find',
    'step.completed web_search',
    'task.completed find',
    'task.running count',
    'step.completed chat',
    'task.completed count',
    'run.completed nightly',
  ]);
  const run = byName(events, 'nightly');
  const task = byName(events, 'find');
  const step = byName(events, 'web_search');
  expect(run).toMatchObject({ agent_id: 'scout', session_id: 's1', user_id: 'ada' });
  expect(run.run_id).toMatch(/^[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/);
  expect(task).toMatchObject({ run_id: run.run_id, parent_id: run.run_id, session_id: 's1' });
  expect(step).toMatchObject({
    run_id: run.run_id,
    task_id: task.task_id,
    parent_id: task.task_id,
    step_kind: 'tool',
  });
  expect(step.args_hash).toMatch(/^[0-9a-f]{16}$/);
  for (const event of events) expect(event.run_id).toBe(run.run_id);
  expect(new Set(events.map(({ event_id }) => event_id)).size).toBe(events.length);
});

test('two runs at once do not mix, whatever they await', async () => {
  const { tm, heard } = await told();
  const one = (agent: string) =>
    tm.run(agent, { agent }, async () => {
      await sleep(1);
      await Promise.all([1, 2].map((turn) => tm.tool(`${agent}-tool-${turn}`, async () => await sleep(2))));
    });
  await Promise.all([one('a'), one('b')]);
  const events = await heard();
  for (const agent of ['a', 'b']) {
    const run = byName(events, agent, 'run.started');
    const inside = events.filter(({ name }) => String(name).startsWith(`${agent}-tool`));
    expect(inside).toHaveLength(2);
    for (const event of inside) expect(event).toMatchObject({ run_id: run.run_id, agent_id: agent });
  }
});

test('a nested run of another agent is a run of its own, caused by the step around it', async () => {
  const { tm, heard } = await told({ agentName: 'Scout', environment: 'staging' });
  await tm.run('outer', async () => {
    await tm.step('delegate', { kind: 'handoff' }, async () => {
      await tm.run('inner', { agent: 'writer' }, async () => tm.task('draft', () => 1));
    });
  });
  const events = await heard();
  const inner = byName(events, 'inner');
  expect(inner).toMatchObject({ agent_id: 'writer', parent_id: byName(events, 'delegate').step_id });
  expect(inner).toMatchObject({ environment: 'staging' });
  expect(inner.agent_name).toBeUndefined();
  expect(byName(events, 'draft')).toMatchObject({ run_id: inner.run_id, agent_id: 'writer' });
  expect(byName(events, 'outer')).toMatchObject({ agent_name: 'Scout' });
});

test('where context is lost, handles do it: words on a handle, and with()', async () => {
  const { tm, heard } = await told();
  const run = tm.run('by hand');
  const task = run.task('first');
  task.tool('call').end();
  run.with(() => tm.tool('inside', () => 1));
  expect(tm.current().id).toBe('');
  task.end();
  run.end();
  run.end();
  const events = await heard();
  expect(byName(events, 'call')).toMatchObject({ run_id: run.id, task_id: task.id });
  expect(byName(events, 'inside')).toMatchObject({ run_id: run.id });
  expect(events.filter(({ type }) => type === 'run.completed')).toHaveLength(1);
});

test('a run goes on in another process from a small string, or from headers, and ends where it began', async () => {
  const first = await told();
  const second = await told({ agent: 'other' });
  const { run, task } = await first.tm.run('far', async (run) => ({ run, task: run.task('t') }));
  expect(task.carrier()).toBe(`tm1/${run.id}/${task.id}//scout`);
  expect(task.headers()).toEqual({ tidemark: task.carrier(), traceparent: `00-${run.id}-${task.id}-01` });
  const resumed = second.tm.resume(task.headers());
  await resumed.with(async () => second.tm.tool('remote', async () => 1));
  resumed.end();
  const events = await second.heard();
  expect(summary(events)).toEqual(['step.completed remote']);
  expect(events[0]).toMatchObject({ run_id: run.id, task_id: task.id, parent_id: task.id, agent_id: 'scout' });
  expect(second.tm.resume(task.carrier(), { agent: 'named here' }).agent).toBe('named here');
  const { traceparent } = task.headers();
  expect(second.tm.resume({ traceparent }).place).toMatchObject({ run_id: run.id, step_id: task.id });
  expect(second.tm.resume('nonsense').task('alone').place.run_id).toBeUndefined();
  expect(second.problems).toEqual(['cannot resume: that is no carrier of a run']);
});

const of = async (work: (tm: Tidemark) => unknown, options = {}) => {
  const { tm, heard } = await told(options);
  await expect(Promise.resolve().then(() => work(tm))).rejects.toThrow();
  return await heard();
};

test('an error keeps what its step made of it up to the run', async () => {
  const error = Object.assign(new Error('upstream answered 502'), { code: 'http_502' });
  const events = await of((tm) =>
    tm.run('r', async () =>
      tm.task('t', async () =>
        tm.tool('api', async () => {
          throw error;
        }),
      ),
    ),
  );
  expect(summary(events).slice(-3)).toEqual(['step.failed api tool', 'task.failed t tool', 'run.failed r tool']);
  expect(events.at(-1)).toMatchObject({ error_code: 'http_502', error_message: 'upstream answered 502' });
});

test.each([
  ['llm', new RangeError('too long'), 'model', 'RangeError'],
  ['retrieval', new Error('x'), 'retrieval', 'Error'],
  ['other', new Error('x'), 'orchestration', 'Error'],
  ['plan', Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'infra', 'ECONNREFUSED'],
  ['llm', Object.assign(new Error('x'), { name: 'GuardrailTripped' }), 'guardrail', 'GuardrailTripped'],
  ['llm', Object.assign(new Error('x'), { name: 'PolicyViolation' }), 'guardrail', 'PolicyViolation'],
  ['tool', Object.assign(new Error('x'), { name: 'ApprovalDenied' }), 'user', 'ApprovalDenied'],
  ['tool', Object.assign(new Error('x'), { category: 'user', code: 7 }), 'user', '7'],
] as const)('in a step of kind %s, %s is of category %s', async (kind, error, category, code) => {
  const events = await of((tm) =>
    tm.step('s', { kind }, () => {
      throw error;
    }),
  );
  expect(events.at(-1)).toMatchObject({ type: 'step.failed', error_category: category, error_code: code });
});

test('what is thrown need not be an error', async () => {
  const { tm, heard } = await told();
  await expect(
    tm.tool('s', async () => {
      throw 'only a text';
    }),
  ).rejects.toBe('only a text');
  expect((await heard()).at(-1)).toMatchObject({ error_code: 'string', error_message: 'only a text' });
});

test('who classifies is asked first, and may leave it to us', async () => {
  const events = await of(
    (tm) =>
      tm.task('t', () => {
        throw new Error('quota');
      }),
    { classify: (error: unknown) => (String(error).includes('quota') ? 'infra' : undefined) },
  );
  expect(events.at(-1)).toMatchObject({ error_category: 'infra' });
});

test('a cancellation is no failure', async () => {
  const controller = new AbortController();
  controller.abort();
  const events = await of((tm) =>
    tm.run('r', async () =>
      tm.task('t', async () => tm.tool('wait', async () => await sleep(1_000, 0, { signal: controller.signal }))),
    ),
  );
  expect(summary(events).slice(-3)).toEqual(['step.completed wait', 'task.cancelled t', 'run.cancelled r']);
  expect(byName(events, 'wait', 'step.completed')).toMatchObject({ finish_reason: 'cancelled' });
});

test('each attempt of a retry is an attempt of the same step', async () => {
  const { tm, heard } = await told();
  const result = await tm.task('t', () =>
    tm.retry(3, async (attempt) => {
      await tm.tool('steady', async () => 1);
      return await tm.tool('flaky', async () => {
        if (attempt < 3) throw new Error(`attempt ${attempt}`);
        return 'ok';
      });
    }),
  );
  expect(result).toBe('ok');
  const events = await heard();
  const ends = events.filter(({ name }) => name === 'flaky');
  expect(ends.map(({ type, attempt }) => `${type} ${attempt}`)).toEqual([
    'step.failed 1',
    'step.failed 2',
    'step.completed 3',
  ]);
  expect(new Set(ends.map(({ step_id }) => step_id)).size).toBe(1);
  expect(byName(events, 'steady').step_id).not.toBe(ends[0]!.step_id);
});

test('another attempt of a run is another run', async () => {
  const { tm, heard } = await told();
  await tm
    .retry(2, (attempt) =>
      tm.run('nested', () => {
        if (attempt === 1) throw new Error('once more');
      }),
    )
    .catch(() => undefined);
  const begun = (await heard()).filter(({ type }) => type === 'run.started');
  expect(new Set(begun.map(({ run_id }) => run_id)).size).toBe(2);
});

test('a retry gives up when it is told to, and throws the last error', async () => {
  const { tm } = await told();
  let calls = 0;
  const fails = (): never => {
    calls += 1;
    throw new Error(`call ${calls}`);
  };
  await expect(tm.retry({ times: 5, if: () => calls < 2 }, fails)).rejects.toThrow('call 2');
  await expect(tm.retry({ times: 2, delayMs: (attempt) => attempt }, fails)).rejects.toThrow('call 4');
});

test('usage adds up, the last model counts, and a call without a count is one', async () => {
  const { tm, heard } = await told();
  tm.llm('chat', { model: 'small' }, (step) => {
    step.usage({ in: 100, out: 10, cacheRead: 40, costMicros: 5 });
    tm.usage({ model: 'large', provider: 'p', in: 50, out: 5, reasoning: 2, finishReason: 'stop' });
    tm.usage({ in: Number.NaN, out: -1, calls: 0 });
  });
  expect((await heard()).at(-1)).toMatchObject({
    model: 'large',
    provider: 'p',
    tokens_in: 150,
    tokens_out: 15,
    tokens_cache_read: 40,
    tokens_reasoning: 2,
    cost_micros: 5,
    llm_calls: 2,
    finish_reason: 'stop',
  });
});

test('maps are cut to what the schema takes, content is left out, and each of that is counted', async () => {
  const { tm, heard } = await told();
  const many = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`k${index}`, index]));
  tm.task('t', { inputs: { prompt: 'secret', nested: { a: 1 } as never, long: 'x'.repeat(300) } }, (task) => {
    task.output(many);
    task.label('team', 'a');
    tm.label({ tier: 2 });
  });
  const end = (await heard()).at(-1)!;
  expect(end.inputs).toEqual({ long: 'x'.repeat(256) });
  expect(Object.keys(end.outputs as object)).toHaveLength(16);
  expect(end.labels).toEqual({ team: 'a', tier: '2' });
  expect(tm.stats().mended).toBe(3 + 4);
});

test('what stands beside steps has the ids of what is around it', async () => {
  const { tm, heard } = await told();
  await tm.run('r', async (run: Handle) => {
    tm.memory.stored();
    tm.memory.recalled(2);
    tm.log('warn', 'slow');
    tm.pattern({ id: 'p1', type: 'retry', confidence: 0.5, evidence: [run.id] });
    tm.feedback({ id: 'p1', score: 1, text: 'good' });
    tm.heartbeat();
  });
  const events = await heard();
  expect(events.slice(1, -1)).toMatchObject([
    { type: 'memory.stored' },
    { type: 'memory.recalled' },
    { type: 'memory.recalled' },
    { type: 'log', level: 'warn', message: 'slow' },
    { type: 'pattern.observed', pattern_id: 'p1', evidence: [events[0]!.run_id] },
    { type: 'pattern.feedback', feedback_score: 1, feedback_text: 'good' },
    { type: 'heartbeat', run_id: events[0]!.run_id },
  ]);
});

test('without a url everything runs, ids are made, and nothing is kept', async () => {
  const tm = new Tidemark(nodeSurroundings);
  const id = await tm.run('r', async (run) => tm.task('t', () => run.id));
  expect(id).toMatch(/^[0-9a-f]{32}$/);
  expect(await tm.flush({ timeoutMs: 60_000 })).toEqual({ acked: 0, pending: 0, rejected: 0, dropped: 0 });
  expect(tm.stats()).toMatchObject({ offered: 0, state: 'off' });
});

test('hostile values, getters that throw and hooks that throw cost an event at most', async () => {
  const { tm, heard, problems } = await told({
    redact: (event) => {
      if (event.name === 'secret') throw new Error('in redact');
      return event.name === 'hidden' ? null : event;
    },
  });
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  const trap = {
    get x(): never {
      throw new Error('trap');
    },
  };
  tm.tool('cyclic', { args: cyclic }, () => 1);
  tm.tool('trap', { args: trap }, () => 1);
  tm.task('secret', () => 1);
  tm.task('hidden', () => 1);
  tm.log('info', undefined as never);
  tm.usage({ in: 'many' as never });
  expect(() => tm.run(undefined as never, () => tm.label(undefined as never, undefined as never))).not.toThrow();
  const events = await heard();
  expect(summary(events)).toContain('step.completed cyclic');
  expect(summary(events).some((line) => /secret|hidden/.test(line))).toBe(false);
  expect(tm.stats()).toMatchObject({ redacted: 4, pending: 0 });
  expect(problems.some((text) => text.includes('in redact'))).toBe(true);
});

test('after close nothing is taken, and what still comes is counted as dropped', async () => {
  const { tm } = await told();
  tm.task('before', () => 1);
  expect(await tm.close({ timeoutMs: 60_000 })).toEqual({ acked: 2, pending: 0, rejected: 0, dropped: 0 });
  tm.task('after', () => 1);
  expect(tm.stats()).toMatchObject({ offered: 4, acked: 2, dropped: 2, pending: 0, state: 'closed' });
});

test('what others try again is told with the id and the number that they know', async () => {
  const { tm, heard } = await told();
  const first = tm.tool('search', { id: 'call-1' });
  first.fail(new Error('away'));
  tm.tool('search', { id: 'call-1', attempt: 2 }).end();
  const events = await heard();
  expect(summary(events)).toEqual(['step.failed search tool', 'step.completed search#2']);
  expect(new Set(events.map(({ step_id }) => step_id))).toEqual(new Set(['call-1']));
});

test('what an adapter throws while it tells is a problem of ours alone', async () => {
  const { tm, problems } = await told();
  expect(tm.quietly(() => 7)).toBe(7);
  const failed = tm.quietly(() => {
    throw new Error('no such field');
  });
  expect(failed).toBeUndefined();
  expect(problems).toEqual(['cannot tell: no such field']);
});

test('arguments that are known later have the hash of those that are known at once', async () => {
  const { tm, heard } = await told();
  const late = tm.tool('search');
  late.args({ q: 'x' });
  late.end();
  tm.tool('search', { args: { q: 'x' } }).end();
  const events = await heard();
  expect(events[0]?.args_hash).toMatch(/^[0-9a-f]{16}$/);
  expect(events[1]?.args_hash).toBe(events[0]?.args_hash);
});
