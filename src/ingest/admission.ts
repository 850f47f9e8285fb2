import type { SpoolAppender } from '../core/ports/spool-appender.js';
import type { EventIdMemory } from './event-id-memory.js';
import type { FrameLedger } from './frame-ledger.js';
import type { FrameOrigin } from './frame-origin.js';
import type { PendingBatch } from './pending-batch.js';
import type { PendingFrame, Refusal } from './pending-frame.js';

export interface AdmissionDeps {
  readonly spool: SpoolAppender;
  readonly eventIds: EventIdMemory;
  readonly ledger: FrameLedger;
}

const repetitionLost: Refusal = { code: 'spool_failed', message: 'what this frame repeats was lost; send it again' };

/**
 * Decides, in order of receipt, what becomes of each frame of a decoded batch: its position, whether it or
 * one of its events was seen before, whether it is refused. Remembers the event ids it lets pass.
 *
 * Returns true when the batch's rows hold something that must not be kept: decode it again, then append.
 */
export function admitBatch(batch: PendingBatch, { spool, eventIds, ledger }: AdmissionDeps): boolean {
  const lastSeqs = new Map<string, number>();
  for (const frame of batch.frames) {
    if (frame.state === 'settled') continue;
    const { origin } = frame;
    const isNumbered = origin.producer !== '';
    const key = isNumbered ? positionKey(origin) : '';
    frame.admit(isNumbered ? (lastSeqs.get(key) ?? spool.lastSeq(origin.tenant, origin.producer)) : 0, ledger);
    if (isNumbered && frame.state === 'append') lastSeqs.set(key, frame.seq);
  }
  return dropSeenEvents(batch, eventIds) || batch.isStale;
}

/**
 * A batch that waited at the head of the queue. Meanwhile an origin may have been refused, in a batch before this one
 * or in a stall, and nothing that follows may be kept; and what passed for a repetition may repeat what was lost.
 * True when the batch must be decoded again.
 */
export function readmitBatch(batch: PendingBatch, { spool, eventIds, ledger }: AdmissionDeps): boolean {
  for (const frame of lostRepetitions(batch, spool)) frame.refuse(repetitionLost, ledger);
  const abandoned = new Set(
    batch.frames.filter(({ state, origin }) => state === 'append' && origin.faultedBy !== null),
  );
  if (abandoned.size > 0) forgetEventIds(batch, eventIds, (frame) => abandoned.has(frame));
  for (const frame of abandoned) frame.abandon(ledger);
  return restoreLostEvents(batch, eventIds) || batch.isStale;
}

function positionKey({ tenant, producer }: FrameOrigin): string {
  return `${tenant}\n${producer}`;
}

/** Their slots of both generations take 16 KiB of the processor's cache. */
const idsFetched = 128;

/** Marks events whose id was seen before; true when there are any, since their rows are in the block. */
function dropSeenEvents(batch: PendingBatch, eventIds: EventIdMemory): boolean {
  const ids = batch.decoded?.eventIds ?? null;
  batch.admittedIds = ids;
  if (ids === null) return false;
  const decodable = batch.frames.filter((frame) => frame.fault === null);
  let seen = false;
  for (let index = 0; index < ids.low.length; index++) {
    if (index % idsFetched === 0) eventIds.prefetch(ids, index, Math.min(ids.low.length, index + idsFetched));
    const frame = decodable[ids.frame[index]!];
    if (frame?.state !== 'append' || eventIds.tryAdd(ids.low[index]!, ids.high[index]!)) continue;
    frame.duplicateEvents.push(ids.event[index]!);
    seen = true;
  }
  return seen;
}

/** Takes back the event ids of frames that were to be kept and were not: sent again, their events must pass. */
export function forgetEventIds(
  batch: PendingBatch,
  eventIds: EventIdMemory,
  concerns: (frame: PendingFrame) => boolean,
): void {
  const ids = batch.admittedIds;
  if (ids === null) return;
  const decodable = batch.frames.filter((frame) => frame.fault === null);
  // Frames and their events ascend, in the ids as in what was found to be a duplicate.
  let passed = 0;
  for (let index = 0; index < ids.low.length; index++) {
    const frame = decodable[ids.frame[index]!];
    if (index > 0 && ids.frame[index] !== ids.frame[index - 1]) passed = 0;
    if (frame === undefined || frame.state !== 'append' || !concerns(frame)) continue;
    if (frame.duplicateEvents[passed] === ids.event[index]) passed++;
    else eventIds.remove(ids.low[index]!, ids.high[index]!);
  }
}

/**
 * Frames of an admitted batch that were taken for repetitions of what is neither in the spool any more nor before them
 * in the batch: acknowledged, they would be lost.
 */
function lostRepetitions(batch: PendingBatch, spool: SpoolAppender): PendingFrame[] {
  const lastSeqs = new Map<string, number>();
  return batch.frames.filter(({ state, seq, origin }) => {
    if (origin.producer === '' || (state !== 'append' && state !== 'duplicate')) return false;
    const key = positionKey(origin);
    const lastSeq = lastSeqs.get(key) ?? spool.lastSeq(origin.tenant, origin.producer);
    if (state === 'duplicate') return seq > lastSeq;
    lastSeqs.set(key, seq);
    return false;
  });
}

/** Keeps events that were dropped as repetitions of what was not kept after all; true when there are any. */
function restoreLostEvents(batch: PendingBatch, eventIds: EventIdMemory): boolean {
  const ids = batch.admittedIds;
  if (ids === null) return false;
  const decodable = batch.frames.filter((frame) => frame.fault === null);
  let restored = false;
  for (let index = 0; index < ids.low.length; ) {
    const frame = decodable[ids.frame[index]!];
    const dropped = new Set(frame?.state === 'append' ? frame.duplicateEvents : []);
    const before = dropped.size;
    for (const place = ids.frame[index]; ids.frame[index] === place; index++) {
      const event = ids.event[index]!;
      if (dropped.has(event) && eventIds.tryAdd(ids.low[index]!, ids.high[index]!)) dropped.delete(event);
    }
    if (frame === undefined || dropped.size === before) continue;
    frame.duplicateEvents = [...dropped];
    restored = true;
  }
  return restored;
}
