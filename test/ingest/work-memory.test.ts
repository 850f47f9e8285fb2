import { expect, test } from 'vitest';
import { WorkMemory } from '../../src/ingest/work/work-memory.js';

interface Rig {
  readonly memory: WorkMemory;
  readonly forgotten: Record<'start' | 'run', number>;
  start(key: number, startedMs: number, heardMs?: number): void;
}

function createMemory(
  options: { openStartsMax?: number; openStartsAgeMsMax?: number; recentEndsMax?: number } = {},
): Rig {
  const forgotten = { start: 0, run: 0 };
  const onForgotten = (kind: 'start' | 'run', count: number) => {
    forgotten[kind] += count;
  };
  const memory = new WorkMemory({
    openStartsMax: 1_000,
    openStartsAgeMsMax: 60_000,
    recentEndsMax: 1_024,
    ...options,
    onForgotten,
  });
  const start = (key: number, startedMs: number, heardMs = startedMs) =>
    memory.start(key, { startedMs, heardMs, name: -1, stepKind: 0 });
  return { memory, forgotten, start };
}

test('an end knows the earliest start of its attempt, once', () => {
  const { memory, start } = createMemory();
  start(7, 500);
  start(7, 300);
  start(7, 900);
  expect(memory.end(7, 1_000)).toMatchObject({ conflicts: false, startedMs: 300 });
  expect(memory.end(7, 1_000).conflicts).toBe(true);
  expect(memory.openCount).toBe(0);
});

test('a start that comes after its end opens nothing, one that happened later lets it end again', () => {
  const { memory, start } = createMemory();
  memory.end(7, 1_000);
  start(7, 900);
  expect(memory.openCount).toBe(0);
  expect(memory.end(7, 1_100).conflicts).toBe(true);
  start(7, 1_001);
  expect(memory.end(7, 1_500)).toMatchObject({ conflicts: false, startedMs: 1_001 });
});

test('an end that is taken back is open again with what was known of it', () => {
  const { memory } = createMemory();
  const name = memory.numberOf('search');
  memory.start(7, { startedMs: 100, heardMs: 100, name, stepKind: 2 });
  const verdict = { ...memory.end(7, 200) };
  memory.reopen(7, verdict);
  expect(memory.end(7, 300)).toMatchObject({ conflicts: false, startedMs: 100, name, stepKind: 2 });
  expect(memory.nameOf(name)).toBe('search');
});

test('of more starts than there is room for, and of too old ones, the oldest are forgotten and counted', () => {
  const { memory, forgotten, start } = createMemory({ openStartsMax: 100 });
  for (let key = 1; key <= 150; key++) start(key, key, 1_000);
  expect([memory.openCount, forgotten.start]).toEqual([100, 50]);
  expect(memory.end(50, 2_000).startedMs).toBeNaN();
  expect(memory.end(51, 2_000).startedMs).toBe(51);
  start(500, 70_000, 70_000);
  expect([memory.openCount, forgotten.start]).toEqual([1, 149]);
});

test('ends are forgotten one by one as others take their place, and then another end counts', () => {
  const { memory } = createMemory({ recentEndsMax: 16 });
  for (let key = 1; key <= 64; key++) expect(memory.end(key, key).conflicts).toBe(false);
  expect(memory.end(64, 64).conflicts).toBe(true);
  expect(memory.end(1, 1).conflicts).toBe(false);
});

test('the run of a task is known while the attempt that told it is open, and forgotten by halves', () => {
  const { memory, forgotten, start } = createMemory({ openStartsMax: 100 });
  start(7, 100);
  memory.tellRun(70, 7, 700, () => 'run-a');
  expect(memory.runOf(70, 1)).toMatchObject({ runId: 'run-a', key: 7 });
  memory.end(7, 200);
  expect(memory.runOf(70, 1)).toBeNull();
  // A further attempt is one of the same task.
  expect(memory.runOf(70, 2)?.runId).toBe('run-a');
  start(7, 300);
  expect(memory.runOf(70, 1)?.runId).toBe('run-a');
  for (let alias = 1_000; alias < 1_100; alias++) memory.tellRun(alias, alias, 701, () => 'run-b');
  expect(memory.runOf(70, 1)).toBeNull();
  expect(memory.runOf(1_099, 1)?.runId).toBe('run-b');
  expect(forgotten.run).toBeGreaterThan(0);
});

test('what the store remembers is taken where this process has not heard otherwise', () => {
  const { memory, start } = createMemory();
  start(1, 500);
  memory.end(2, 600);
  const remembered = [1, 2, 3, 4].map((task) => ({
    tenant: 't',
    run: 'r',
    agent: 'a',
    task: String(task),
    step: '',
    attempt: 1,
    startedMs: 100,
    endedMs: task === 4 ? 400 : null,
  }));
  const keysOf = ({ task }: { readonly task: string }) => ({ key: Number(task), alias: 10 + Number(task), runKey: 99 });
  expect(memory.restore(remembered, keysOf, 1_000)).toBe(2);
  expect(memory.end(1, 900).startedMs).toBe(500);
  expect(memory.end(3, 900).startedMs).toBe(100);
  expect(memory.end(4, 900).conflicts).toBe(true);
  expect(memory.runOf(13, 1)).toBeNull();
});

test('of what the store remembers an open task of a run tells its run, where no newer one is known', () => {
  const { memory, start } = createMemory();
  start(50, 900);
  memory.tellRun(15, 50, 98, () => 'newer');
  const remembered = [
    { task: '5', run: 'r', step: '' },
    { task: '6', run: 'r', step: '' },
    { task: '7', run: '', step: '' },
    { task: '8', run: 'r', step: 's' },
    { task: '', run: 'r', step: '' },
  ].map((names) => ({ tenant: 't', agent: 'a', attempt: 1, startedMs: 100, endedMs: null, ...names }));
  const keysOf = ({ task, run }: { readonly task: string; readonly run: string }) => ({
    key: task === '' ? 99 : Number(task),
    alias: task === '' ? 0 : 10 + Number(task),
    runKey: run === '' ? 0 : 99,
  });
  expect(memory.restore(remembered, keysOf, 1_000)).toBe(5);
  const runs = [15, 16, 17, 18, 0].map((alias) => memory.runOf(alias, 1)?.runId ?? null);
  expect(runs).toEqual(['newer', 'r', null, null, null]);
});
