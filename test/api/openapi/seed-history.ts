import type { RawRow } from '../api-store.js';

/** A small history of which every answer can be calculated by hand. */

const dayMs = 86_400_000;

/** Noon of a recent day, because the store expires rows; everything happens within the hours before. */
export const historyEndMs = Math.floor(Date.now() / dayMs) * dayMs - 2 * dayMs + dayMs / 2;
export const startMs = historyEndMs - 200_000;

interface SeedEvent extends Readonly<Record<string, unknown>> {
  readonly type: string;
  readonly agent_id: string;
}

function event(afterMs: number, fields: SeedEvent): RawRow {
  return { tenant: 'acme', ts: startMs + afterMs, received: startMs + afterMs, ...fields };
}

function taskId(number: number): string {
  return `7d1f0c3e-0000-4000-8000-00000000000${number}`;
}

const crew = { agent_id: 'trader', crew_id: 'trading_analysis_crew' };

function span(fromMs: number, toMs: number) {
  return { started_at: startMs + fromMs, ended_at: startMs + toMs, duration_ms: toMs - fromMs };
}

const tasks: readonly RawRow[] = [
  event(1_000, { ...crew, type: 'task.pending', task_id: taskId(1) }),
  event(2_000, { ...crew, type: 'task.running', task_id: taskId(2), started_at: startMs + 2_000 }),
  event(5_500, {
    ...crew,
    type: 'task.completed',
    task_id: taskId(3),
    ...span(3_000, 5_500),
    inputs: { symbol: 'BTC/USD', timeframe: '1h', strategy_name: 's'.repeat(120) },
    outputs: { signal: 'buy' },
  }),
  event(5_000, {
    agent_id: 'trader',
    type: 'log',
    task_id: taskId(3),
    level: 'warn',
    message: 'the order book is thin',
  }),
  event(6_750, {
    agent_id: 'trader',
    type: 'task.failed',
    task_id: taskId(4),
    ...span(6_000, 6_750),
    error_category: 'tool',
    error_message: 'e'.repeat(300),
  }),
  event(7_100, { ...crew, type: 'task.cancelled', task_id: taskId(5), ...span(7_000, 7_100) }),
];

const memory: readonly RawRow[] = [
  event(-dayMs, { type: 'memory.stored', agent_id: 'rememberer' }),
  event(10_000, { type: 'memory.stored', agent_id: 'rememberer' }),
  event(11_000, { type: 'memory.recalled', agent_id: 'rememberer' }),
  event(20_000, { type: 'memory.stored', agent_id: 'rememberer' }),
  event(30_000, { type: 'memory.recalled', agent_id: 'rememberer' }),
];

const triager = { agent_id: 'bug-triager', run_id: 'run-82923a' };
const runMs = 60_000;
const planned = { ...triager, step_id: 'planner', step_kind: 'llm', name: 'gpt-4.1' };
const read = { ...triager, step_id: 'reader', step_kind: 'tool', name: 'git_diff' };

const runs: readonly RawRow[] = [
  event(runMs, { ...triager, type: 'run.started', started_at: startMs + runMs }),
  event(runMs, { ...planned, type: 'step.started' }),
  event(runMs + 8_000, {
    ...planned,
    type: 'step.completed',
    ...span(runMs, runMs + 8_000),
    inputs: { goal: 'plan the review' },
    outputs: { steps: '2', ready: 'yes' },
    labels: { stage: 'plan' },
    tokens_in: 1_000,
    tokens_out: 200,
    cost_micros: 240_000,
  }),
  event(runMs + 8_000, { ...read, type: 'step.started' }),
  event(runMs + 9_200, {
    ...read,
    type: 'step.failed',
    ...span(runMs + 8_000, runMs + 9_200),
    error_category: 'tool',
    error_message: 'no answer',
  }),
  event(runMs + 9_200, { ...read, type: 'step.started', attempt: 2 }),
  event(runMs + 45_100, {
    ...read,
    type: 'step.completed',
    attempt: 2,
    ...span(runMs + 9_200, runMs + 45_100),
    tokens_in: 40,
    tokens_out: 10,
    cost_micros: 10_000,
  }),
  event(runMs + 45_200, {
    ...triager,
    type: 'run.completed',
    ...span(runMs, runMs + 45_200),
    inputs: { task: 'Process PR #42' },
    outputs: { result: 'No issues found' },
  }),
  event(120_250, {
    type: 'run.failed',
    agent_id: 'bug-triager',
    run_id: 'run-failed',
    ...span(120_000, 120_250),
    error_category: 'model',
  }),
  event(130_000, {
    type: 'run.started',
    agent_id: 'bug-triager',
    run_id: 'run-open',
    started_at: startMs + 130_000,
  }),
];

export const seedHistory: readonly RawRow[] = [...tasks, ...memory, ...runs];

/** A day before the rest, so that what is told of the last 24 hours and of a week differs. */
const metricMs = historyEndMs - 2 * dayMs;

/**
 * Ten executions an hour apart that took 100 ms, 200 ms and so on; the first three failed, all the others succeeded:
 * two in five before the middle, all of them after it.
 */
const tenExecutions: readonly RawRow[] = Array.from({ length: 10 }, (_, index) => ({
  tenant: 'metrics',
  agent_id: 'ten',
  type: index < 3 ? 'task.failed' : 'task.completed',
  task_id: `ten-${index}`,
  ts: metricMs + index * 3_600_000,
  received: metricMs + index * 3_600_000,
  duration_ms: 100 * (index + 1),
  ...(index < 3 ? { error_category: 'tool', error_message: index < 2 ? 'Connection timeout' : 'Invalid input' } : {}),
}));

/** Three executions: a third of them failed. */
const threeExecutions: readonly RawRow[] = ['completed', 'failed', 'completed'].map((outcome, index) => ({
  tenant: 'metrics',
  agent_id: 'three',
  type: `task.${outcome}`,
  task_id: `three-${index}`,
  ts: historyEndMs - 3_600_000 + index,
  received: historyEndMs,
  ...(outcome === 'failed' ? { error_category: 'model', error_message: 'Connection timeout' } : {}),
}));

/** Twenty executions of which one failed are enough to be ranked. */
const steady: readonly RawRow[] = Array.from({ length: 20 }, (_, index) => ({
  tenant: 'metrics',
  agent_id: 'steady',
  type: index === 7 ? 'task.failed' : 'task.completed',
  task_id: `steady-${index}`,
  ts: historyEndMs - 3_600_000 + index,
  received: historyEndMs,
  ...(index === 7 ? { error_category: 'tool' } : {}),
}));

/** Twenty failures within 24 hours are an issue. */
const failures: readonly RawRow[] = Array.from({ length: 20 }, (_, index) => ({
  tenant: 'metrics',
  agent_id: 'failing',
  type: 'task.failed',
  task_id: `failing-${index}`,
  ts: historyEndMs - 7_200_000 + index,
  received: historyEndMs,
  error_category: 'model',
}));

export const metricHistory: readonly RawRow[] = [...tenExecutions, ...threeExecutions, ...steady, ...failures];
