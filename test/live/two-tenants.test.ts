import { expect, test } from 'vitest';
import type { Socket } from '../../src/core/ports/socket-route.js';
import { createBatchDecoder } from '../../src/decode/decode-batch.js';
import { createLiveView } from '../../src/live/live-view.js';
import { createBatch, receivedMs, type SentEvent } from '../decode/random-events.js';
import { defaultFrameLimits } from '../support/default-config.js';
import { FakeClock } from '../support/fake-clock.js';
import type { LiveRunItem, LiveText } from '../support/live-client.js';

/** Batches of two tenants that use the same ids, from the decoder to the subscribers, without sockets. */

const leaseMs = 300_000;

class Watcher implements Socket {
  readonly received: LiveText[] = [];

  send(data: Uint8Array | string): 'sent' {
    this.received.push(JSON.parse(Buffer.from(data).toString()));
    return 'sent';
  }

  close(): void {}

  get names(): unknown[] {
    return this.received.flatMap(({ events }) => events ?? []).map(({ name }) => name);
  }

  run(id: string): LiveRunItem | undefined {
    return this.received.flatMap(({ runs }) => runs ?? []).findLast(({ run_id }) => run_id === id);
  }

  get snapshot(): LiveText | undefined {
    return this.received.findLast(({ op }) => op === 'snapshot');
  }
}

function createLive() {
  const decoder = createBatchDecoder(defaultFrameLimits);
  const clock = new FakeClock(receivedMs);
  const counted: string[] = [];
  const counter = (name: string) => ({
    inc: (labels: Readonly<Record<string, string>>) => counted.push(`${name} ${Object.values(labels)}`),
  });
  const instruments = {
    eventsSent: { inc() {} },
    eventsDropped: counter('dropped'),
    refused: counter('refused'),
    evicted: counter('evicted'),
    orphaned: counter('orphaned'),
  };
  const options = {
    subscribersMax: 9,
    tenantSubscribersMax: 3,
    queueBytesMax: 65_536,
    runsMax: 9,
    openTasksMax: 9,
    leaseMs,
  };
  const view = createLiveView({ clock, instruments }, options);
  return {
    clock,
    counted,
    view,
    watch(tenant: string, query = '') {
      const watcher = new Watcher();
      const principal = { tenant, scopes: new Set(['read'] as const), keyName: 'k', contentAllowed: false };
      const handlers = view.socket.open(watcher, { principal, query: new URLSearchParams(query) });
      return Object.assign(watcher, { leave: () => handlers.closed(1000) });
    },
    /** One batch; each event a frame of its tenant. */
    tell(...events: readonly (readonly [tenant: string, event: SentEvent])[]) {
      const frames = events.map(([tenant, event]) => ({ tenant, body: { agent_id: 'a', ...event } }));
      const batch = { ...createBatch(frames), live: view.sink.interest() };
      view.sink.add(decoder.decode(batch));
    },
    /** Time for events and progress to go out. */
    pass: (ms = 250) => clock.advance(ms),
  };
}

const log = (name: string, more: SentEvent = {}) => ({ type: 'log', name, message: name, ...more });

test('events go to the subscribers of their tenant, row by row, whatever agent and run they name', () => {
  const live = createLive();
  const queries = ['', 'agent_id=a', 'run_id=r'];
  const [mine, theirs] = ['mine', 'theirs'].map((tenant) => queries.map((query) => live.watch(tenant, query)));
  live.tell(
    ['mine', log('m1', { run_id: 'r' })],
    ['theirs', log('t1', { run_id: 'r' })],
    ['mine', log('m2', { run_id: 'q' })],
    ['theirs', log('t2', { run_id: 'r' })],
    ['mine', log('m3', { run_id: 'r' })],
  );
  live.pass();
  expect(mine!.map(({ names }) => names)).toEqual([
    ['m1', 'm2', 'm3'],
    ['m1', 'm2', 'm3'],
    ['m1', 'm3'],
  ]);
  expect(theirs!.map(({ names }) => names)).toEqual([
    ['t1', 't2'],
    ['t1', 't2'],
    ['t1', 't2'],
  ]);
});

test('runs of two tenants with one id and agent are two, in progress and in the snapshot', () => {
  const live = createLive();
  const [mine, theirs] = [live.watch('mine'), live.watch('theirs')];
  const ended = (tokens: number) => ({ type: 'task.completed', run_id: 'r', task_id: 't', tokens_in: tokens });
  live.tell(
    ['mine', { type: 'run.started', run_id: 'r', name: 'my run' }],
    ['theirs', { type: 'run.started', run_id: 'r', name: 'their run' }],
    ['mine', ended(1)],
    ['theirs', ended(10)],
    ['theirs', ended(20)],
    ['mine', ended(2)],
    ['theirs', { type: 'run.completed', run_id: 'r' }],
  );
  live.pass();
  expect(mine.run('r')).toMatchObject({ events: 3, status: 'running', tokens: { in: 3 } });
  expect(theirs.run('r')).toMatchObject({ events: 4, status: 'completed', tokens: { in: 30 } });
  expect(live.watch('mine', 'run_id=r').snapshot).toMatchObject({ runs_total: 1, runs: [{ run_id: 'r', events: 3 }] });
  expect(live.watch('theirs', 'run_id=r').snapshot).toMatchObject({ runs_total: 0, runs: [] });
});

