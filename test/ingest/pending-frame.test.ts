import { expect, test } from 'vitest';
import { FrameLedger } from '../../src/ingest/frame-ledger.js';
import { PendingFrame, type Refusal } from '../../src/ingest/pending-frame.js';
import { IngestTotals } from '../support/ingest-rig.js';
import { decodedFrame, LoneOrigin } from '../support/lone-origin.js';

const lost: Refusal = { code: 'spool_failed', message: 'it is lost' };

function givenFrame(options: { readonly fault?: Refusal; readonly repeated?: boolean; readonly events?: number } = {}) {
  const { fault = null, repeated = false, events = 3 } = options;
  const origin = new LoneOrigin();
  const totals = new IngestTotals();
  const ledger = new FrameLedger(totals.instruments);
  const bytes = new Uint8Array(10);
  const frame = new PendingFrame({ origin, bytes, format: 'json', receivedMonotonicMs: 5, fault, repeated }, 0);
  if (fault === null) frame.result = decodedFrame(events);
  const counts = () => ({
    received: totals.received,
    frames: Object.fromEntries(totals.frames),
    events: Object.fromEntries(totals.outcomes),
    underway: ledger.eventsUnderway,
  });
  return { frame, origin, ledger, totals, counts };
}

test('a frame that is kept is counted as received when it is admitted and as durable when it is answered', () => {
  const { frame, origin, ledger, totals, counts } = givenFrame();
  frame.admit(7, ledger);
  expect(counts()).toEqual({ received: 3, frames: {}, events: {}, underway: 3 });
  frame.duplicateEvents.push(1);
  frame.answer(2_005, ledger);
  expect(counts()).toEqual({ received: 3, frames: { accepted: 1 }, events: { durable: 2, duplicate: 1 }, underway: 0 });
  expect(origin.told).toEqual(['admit 3 after 7', 'acknowledge 1']);
  expect(origin.acknowledged[0]).toMatchObject({ seq: 1, duplicate: false, duplicateEvents: 1 });
  expect(totals.ackSeconds).toEqual([2]);
});

test('a frame that repeats one is a duplicate with all of its events, those that are bad too', () => {
  const { frame, origin, ledger, counts } = givenFrame();
  frame.result = { ...decodedFrame(3), accepted: 2, rejected: 1, rejectedByCode: { field_type: 1 } };
  origin.admission = { kind: 'duplicate', seq: 4 };
  frame.admit(4, ledger);
  frame.answer(5, ledger);
  expect(counts()).toEqual({ received: 3, frames: { duplicate: 1 }, events: { duplicate: 3 }, underway: 0 });
  expect(origin.acknowledged[0]).toMatchObject({ seq: 4, duplicate: true });
});

test('bad events of a frame that is kept are rejected, by their codes', () => {
  const { frame, ledger, totals, counts } = givenFrame();
  const rejectedByCode = { field_type: 1, content_refused: 1 } as const;
  frame.result = { ...decodedFrame(3), accepted: 1, rejected: 2, rejectedByCode };
  frame.admit(0, ledger);
  frame.answer(5, ledger);
  expect(counts().events).toEqual({ durable: 1, rejected: 2 });
  expect(Object.fromEntries(totals.rejected)).toEqual(rejectedByCode);
});

test('a frame that is refused when it is admitted is told so in its turn, and counted then', () => {
  const { frame, origin, ledger, counts } = givenFrame();
  origin.admission = { kind: 'refuse', code: 'seq_regressed', message: 'it goes back' };
  frame.admit(0, ledger);
  expect(origin.told).toEqual(['admit 3 after 0', 'condemn seq_regressed']);
  expect(counts()).toMatchObject({ frames: {}, underway: 3 });
  frame.answer(5, ledger);
  expect(origin.told.at(-1)).toBe('refuse seq_regressed');
  expect(counts()).toEqual({ received: 3, frames: { seq_regressed: 1 }, events: { refused: 3 }, underway: 0 });
});

