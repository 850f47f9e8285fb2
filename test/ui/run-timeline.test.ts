import { expect, test } from 'vitest';
import { flameBoxes } from '../../src/ui/pages/run/flame-layout.js';
import { type WorkEvent, withEvents } from '../../src/ui/pages/run/live-nodes.js';
import { logLines } from '../../src/ui/pages/run/log-lines.js';
import { noUsage, type TimelineNode } from '../../src/ui/pages/run/timeline-nodes.js';
import {
  drawnNodes,
  type Folding,
  keysHiding,
  nextFailure,
  outerSpans,
  rowsOf,
  treeOf,
} from '../../src/ui/pages/run/timeline-rows.js';
import { axisMarks, parseWindow, placeIn, windowText } from '../../src/ui/pages/run/timeline-window.js';

const originMs = Date.parse('2026-11-26T12:00:00.000Z');
const allOpen: Folding = { depthMax: 99, toggled: new Set() };

function node(id: string, of: Partial<TimelineNode> = {}): TimelineNode {
  const { offset_ms = 0, duration_ms = 10 } = of;
  return {
    node: id,
    parent: id === 'run' ? null : 'run',
    depth: 0,
    type: 'step',
    task_id: null,
    step_id: id,
    parent_id: null,
    attempt: null,
    attempts: 1,
    name: id,
    kind: null,
    agent_id: 'scout',
    environment: null,
    model: null,
    provider: null,
    args_hash: null,
    finish_reason: null,
    status: 'completed',
    started_at: new Date(originMs + offset_ms).toISOString(),
    ended_at: duration_ms === null ? null : new Date(originMs + offset_ms + duration_ms).toISOString(),
    own: noUsage,
    total: noUsage,
    rolled_up: null,
    critical: false,
    critical_ms: null,
    error_category: null,
    error_code: null,
    error_preview: null,
    ...of,
    offset_ms,
    duration_ms,
  };
}

const run = node('run', { type: 'run', step_id: null, duration_ms: 100 });
const attempt = (number: number, of: Partial<TimelineNode> = {}) =>
  node(`s#${number}`, { step_id: 's', attempt: number, attempts: 3, ...of });

const retried = [
  run,
  attempt(1, { status: 'failed' }),
  attempt(2, { status: 'failed', offset_ms: 20 }),
  attempt(3, { offset_ms: 40 }),
  node('after', { offset_ms: 60 }),
];

test('attempts of a step are one line, named after the latest, and lines of their own when unfolded', () => {
  const tree = treeOf(retried);
  const folded = rowsOf(tree, allOpen);
  expect(folded.map(({ key, depth, open, attempts }) => [key, depth, open, attempts.length])).toEqual([
    ['run', 0, true, 1],
    ['s#1', 1, false, 3],
    ['after', 1, null, 1],
  ]);
  expect(folded[1]?.node.node).toBe('s#3');
  const unfolded = rowsOf(tree, { depthMax: 99, toggled: new Set(['s#1']) });
  expect(unfolded.map(({ key }) => key)).toEqual(['run', 's#1', 's#1!', 's#2!', 's#3!', 'after']);
});

test('a folded line hides what is below it, and a depth folds all lines of it', () => {
  const task = node('task', { type: 'task', step_id: null, task_id: 'task' });
  const tree = treeOf([run, task, node('inner', { parent: 'task' }), node('outer')]);
  expect(rowsOf(tree, { depthMax: 99, toggled: new Set(['task']) }).map(({ key }) => key)).toEqual([
    'run',
    'task',
    'outer',
  ]);
  expect(rowsOf(tree, { depthMax: 1, toggled: new Set() }).map(({ key }) => key)).toEqual(['run', 'task', 'outer']);
  expect(rowsOf(tree, { depthMax: 1, toggled: new Set(['task']) }).map(({ key }) => key)).toContain('inner');
});

test('work whose parent is not known hangs under the run', () => {
  const tree = treeOf([run, node('lost', { parent: 'never-seen' })]);
  expect(rowsOf(tree, allOpen).map(({ key, depth }) => [key, depth])).toEqual([
    ['run', 0],
    ['lost', 1],
  ]);
});

