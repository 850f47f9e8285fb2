import { expect, test } from 'vitest';
import { createFleet } from '../../src/cli/fleet.js';
import { withContext } from '../../src/cli/fleet-context.js';
import { AgentLedger } from '../../src/cli/fleet-ledger.js';
import { seededRandom } from '../../src/cli/seeded-random.js';
import { createBatchDecoder } from '../../src/decode/decode-batch.js';
import type { TidemarkEvent } from '../../src/sdk/event.js';
import { columnsOf } from '../../src/sdk/event-columns.js';
import { encodeFrame, stampSeq } from '../../src/sdk/frame-encoder.js';
import { defaultFrameLimits } from '../support/default-config.js';

const nowMs = Date.UTC(2026, 0, 15, 12);

function eventsOf(seed: number, runs: number): TidemarkEvent[] {
  const random = seededRandom(seed);
  const fleet = withContext(random, createFleet(random, { agents: 12, token: 't' }), 't');
  return Array.from({ length: runs }, (_, run) => fleet[run % fleet.length]!.nextRun(nowMs)).flat();
}

test('one seed makes one fleet, another seed another', () => {
  expect(eventsOf(7, 40)).toEqual(eventsOf(7, 40));
  expect(eventsOf(8, 40)).not.toEqual(eventsOf(7, 40));
});

test('the collector accepts every event of a fleet, and the ledger counts what the live windows count', () => {
  const events = eventsOf(3, 300);
  const frame = stampSeq(encodeFrame(columnsOf(events)), 1).slice();
  const decoded = createBatchDecoder({ ...defaultFrameLimits, frameBytesMax: frame.length }).decode({
    bytes: frame.buffer,
    receivedMs: nowMs,
    clockMs: nowMs,
    frames: [
      {
        offset: 0,
        length: frame.length,
        format: 'msgpack',
        tenant: 'default',
        contentAllowed: false,
        duplicate: false,
        duplicateEvents: [],
      },
    ],
  });
  expect(decoded.frames[0]).toMatchObject({ seq: 1, accepted: events.length, rejected: 0, errors: [], fault: null });

  for (const slice of decoded.slices) {
    const ledger = new AgentLedger(slice.agentId);
    for (const event of events) if (event.agent_id === slice.agentId) ledger.add(event);
    const executions = slice.completed + slice.failed + slice.cancelled;
    expect(ledger.figures().executions).toBe(executions);
    expect(ledger.figures().successRate).toBeCloseTo((100 * slice.completed) / (slice.completed + slice.failed), 9);
  }
  expect(decoded.slices).toHaveLength(12);
});

test('every run of a fleet begins and ends, and so do its tasks, the run first and last', () => {
  const all = eventsOf(4, 120);
  const runs = [...new Set(all.map(({ run_id }) => run_id))];
  expect(runs.length).toBe(120);
  for (const run of runs) {
    const events = all.filter(({ run_id }) => run_id === run);
    expect(events[0]?.type).toBe('run.started');
    expect(events.at(-1)?.type).toMatch(/^run\.(completed|failed|cancelled)$/);
    const tasksOf = (types: RegExp) => events.filter(({ type }) => types.test(type)).map(({ task_id }) => task_id);
    expect(tasksOf(/^task\.(completed|failed|cancelled)$/)).toEqual(tasksOf(/^task\.running$/));
  }
});

test('usage of steps adds up to what their tasks and runs roll up', () => {
  const sums = { step: 0, task: 0, run: 0 };
  for (const event of eventsOf(5, 200)) {
    const subject = event.type.split('.')[0] as keyof typeof sums;
    const isRolledUp = event.usage_scope === 'rolled_up';
    if (event.tokens_in != null) expect(isRolledUp).toBe(subject !== 'step');
    sums[subject] += event.tokens_in ?? 0;
  }
  expect(sums.step).toBeGreaterThan(0);
  expect(sums.task).toBe(sums.step);
  expect(sums.run).toBe(sums.step);
});

test('a ledger gives percentiles by nearest rank, as the collector does', () => {
  const ledger = new AgentLedger('a');
  const durations = [40, 10, 30, 20, 50];
  for (const [index, duration_ms] of durations.entries()) {
    const type = index === 0 ? 'task.failed' : 'task.completed';
    ledger.add({ type, agent_id: 'a', task_id: `t${index}`, duration_ms });
  }
  ledger.add({ type: 'step.completed', agent_id: 'a', step_id: 's', duration_ms: 9_999 });
  ledger.add({ type: 'task.cancelled', agent_id: 'a', task_id: 't9' });
  expect(ledger.figures()).toEqual({ executions: 6, successRate: 80, p50: 30, p95: 50, p99: 50 });
  expect(ledger.events).toBe(7);
  expect([5, 10, 30, 35, 50, 60].map((duration) => ledger.rankOf(duration))).toEqual([0, 0.1, 0.5, 0.6, 0.9, 1]);
});