test('a frame with a fault of its own is told that, though its batch is lost for another reason', () => {
  const fault: Refusal = { code: 'frame_too_large', message: 'it is too large' };
  const { frame, origin, ledger, counts } = givenFrame({ fault });
  frame.admit(0, ledger);
  frame.refuse(lost, ledger);
  expect(origin.told).toEqual(['condemn frame_too_large', 'refuse frame_too_large']);
  expect(counts()).toEqual({ received: 0, frames: { frame_too_large: 1 }, events: {}, underway: 0 });
});

test('a frame that was never read is refused without events', () => {
  const { frame, ledger, counts } = givenFrame();
  frame.refuse(lost, ledger);
  expect(counts()).toEqual({ received: 0, frames: { spool_failed: 1 }, events: {}, underway: 0 });
});

test('a frame behind one that was refused is counted by why that was, and its origin is not told again', () => {
  const { frame, origin, ledger, counts } = givenFrame();
  frame.admit(0, ledger);
  origin.faultedBy = 'overloaded';
  frame.abandon(ledger);
  expect(origin.told).toEqual(['admit 3 after 0']);
  expect(counts()).toEqual({ received: 3, frames: { overloaded: 1 }, events: { refused: 3 }, underway: 0 });
});

test('what is settled stays so: no later answer, refusal or loss is told or counted', () => {
  for (const settle of ['answer', 'refuse'] as const) {
    const { frame, origin, ledger, counts } = givenFrame();
    frame.admit(0, ledger);
    if (settle === 'answer') frame.answer(5, ledger);
    else frame.refuse(lost, ledger);
    const [told, counted] = [[...origin.told], counts()];
    frame.answer(6, ledger);
    frame.refuse(lost, ledger);
    expect([origin.told, counts(), frame.state]).toEqual([told, counted, 'settled']);
  }
});

test('a transition that skips another is a defect', () => {
  const { frame, ledger } = givenFrame();
  expect(() => frame.answer(5, ledger)).toThrow('answered before it was admitted');
  expect(() => frame.abandon(ledger)).toThrow('abandoned');
  frame.admit(0, ledger);
  expect(() => frame.abandon(ledger)).toThrow('abandoned');
  expect(() => frame.admit(0, ledger)).toThrow('admitted twice');
  expect(() => ledger.refuse('internal', 4)).toThrow('more events');
});

test('a block is stale when it has rows of what is not kept, or lacks those of what is', () => {
  const { frame, ledger } = givenFrame();
  expect(frame.range().duplicate).toBe(false);
  frame.admit(0, ledger);
  expect(frame.isStale).toBe(false);
  frame.refuse(lost, ledger);
  expect(frame.isStale).toBe(true);
  expect(frame.range().duplicate).toBe(true);
  expect(frame.isStale).toBe(false);

  const resent = givenFrame({ repeated: true });
  expect(resent.frame.range().duplicate).toBe(true);
  resent.frame.admit(0, resent.ledger);
  expect(resent.frame.isStale).toBe(true);
  expect(resent.frame.range().duplicate).toBe(false);
  expect(resent.frame.isStale).toBe(false);
});

test('what cannot wait is turned away unless it was kept before or is refused already', () => {
  const { frame, origin, ledger } = givenFrame();
  expect(frame.isTurnedAway).toBe(false);
  Object.assign(origin, { waits: false });
  expect(frame.isTurnedAway).toBe(true);
  frame.admit(0, ledger);
  expect(frame.isTurnedAway).toBe(true);
  frame.refuse(lost, ledger);
  expect(frame.isTurnedAway).toBe(false);

  const repeated = givenFrame();
  Object.assign(repeated.origin, { waits: false, admission: { kind: 'duplicate', seq: 1 } });
  repeated.frame.admit(1, repeated.ledger);
  expect(repeated.frame.isTurnedAway).toBe(false);
});
