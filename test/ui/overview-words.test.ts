import { describe, expect, test } from 'vitest';
import type { LiveMessage, LiveRun } from '../../src/ui/live/live-messages.js';
import { type AgentIssue, issueBasis, issueName } from '../../src/ui/pages/overview/issue-words.js';
import { heard, longestRunning, noRunningRuns, runningTotal } from '../../src/ui/pages/overview/running-runs.js';

const second = (of: number) => `2026-11-26T10:00:${String(of).padStart(2, '0')}.000Z`;

function run(run_id: string, startedAt: number | null, rest: Partial<LiveRun> = {}): LiveRun {
  return {
    run_id,
    agent_ids: ['scout'],
    name: null,
    status: 'running',
    started_at: startedAt === null ? null : second(startedAt),
    last_event_at: second(30),
    events: 1,
    tasks: { pending: 0, running: 1, completed: 0, failed: 0, cancelled: 0 },
    steps: { running: 0, completed: 0, failed: 0 },
    tokens: { in: 0, out: 0, total: 0 },
    cost_micros: null,
    ...rest,
  };
}

const snapshot = (runs: readonly LiveRun[], total = runs.length): LiveMessage => ({
  op: 'snapshot',
  at: second(30),
  runs_total: total,
  runs,
  tasks_total: runs.length,
  tasks: [],
});
const progress = (...runs: readonly LiveRun[]): LiveMessage => ({ op: 'progress', runs });

describe('runs under way', () => {
  test('nothing is known before a snapshot, not even by the progress of a run', () => {
    expect(heard(noRunningRuns, progress(run('a', 1)))).toBe(noRunningRuns);
  });

  test('a run that begins is one more, with its open tasks; one that ends is gone', () => {
    const before = heard(noRunningRuns, snapshot([run('a', 1)]));
    const begun = heard(before, progress(run('b', 31)));
    expect([runningTotal(begun), begun.openTasks]).toEqual([2, 2]);
    const ended = heard(begun, progress(run('a', 1, { status: 'completed' })));
    expect([runningTotal(ended), ended.openTasks, ended.runs.has('a')]).toEqual([1, 1, false]);
  });

  test('a run beyond those of the snapshot is counted once when it is named, and not when it has ended', () => {
    const before = heard(noRunningRuns, snapshot([run('a', 1)], 3));
    expect(runningTotal(before)).toBe(3);
    const named = heard(before, progress(run('b', 2)));
    expect([runningTotal(named), named.unnamed]).toEqual([3, 1]);
    const ended = heard(named, progress(run('c', 3, { status: 'failed' })));
    expect([runningTotal(ended), ended.unnamed]).toEqual([2, 0]);
  });

  test('a new snapshot is the truth, whatever was known', () => {
    const before = heard(noRunningRuns, snapshot([run('a', 1), run('b', 2)]));
    expect([...heard(before, snapshot([run('b', 2)])).runs.keys()]).toEqual(['b']);
  });

  test('what tells nothing of runs changes nothing', () => {
    const before = heard(noRunningRuns, snapshot([run('a', 1)]));
    expect(heard(before, { op: 'events', seq: 1, events: [] })).toBe(before);
  });

  test('those that run the longest come first, whatever was heard of last', () => {
    const runs = heard(
      noRunningRuns,
      snapshot([run('new', 20, { last_event_at: second(29) }), run('untold', null), run('old', 1), run('mid', 9)]),
    );
    expect(longestRunning(runs, 3).map(({ run_id }) => run_id)).toEqual(['old', 'mid', 'new']);
  });
});

describe('issues of agents', () => {
  const day = { from: second(0), to: second(1) };
  const outcomes = (successful_executions: number, failed_executions: number) => ({
    ...day,
    successful_executions,
    failed_executions,
    error_rate: (100 * failed_executions) / (failed_executions + successful_executions),
  });
  const cases: readonly [AgentIssue, string, string][] = [
    [
      { reason: 'error_rate_high', message: '', recent: outcomes(30, 10), error_rate_max: 20 },
      'High error rate',
      '10 of 40 failed; 20 % or more is an issue',
    ],
    [
      {
        reason: 'error_rate_regression',
        message: '',
        recent: outcomes(88, 21),
        baseline: outcomes(762, 9),
        change_points: 18.1,
        p_value: 0,
      },
      'More errors than before',
      '21 of 109 failed, before 9 of 771 failed',
    ],
    [
      {
        reason: 'p95_regression',
        message: '',
        recent: { ...day, durations: 142, above: 21, p95_ms: 11_986 },
        baseline: { ...day, durations: 730, above: 22, p95_ms: 5_940 },
        ratio: 2,
        compared_at_ms: 7_828,
        p_value: 0,
      },
      'Slower than before',
      'p95 12 s of 142, before p95 5.94 s of 730',
    ],
  ];
  test.each(cases)('are said in words with their numbers (%#)', (issue, name, basis) => {
    expect([issueName(issue), issueBasis(issue)]).toEqual([name, basis]);
  });
});
