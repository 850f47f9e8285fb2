import { expect, test } from 'vitest';
import { createBatchDecoder } from '../../src/decode/decode-batch.js';
import { PendingBatch } from '../../src/ingest/pending-batch.js';
import { WorkMemory } from '../../src/ingest/work/work-memory.js';
import { settleWork } from '../../src/ingest/work/work-settlement.js';
import { defaultFrameLimits } from '../support/default-config.js';
import { IngestTotals } from '../support/ingest-rig.js';
import { LoneOrigin } from '../support/lone-origin.js';

const receivedMs = Date.UTC(2026, 10, 26, 12);
const decoder = createBatchDecoder(defaultFrameLimits);

function createSettlement() {
  const work = new WorkMemory({
    openStartsMax: 1_000,
    openStartsAgeMsMax: 86_400_000,
    recentEndsMax: 1_024,
    onForgotten() {},
  });
  const totals = new IngestTotals();
  const { instruments } = totals;
  /** Settles frames of events as one batch: what each frame is told, and whether it must be decoded again. */
  const settle = (settlements: number, frames: readonly (readonly object[])[]) => {
    const batch = new PendingBatch(new ArrayBuffer(10_000), { receivedMs, clockMs: receivedMs });
    for (const events of frames) {
      const told = events.map((event, index) => ({ agent_id: 'a', ts: receivedMs - 1_000 + index, ...event }));
      const bytes = new Uint8Array(Buffer.from(JSON.stringify({ seq: 1, events: told })));
      const options = { format: 'json', receivedMonotonicMs: 0, fault: null, repeated: false } as const;
      batch.add({ origin: new LoneOrigin(), bytes, ...options });
    }
    batch.settlements = settlements;
    const decoded = decoder.decode(batch.toFrameBatch(null));
    batch.setDecoded(decoded);
    const again = settleWork(batch, decoded, { work, instruments });
    const told = batch.frames.map(({ contexts, conflictingEvents }) => ({
      known: contexts.map(({ event, runId, name }) => `${event} ${runId ?? name}`),
      conflicts: conflictingEvents,
    }));
    return { again, told };
  };
  return Object.assign((...frames: readonly (readonly object[])[]) => settle(0, frames), { settle, totals });
}

const started = { type: 'task.running', task_id: 't', run_id: 'r' };
const ended = { type: 'task.completed', task_id: 't', run_id: 'r' };
const memory = { type: 'memory.stored', task_id: 't' };

test('what leaves out its run is of the run its task is open in, while it is, in one batch or in several', () => {
  const together = createSettlement();
  expect(together([memory, started, memory, ended, memory])).toEqual({
    again: true,
    told: [{ known: ['2 r'], conflicts: [] }],
  });
  const apart = createSettlement();
  expect(apart([started])).toEqual({ again: false, told: [{ known: [], conflicts: [] }] });
  expect(apart([], [memory]).told).toEqual([
    { known: [], conflicts: [] },
    { known: ['0 r'], conflicts: [] },
  ]);
  expect(apart([ended, memory]).told).toEqual([{ known: [], conflicts: [] }]);
});

test('an end that contradicts an earlier one is told by its event in its frame', () => {
  const settle = createSettlement();
  const failed = { ...ended, type: 'task.failed', error_category: 'tool' };
  expect(settle([started, ended], [memory, failed])).toEqual({
    again: true,
    told: [
      { known: [], conflicts: [] },
      { known: [], conflicts: [1] },
    ],
  });
});

test('a batch that has been decoded often enough is kept as it is, and that is counted', () => {
  const { settle, totals } = createSettlement();
  expect(settle(6, [[started, memory]]).again).toBe(true);
  expect(totals.settlementsCut).toBe(0);
  expect(settle(7, [[started, memory]]).again).toBe(false);
  expect(totals.settlementsCut).toBe(1);
  expect(settle(7, [[started]]).again).toBe(false);
  expect(totals.settlementsCut).toBe(1);
});

test('a failure that leaves out its name has the one that its start told', () => {
  const settle = createSettlement();
  const step = { run_id: 'r', task_id: 't', step_id: 's' };
  const failed = { ...step, type: 'step.failed', error_category: 'tool' };
  expect(settle([{ ...step, type: 'step.started', name: 'search', step_kind: 'tool' }, failed])).toEqual({
    again: true,
    told: [{ known: ['1 search'], conflicts: [] }],
  });
  expect(createSettlement()([{ ...step, type: 'step.started' }, failed])).toEqual({
    again: false,
    told: [{ known: [], conflicts: [] }],
  });
});