test('failures are gone through in the order of the drawing, round the end, whatever is folded', () => {
  const tree = treeOf(retried);
  expect(drawnNodes(tree).map(({ node: id }) => id)).toEqual(['run', 's#1', 's#2', 's#3', 'after']);
  expect(nextFailure(tree, '', 1)?.node).toBe('s#1');
  expect(nextFailure(tree, 's#1', 1)?.node).toBe('s#2');
  expect(nextFailure(tree, 's#2', 1)?.node).toBe('s#1');
  expect(nextFailure(tree, 'after', -1)?.node).toBe('s#2');
  expect(nextFailure(tree, '', -1)?.node).toBe('s#2');
  expect(nextFailure(treeOf([run]), '', 1)).toBeNull();
});

test('the lines that hide a node are found from the outside in', () => {
  const tree = treeOf([
    run,
    node('task', { type: 'task', step_id: null, task_id: 'task' }),
    node('step', { parent: 'task' }),
    node('leaf', { parent: 'step' }),
  ]);
  const folding: Folding = { depthMax: 99, toggled: new Set(['run', 'step']) };
  expect(keysHiding(tree, folding, 'leaf')).toEqual(['run', 'step']);
  expect(keysHiding(tree, allOpen, 'leaf')).toEqual([]);
});

test('a child that outlasts its parent makes the outer span of all above it longer', () => {
  const tree = treeOf([
    node('run', { type: 'run', duration_ms: 50 }),
    node('step', { offset_ms: 10, duration_ms: 20 }),
    node('child', { parent: 'step', offset_ms: -5, duration_ms: 100 }),
  ]);
  const spans = outerSpans(tree, 0);
  expect(spans.get('step')).toEqual({ fromMs: -5, toMs: 95 });
  expect(spans.get('run')).toEqual({ fromMs: -5, toMs: 95 });
});

test('10,000 steps in a chain are laid out without running out of stack for their spans and failures', () => {
  const chain = Array.from({ length: 10_000 }, (_, at) =>
    node(`n${at}`, { parent: at === 0 ? 'run' : `n${at - 1}`, offset_ms: at }),
  );
  expect(outerSpans(treeOf([run, ...chain]), 0).get('run')?.toMs).toBe(10_009);
});

const told = (type: string, atMs: number, of: Partial<WorkEvent> = {}): WorkEvent => {
  const ts = new Date(originMs + atMs).toISOString();
  return { type, agent_id: 'scout', run_id: 'r', received: ts, ts, ...of };
};
const open = node('run', { type: 'run', step_id: null, status: 'running', duration_ms: null });

test('a task and its step begin, and end with what they used', () => {
  const begun = withEvents(
    [open],
    [
      told('task.running', 5, { task_id: 't', name: 'collect' }),
      told('step.started', 10, { task_id: 't', step_id: 's', name: 'chat', step_kind: 'llm' }),
    ],
    originMs,
  );
  expect(begun.map(({ type, parent, name, status, offset_ms }) => [type, parent, name, status, offset_ms])).toEqual([
    ['run', null, 'run', 'running', 0],
    ['task', 'run', 'collect', 'running', 5],
    ['step', begun[1]?.node, 'chat', 'running', 10],
  ]);
  const usage = { llm_calls: 1, tokens_in: 100, tokens_out: 20, cost_micros: 30_000 };
  const ended = withEvents(
    begun,
    [told('step.completed', 60, { task_id: 't', step_id: 's', duration_ms: 50, ...usage })],
    originMs,
  );
  expect(ended[2]).toMatchObject({ status: 'completed', duration_ms: 50, kind: 'llm', own: { cost_cents: 3 } });
  expect(ended.map(({ total }) => [total.tokens.total, total.cost_cents])).toEqual([
    [120, 3],
    [120, 3],
    [120, 3],
  ]);
});

test('the same events once more change nothing: what was read may have them already', () => {
  const events = [
    told('step.started', 10, { step_id: 's' }),
    told('step.failed', 30, { step_id: 's', tokens_in: 5, error_category: 'tool', error_message: 'no' }),
  ];
  const once = withEvents([open], events, originMs);
  expect(withEvents(once, events, originMs)).toEqual(once);
  expect(once[1]).toMatchObject({ status: 'failed', error_category: 'tool', own: { tokens_unpriced: 5 } });
});

