import { describe, expect, test } from 'vitest';
import type { LiveEvent, LiveRun } from '../../src/ui/live/live-messages.js';
import { runAsNow } from '../../src/ui/pages/runs/run-as-now.js';
import {
  type FreshWork,
  noFreshWork,
  type ShownWork,
  taskKey,
  withEvents,
  withoutShown,
  withStates,
} from '../../src/ui/work/fresh-work.js';

const newestStart = '2026-11-26T10:00:00.000Z';

function event(type: string, fields: Partial<LiveEvent> & Readonly<Record<string, unknown>> = {}): LiveEvent {
  const ts = '2026-11-26T10:00:05.000Z';
  return { type, agent_id: 'scout', run_id: 'new', received: ts, ts, ...fields };
}

function shown(filter: Readonly<Record<string, string>> = {}, ids: readonly string[] = []): ShownWork {
  return { kind: 'run', filter, newestStart, isShown: (id) => ids.includes(id) };
}

function heard(events: readonly LiveEvent[], of: ShownWork, before: FreshWork = noFreshWork): readonly string[] {
  return [...withEvents(before, events, { shown: of, nowMs: 1_000 }).heard.keys()];
}

describe('what is new to a list', () => {
  test('a run that began after those shown is, once; a task of it and a run that is shown are not', () => {
    const events = [event('run.started'), event('run.completed', { duration_ms: 100 }), event('task.running')];
    expect(heard(events, shown())).toEqual(['new']);
    expect(heard(events, shown({}, ['new']))).toEqual([]);
    expect(heard([event('step.completed', { step_id: 's' })], shown())).toEqual([]);
  });

  test('a run that began before those shown belongs further down', () => {
    expect(heard([event('run.started', { ts: '2026-11-26T09:59:00.000Z' })], shown())).toEqual([]);
    expect(heard([event('run.completed', { duration_ms: 60_000 })], shown())).toEqual([]);
    expect(heard([event('run.completed', { duration_ms: 4_000 })], shown())).toEqual(['new']);
  });

  test('a run that comes to be one of the filter is new, whenever it began, and no more when it is none', () => {
    const failed = event('run.failed', { duration_ms: 60_000, error_category: 'tool', error_message: 'Too LATE' });
    expect(heard([failed], shown({ status: 'failed' }))).toEqual(['new']);
    expect(heard([failed], shown({ status: 'completed' }))).toEqual([]);
    expect(heard([failed], shown({ error_category: 'tool' }))).toEqual(['new']);
    expect(heard([failed], shown({ error_category: 'model' }))).toEqual([]);
    expect(heard([failed], shown({ error_text: 'too late' }))).toEqual(['new']);
    expect(heard([failed], shown({ error_text: 'too early' }))).toEqual([]);
    expect(heard([event('run.started'), event('run.completed')], shown({ status: 'running' }))).toEqual([]);
  });

  test.each(['agent_id', 'user_id', 'session_id', 'crew_id', 'flow_id', 'environment', 'model', 'provider'])(
    'the filter %s holds for events that tell it so',
    (name) => {
      expect(heard([event('run.started', { [name]: 'one' })], shown({ [name]: 'one' }))).toEqual(['new']);
      expect(heard([event('run.started', { [name]: 'other' })], shown({ [name]: 'one' }))).toEqual([]);
    },
  );

  test('what an answer has, or would have by now, is new no longer', () => {
    const fresh = withEvents(noFreshWork, [event('run.started'), event('run.started', { run_id: 'later' })], {
      shown: shown(),
      nowMs: 50_000,
    });
    const ids = (of: FreshWork) => [...of.heard.keys()];
    expect(ids(withoutShown(fresh, shown({}, ['new']), 50_500))).toEqual(['later']);
    expect(ids(withoutShown(fresh, shown(), 80_000))).toEqual([]);
  });

  test('tasks of one id are told apart by their run, or by their agent where they have none', () => {
    const keys = [
      taskKey({ task_id: 't', run_id: 'r', agent_id: 'a' }),
      taskKey({ task_id: 't', run_id: null, agent_id: 'a' }),
      taskKey({ task_id: 'a/t', run_id: null, agent_id: '' }),
    ];
    expect(new Set(keys).size).toBe(3);
    const tasks = { ...shown({}, [keys[0]!]), kind: 'task' as const };
    const ended = event('task.failed', { run_id: 'r', task_id: 't' });
    const { latest } = withEvents(noFreshWork, [ended], { shown: tasks, nowMs: 0 });
    expect([...latest]).toEqual([[keys[0], ended]]);
  });
});