test('the end of a task or step is not that of another tenant with the same ids', () => {
  const live = createLive();
  const task = (type: string, more: SentEvent = {}) => ({ type: `task.${type}`, task_id: 't', ...more });
  const step = (type: string) => ({ type: `step.${type}`, run_id: 'r', task_id: 't', step_id: 's' });
  live.tell(
    ['mine', task('running', { name: 'mine' })],
    ['theirs', task('completed')],
    ['mine', step('started')],
    ['theirs', step('completed')],
  );
  // A start that comes late does not begin what has ended.
  live.tell(['theirs', task('running')], ['theirs', step('started')]);
  live.pass();
  const [mine, theirs] = [live.watch('mine'), live.watch('theirs')];
  expect(mine.snapshot).toMatchObject({ tasks_total: 1, tasks: [{ task_id: 't', name: 'mine' }] });
  expect(mine.run('r')).toMatchObject({ steps: { running: 1, completed: 0 } });
  expect(theirs.snapshot).toMatchObject({ tasks_total: 0, tasks: [] });
  expect(theirs.run('r')).toMatchObject({ steps: { running: 0, completed: 1 } });
});

test('every agent of a run is known, though their events follow one another', () => {
  const live = createLive();
  live.tell(
    ['mine', log('one', { run_id: 'r', agent_id: 'a' })],
    ['mine', log('two', { run_id: 'r', agent_id: 'b' })],
    ['mine', log('three', { run_id: 'r', agent_id: 'a' })],
  );
  expect(live.watch('mine', 'agent_id=b').snapshot).toMatchObject({
    runs: [{ run_id: 'r', agent_ids: ['a', 'b'], events: 3 }],
  });
});

test('subscribers of runs get those of their run alone, though ids of one length follow one another', () => {
  const live = createLive();
  const [first, second] = [live.watch('mine', 'run_id=r-1'), live.watch('mine', 'run_id=r-2&agent_id=a')];
  live.tell(
    ...['r-1', 'r-2', 'r-2', 'r-3', 'r-1'].map((run_id, index) => ['mine', log(`e${index}`, { run_id })] as const),
  );
  live.pass();
  expect([first.names, second.names]).toEqual([
    ['e0', 'e4'],
    ['e1', 'e2'],
  ]);
  expect([first.run('r-1')?.events, first.run('r-2'), second.run('r-2')?.events, second.run('r-1')]).toEqual([
    2,
    undefined,
    2,
    undefined,
  ]);
});

test('subscribers of models, providers and environments get the events that tell one of them', () => {
  const live = createLive();
  const both = live.watch('mine', 'model=m-1,m-2&environment=staging');
  const vendor = live.watch('mine', 'provider=p-1');
  const ofAgent = live.watch('mine', 'agent_id=b&model=m-1');
  live.tell(
    ['mine', log('silent')],
    ['mine', log('one', { model: 'm-1', environment: 'staging' })],
    ['mine', log('elsewhere', { model: 'm-1', provider: 'p-1', environment: 'production' })],
    ['mine', log('two', { model: 'm-2', provider: 'p-2', environment: 'staging' })],
    ['mine', log('other', { model: 'm-3', environment: 'staging', agent_id: 'b' })],
    ['mine', log('last', { model: 'm-1', agent_id: 'b' })],
    ['theirs', log('theirs', { model: 'm-1', provider: 'p-1', environment: 'staging' })],
  );
  live.pass();
  expect([both.names, vendor.names, ofAgent.names]).toEqual([['one', 'two'], ['elsewhere'], ['last']]);
});

test('a heartbeat of another tenant keeps no run and no task alive', () => {
  const live = createLive();
  const begun = [log('begun', { run_id: 'r' }), { type: 'task.running', task_id: 't' }];
  for (const tenant of ['mine', 'theirs']) live.tell(...begun.map((event) => [tenant, event] as const));
  for (let minutes = 0; minutes < 6; minutes++) {
    live.pass(60_000);
    live.tell(['theirs', { type: 'heartbeat' }]);
  }
  live.pass(10_000);
  expect(live.watch('mine').snapshot).toMatchObject({ runs_total: 0, tasks_total: 0 });
  expect(live.watch('theirs').snapshot).toMatchObject({ runs_total: 1, tasks_total: 1 });
  expect(live.counted.sort()).toEqual(['orphaned run', 'orphaned task']);
});

test('who comes later gets nothing of what was put together before, and each event once', () => {
  const live = createLive();
  const first = live.watch('mine');
  live.tell(['mine', log('before')]);
  const second = live.watch('mine');
  live.tell(['mine', log('after')]);
  live.pass();
  expect([first.names, second.names]).toEqual([['before', 'after'], ['after']]);
  first.leave();
  const third = live.watch('mine', 'agent_id=a');
  live.tell(['mine', log('alone')]);
  live.pass();
  expect(third.names).toEqual(['alone']);
  expect([first.names, second.names]).toEqual([
    ['before', 'after'],
    ['after', 'alone'],
  ]);
});

test('a tenant has the subscribers it may have, whatever another one has', () => {
  const live = createLive();
  const watchers = [1, 2, 3].map(() => live.watch('mine'));
  expect(live.watch('mine').received).toMatchObject([{ op: 'error', code: 'subscribers_exhausted' }]);
  expect(live.watch('theirs').received[0]).toMatchObject({ op: 'hello' });
  watchers[0]?.leave();
  watchers[0]?.leave();
  expect(live.watch('mine').received[0]).toMatchObject({ op: 'hello' });
  expect(live.watch('mine').received).toMatchObject([{ op: 'error', code: 'subscribers_exhausted' }]);
  expect(live.view.usage().subscribers).toBe(4);
});

test('progress comes behind the events that it counts', () => {
  const live = createLive();
  const watcher = live.watch('mine');
  live.tell(['mine', log('one', { run_id: 'r' })]);
  live.pass(249);
  live.tell(['mine', log('two', { run_id: 'r' })]);
  live.pass(1);
  expect(watcher.received.map(({ op }) => op)).toEqual(['hello', 'snapshot', 'events', 'events', 'progress']);
  expect(watcher.run('r')).toMatchObject({ events: 2 });
});
