import { expect, test } from 'vitest';
import { createBatchDecoder } from '../../src/decode/decode-batch.js';
import { PendingBatch } from '../../src/ingest/pending-batch.js';
import { WorkMemory } from '../../src/ingest/work/work-memory.js';
import { settleWork, unsettleWork } from '../../src/ingest/work/work-settlement.js';
import { defaultFrameLimits } from '../support/default-config.js';
import { IngestTotals } from '../support/ingest-rig.js';
import { LoneOrigin } from '../support/lone-origin.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';

const receivedMs = Date.UTC(2026, 10, 26, 12);
const decoder = createBatchDecoder(defaultFrameLimits);

const createWork = () =>
  new WorkMemory({ openStartsMax: 1_000, openStartsAgeMsMax: 86_400_000, recentEndsMax: 1_024, onForgotten() {} });

function createSettlement() {
  const work = createWork();
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

test('ends that are taken back leave the memory as if they had not come, whatever came before', () => {
  const seed = testSeed(21);
  const random = seededRandom(seed);
  const memories = [createWork(), createWork()] as const;
  const { instruments } = new IngestTotals();
  const below = (limit: number) => Math.floor(random() * limit);
  const told = (events: readonly object[], work: WorkMemory, taken: boolean) => {
    const batch = new PendingBatch(new ArrayBuffer(100_000), { receivedMs, clockMs: receivedMs });
    const bytes = new Uint8Array(Buffer.from(JSON.stringify(events)));
    batch.add({
      origin: new LoneOrigin(),
      bytes,
      format: 'json',
      receivedMonotonicMs: 0,
      fault: null,
      repeated: false,
    });
    const decoded = decoder.decode(batch.toFrameBatch(null));
    batch.setDecoded(decoded);
    const again = settleWork(batch, decoded, { work, instruments });
    if (taken) unsettleWork(batch, work);
    return { again, rows: Buffer.from(decoded.rows).toString('hex') };
  };
  const event = (type: string, task: number) => ({
    type,
    agent_id: 'a',
    task_id: `t${task}`,
    ts: receivedMs - below(9_000),
  });
  for (let turn = 0; turn < 300; turn++) {
    const starts = Array.from({ length: 1 + below(4) }, () => event('task.running', below(40)));
    const ends = Array.from({ length: 1 + below(4) }, () => event('task.completed', below(40)));
    told(ends, memories[0], true);
    for (const events of [starts, ends]) {
      const [taken, plain] = memories.map((work) => told(events, work, false));
      expect(taken, `seed ${seed}, turn ${turn}`).toEqual(plain);
    }
  }
  expect(memories[0].openCount).toBe(memories[1].openCount);
});
