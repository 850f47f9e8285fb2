import { expect, test } from 'vitest';
import { eventTypes as collectorTypes } from '../../src/core/event-types.js';
import { eventTypes } from '../../src/ui/live/event-types.js';
import type { LiveEvent, LiveRun } from '../../src/ui/live/live-messages.js';
import { LiveTail, type TailLine, tailLinesMax } from '../../src/ui/live/live-tail.js';
import { RunsUnderWay, runsFollowedMax } from '../../src/ui/live/runs-under-way.js';

const hello = { op: 'hello', known_since: '2026-11-20T00:00:00.000Z' } as const;
const events = (first: number, count: number) => ({
  op: 'events' as const,
  seq: first,
  events: Array.from({ length: count }, (_, index): LiveEvent => {
    const name = String(first + index);
    return { received: '2026-11-20T00:00:00.000Z', type: 'log', agent_id: 'a', name };
  }),
});
const nameOf = (line: TailLine | undefined) => (line === undefined || 'gap' in line ? line?.gap : line.name);
const lines = (tail: LiveTail) => Array.from({ length: tail.length }, (_, index) => nameOf(tail.line(index)));

test('the types that can be chosen are those of the collector', () => {
  expect([...eventTypes].sort()).toEqual(Object.keys(collectorTypes).sort());
});

test('the tail keeps the newest lines and counts all of them', () => {
  const tail = new LiveTail();
  tail.apply(hello, 0);
  for (let at = 0; at < 13_000; at += 130) tail.apply(events(at, 130), 0);
  expect(tail.total).toBe(13_000);
  expect(tail.length).toBe(tailLinesMax);
  expect(nameOf(tail.line(0))).toBe(String(13_000 - tailLinesMax));
  expect(nameOf(tail.line(tailLinesMax - 1))).toBe('12999');
  expect(tail.line(tailLinesMax)).toBeUndefined();
});

test('a paused tail stands still, counts what comes, and goes on with all of it', () => {
  const tail = new LiveTail();
  tail.apply(hello, 0);
  tail.apply(events(0, 2), 0);
  tail.pause();
  tail.apply(events(2, 3), 0);
  expect([lines(tail), tail.newCount, tail.isPaused]).toEqual([['0', '1'], 3, true]);
  tail.resume();
  expect([lines(tail), tail.newCount, tail.isPaused]).toEqual([['0', '1', '2', '3', '4'], 0, false]);
});

test('what was dropped, or came while nobody listened, is a line between the events', () => {
  const tail = new LiveTail();
  tail.apply(hello, 0);
  tail.apply(events(0, 1), 0);
  tail.apply({ op: 'dropped', count: 1_234 }, 0);
  tail.apply(events(1, 1), 0);
  tail.apply(hello, 0);
  expect(tail.lost).toBe(1_234);
  expect(lines(tail)).toEqual([
    '0',
    '1,234 events were dropped here: this page reads more slowly than they come',
    '1',
    'The connection was lost here: what came meanwhile is not in this list',
  ]);
});

test('the rate is of whole seconds, of as many as were listened', () => {
  const tail = new LiveTail();
  tail.apply(hello, 10_000);
  expect(tail.rate(10_999)).toBeNull();
  tail.apply(events(0, 8), 10_500);
  tail.apply(events(8, 4), 11_500);
  expect(tail.rate(11_900)).toBe(8);
  expect(tail.rate(12_000)).toBe(6);
  expect(tail.rate(15_500)).toBe(12 / 5);
  expect(tail.rate(16_000)).toBe(4 / 5);
  expect(tail.rate(60_000)).toBe(0);
});

test('a list that was emptied knows of no lost connection', () => {
  const tail = new LiveTail();
  tail.apply(hello, 0);
  tail.apply(events(0, 5), 0);
  tail.clear();
  tail.apply(hello, 1_000);
  tail.apply(events(5, 1), 1_000);
  expect([lines(tail), tail.total]).toEqual([['5'], 1]);
});

const run = (run_id: string, status: LiveRun['status'] = 'running', second = 0): LiveRun => ({
  run_id,
  agent_ids: ['a'],
  name: null,
  status,
  started_at: `2026-11-20T00:00:${String(second).padStart(2, '0')}.000Z`,
  last_event_at: '2026-11-20T00:01:00.000Z',
  events: 1,
  tasks: { pending: 1, running: 2, completed: 0, failed: 0, cancelled: 0 },
  steps: { running: 3, completed: 0, failed: 0 },
  tokens: { in: 0, out: 0, total: 0 },
  cost_micros: null,
});
const snapshot = (...runs: LiveRun[]) => {
  const tasks = [{ task_id: 't', run_id: null, agent_id: 'a', name: null }];
  return { op: 'snapshot' as const, at: '', runs_total: runs.length + 7, runs, tasks_total: 1, tasks };
};
const idsOf = (runs: RunsUnderWay, nowMs: number) => runs.list(nowMs).map(({ run_id }) => run_id);

test('runs come and go as they are told, and one that ended is seen a little longer', () => {
  const runs = new RunsUnderWay();
  expect(runs.beginning).toBeNull();
  runs.apply(snapshot(run('two', 'running', 2), run('one', 'running', 1)), 0);
  runs.apply({ op: 'progress', runs: [run('three', 'running', 3), run('one', 'failed', 1)] }, 1_000);
  expect(idsOf(runs, 1_000)).toEqual(['three', 'two', 'one']);
  expect(runs.counts()).toEqual({ runs: 2, tasks: 6, steps: 6 });
  expect(idsOf(runs, 20_000)).toEqual(['three', 'two']);
  expect(runs.beginning).toMatchObject({ runsTotal: 9, runsTold: 2, loneTasks: [{ task_id: 't' }] });
  runs.apply(snapshot(run('four')), 21_000);
  expect(idsOf(runs, 21_000)).toEqual(['four']);
});

test('of more runs than are followed the one that was silent longest goes', () => {
  const runs = new RunsUnderWay();
  runs.apply(snapshot(run('late'), run('early')), 0);
  for (let at = 0; at < runsFollowedMax - 1; at++) runs.apply({ op: 'progress', runs: [run(`r${at}`)] }, 0);
  expect(runs.counts().runs).toBe(runsFollowedMax);
  expect(idsOf(runs, 0)).toContain('late');
  expect(idsOf(runs, 0)).not.toContain('early');
});