test('an end never goes back: a start that comes late only tells its name', () => {
  const ended = withEvents([open], [told('step.completed', 30, { step_id: 's', duration_ms: 10 })], originMs);
  const late = withEvents(ended, [told('step.started', 20, { step_id: 's', name: 'chat' })], originMs);
  expect(late[1]).toMatchObject({ status: 'completed', offset_ms: 20, duration_ms: 10, name: 'chat' });
});

test('the next attempt is a line of its own beside the first, with its name', () => {
  const nodes = withEvents(
    [open],
    [
      told('step.started', 0, { step_id: 's', attempt: 1, name: 'chat' }),
      told('step.failed', 5, { step_id: 's', attempt: 1, error_category: 'model' }),
      told('step.started', 6, { step_id: 's', attempt: 2 }),
    ],
    originMs,
  );
  const row = rowsOf(treeOf(nodes), allOpen)[1];
  expect(row?.attempts.map(({ status, name }) => [status, name])).toEqual([
    ['failed', 'chat'],
    ['running', 'chat'],
  ]);
});

test('what is rolled up is in no sum, and what is no work is no line', () => {
  const nodes = withEvents(
    [open],
    [
      told('log', 1, { message: 'hello' }),
      told('run.completed', 9, { tokens_in: 99, usage_scope: 'rolled_up', duration_ms: 9 }),
    ],
    originMs,
  );
  expect(nodes).toHaveLength(1);
  expect(nodes[0]).toMatchObject({ status: 'completed', duration_ms: 9, total: { tokens: { total: 0 } } });
});

test('in the flame view work that overlaps lies in lanes of its own, below what began it', () => {
  const tree = treeOf([
    run,
    node('a', { offset_ms: 0, duration_ms: 50 }),
    node('b', { offset_ms: 20, duration_ms: 50 }),
    node('c', { offset_ms: 60, duration_ms: 10 }),
    node('below', { parent: 'a', offset_ms: 5, duration_ms: 5 }),
  ]);
  expect(flameBoxes(tree, 0).map(({ node: { node: id }, lane }) => [id, lane])).toEqual([
    ['run', 0],
    ['a', 1],
    ['b', 2],
    ['c', 1],
    ['below', 3],
  ]);
});

test('the log goes by time; at the same time ends come first, but what took no time ends after its start', () => {
  const lines = logLines([
    node('run', { type: 'run', duration_ms: 20 }),
    node('a', { duration_ms: 10 }),
    node('b', { offset_ms: 10, duration_ms: 0 }),
    node('c', { offset_ms: 10, duration_ms: null }),
  ]);
  expect(lines.map(({ node: { node: id }, what }) => `${id} ${what}`)).toEqual([
    'run started',
    'a started',
    'a ended',
    'b started',
    'c started',
    'b ended',
    'run ended',
  ]);
});

test('marks stand at round steps, within the window and no more than wanted', () => {
  expect(axisMarks({ fromMs: 0, toMs: 10_000 }, 6)).toEqual([0, 2_000, 4_000, 6_000, 8_000, 10_000]);
  expect(axisMarks({ fromMs: 130, toMs: 170 }, 4)).toEqual([130, 140, 150, 160, 170]);
  expect(axisMarks({ fromMs: 0, toMs: 30 * 86_400_000 }, 6).length).toBeLessThanOrEqual(7);
});

test('a span is placed in percent of the window, cut at its edges, and nowhere when it is outside', () => {
  const window = { fromMs: 100, toMs: 200 };
  expect(placeIn(window, { fromMs: 150, toMs: 175 })).toEqual({ left: 50, width: 25 });
  expect(placeIn(window, { fromMs: 0, toMs: 150 })).toEqual({ left: 0, width: 50 });
  expect(placeIn(window, { fromMs: 0, toMs: 99 })).toBeNull();
  expect(placeIn(window, { fromMs: 201, toMs: 300 })).toBeNull();
});

test('an address tells a window, and what is none of it tells nothing', () => {
  expect(parseWindow(windowText({ fromMs: -12.5, toMs: 4_800.123 }))).toEqual({ fromMs: -12.5, toMs: 4_800.12 });
  for (const text of ['', '1', '5-5', '9-2', 'a-b', '1-2-3']) expect(parseWindow(text)).toBeNull();
});
