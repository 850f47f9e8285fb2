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
  const { instruments } = new IngestTotals();
  /** Settles frames of events as one batch: what each frame is told, and whether it must be decoded again. */
  return (...frames: readonly (readonly object[])[]) => {
    const batch = new PendingBatch(new ArrayBuffer(10_000), { receivedMs, clockMs: receivedMs });
    for (const events of frames) {
      const told = events.map((event, index) => ({ agent_id: 'a', ts: receivedMs - 1_000 + index, ...event }));
      const bytes = new Uint8Array(Buffer.from(JSON.stringify({ seq: 1, events: told })));
      const options = { format: 'json', receivedMonotonicMs: 0, fault: null, repeated: false } as const;
      batch.add({ origin: new LoneOrigin(), bytes, ...options });
    }
    const decoded = decoder.decode(batch.toFrameBatch(null));
    batch.setDecoded(decoded);
    const again = settleWork(batch, decoded, { work, instruments });
    const told = batch.frames.map(({ contexts, conflictingEvents }) => ({
      runs: contexts.map(({ event, runId }) => `${event} ${runId ?? '-'}`),
      conflicts: conflictingEvents,
    }));
    return { again, told };
  };
}

const started = { type: 'task.running', task_id: 't', run_id: 'r' };
const ended = { type: 'task.completed', task_id: 't', run_id: 'r' };
const memory = { type: 'memory.stored', task_id: 't' };

test('what leaves out its run is of the run its task is open in, while it is, in one batch or in several', () => {
  const together = createSettlement();
  expect(together([memory, started, memory, ended, memory])).toEqual({
    again: true,
    told: [{ runs: ['2 r'], conflicts: [] }],
  });
  const apart = createSettlement();
  expect(apart([started])).toEqual({ again: false, told: [{ runs: [], conflicts: [] }] });
  expect(apart([], [memory]).told).toEqual([
    { runs: [], conflicts: [] },
    { runs: ['0 r'], conflicts: [] },
  ]);
  expect(apart([ended, memory]).told).toEqual([{ runs: [], conflicts: [] }]);
});

test('an end that contradicts an earlier one is told by its event in its frame', () => {
  const settle = createSettlement();
  const failed = { ...ended, type: 'task.failed', error_category: 'tool' };
  expect(settle([started, ended], [memory, failed])).toEqual({
    again: true,
    told: [
      { runs: [], conflicts: [] },
      { runs: [], conflicts: [1] },
    ],
  });
});
