import { expect, test } from 'vitest';
import { forgetEventIds } from '../../src/ingest/admission.js';
import { EventIdMemory } from '../../src/ingest/event-id-memory.js';
import { FrameLedger } from '../../src/ingest/frame-ledger.js';
import { PendingBatch } from '../../src/ingest/pending-batch.js';
import { IngestTotals } from '../support/ingest-rig.js';
import { decodedFrame, LoneOrigin } from '../support/lone-origin.js';

const eventsPerFrame = 1_000;

/** Two frames whose events with an even index were seen before, each id known to the memory. */
function givenBatch() {
  const eventIds = new EventIdMemory({ idsMax: 100_000, onForgotten() {} });
  const batch = new PendingBatch(new ArrayBuffer(1_024), null);
  let reads = 0;
  const ledger = new FrameLedger(new IngestTotals().instruments);
  const given = { origin: new LoneOrigin(), bytes: new Uint8Array(1), format: 'json', receivedMonotonicMs: 0 } as const;
  for (let frame = 0; frame < 2; frame++) batch.add({ ...given, fault: null, repeated: false });
  for (const frame of batch.frames) {
    frame.result = decodedFrame(eventsPerFrame);
    frame.admit(0, ledger);
    const even = Array.from({ length: eventsPerFrame / 2 }, (_, index) => 2 * index);
    frame.duplicateEvents = new Proxy(even, {
      get(list, name, receiver) {
        reads++;
        return Reflect.get(list, name, receiver);
      },
    });
  }
  const count = 2 * eventsPerFrame;
  const low = Uint32Array.from({ length: count }, (_, index) => index + 1);
  batch.admittedIds = {
    low,
    high: new Uint32Array(count),
    frame: low.map((id) => Math.floor((id - 1) / eventsPerFrame)),
    event: low.map((id) => (id - 1) % eventsPerFrame),
  };
  for (const id of low) eventIds.tryAdd(id, 0);
  return { batch, eventIds, low, reads: () => reads };
}

test('ids of frames that were not kept are taken back but for those of events that were seen before', () => {
  const { batch, eventIds, low } = givenBatch();
  forgetEventIds(batch, eventIds, (frame) => frame === batch.frames[1]);
  const known = [...low].filter((id) => !eventIds.tryAdd(id, 0));
  expect(known).toHaveLength(eventsPerFrame + eventsPerFrame / 2);
  expect(known.slice(eventsPerFrame).every((id) => (id - 1) % 2 === 0)).toBe(true);
});

test('taking ids back looks at each duplicate a fixed number of times', () => {
  const { batch, eventIds, reads } = givenBatch();
  forgetEventIds(batch, eventIds, () => true);
  expect(eventIds.size).toBe(eventsPerFrame);
  expect(reads()).toBeLessThanOrEqual(4 * 2 * eventsPerFrame);
});