const live: LiveRun = {
  run_id: 'new',
  agent_ids: ['scout'],
  name: 'nightly',
  status: 'running',
  started_at: newestStart,
  last_event_at: '2026-11-26T10:00:07.000Z',
  events: 9,
  tasks: { pending: 0, running: 1, completed: 2, failed: 1, cancelled: 0 },
  steps: { running: 0, completed: 5, failed: 2 },
  tokens: { in: 90, out: 10, total: 100 },
  cost_micros: 20_000,
};

const usage = {
  llm_calls: 1,
  tokens: { in: 50, out: 5, total: 55 },
  cost_cents: 1,
  tokens_unpriced: 0,
  tokens_cache_read: 0,
  tokens_cache_write: 0,
  tokens_reasoning: 0,
};

const row = {
  run_id: 'new',
  name: 'nightly',
  status: 'running',
  agent_id: 'scout',
  started_at: newestStart,
  ended_at: null,
  duration_ms: null,
  tasks_ended: 1,
  tasks_failed: 0,
  steps_started: 3,
  steps_ended: 9,
  steps_failed: 0,
  total: usage,
} as unknown as Parameters<typeof runAsNow>[0];

const news = { state: live, latest: undefined };

describe('a run of the list as the live socket tells it', () => {
  test('the greater numbers of the two are told, as memory may have begun later', () => {
    const { tasks_ended, tasks_failed, steps_ended, steps_failed, total, duration_ms } = runAsNow(row, news);
    expect({ tasks_ended, tasks_failed, steps_ended, steps_failed, duration_ms }).toEqual({
      tasks_ended: 3,
      tasks_failed: 1,
      steps_ended: 9,
      steps_failed: 2,
      duration_ms: null,
    });
    expect([total.tokens.total, total.cost_cents]).toEqual([100, 2]);
    expect(
      runAsNow({ ...row, total: { ...usage, tokens: { in: 900, out: 0, total: 900 } } }, news).total.cost_cents,
    ).toBe(1);
  });

  test('it ends when it is told to have ended, and what has ended in the store stays so', () => {
    const ended = runAsNow(row, { ...news, state: { ...live, status: 'failed' } });
    expect([ended.status, ended.duration_ms, ended.ended_at]).toEqual(['failed', 7_000, live.last_event_at]);
    const done = { ...row, status: 'completed' as const };
    expect(runAsNow(done, news)).toBe(done);
  });

  test('its end is told as its agent tells it, whatever memory has counted', () => {
    const latest = event('run.failed', { duration_ms: 70_000, error_message: 'too late' });
    const told = runAsNow(row, { state: live, latest });
    expect([told.status, told.duration_ms, told.error_preview]).toEqual(['failed', 70_000, 'too late']);
    expect(runAsNow(row, { state: undefined, latest: event('run.started') })).toBe(row);
  });

  test('states are kept for the runs that were told last', () => {
    const runs = Array.from({ length: 2_500 }, (_, index) => ({ ...live, run_id: `r${index}` }));
    const { states } = withStates(noFreshWork, runs);
    expect([states.size, states.has('r0'), states.has('r2499')]).toEqual([2_000, false, true]);
  });
});
