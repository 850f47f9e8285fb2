import type { IngestInstruments } from '../core/instruments.js';
import type { SpoolAppender } from '../core/ports/spool-appender.js';
import type { EventIdMemory } from './event-id-memory.js';
import type { PendingBatch, PendingFrame, Refusal } from './pending-batch.js';

export interface AdmissionDeps {
  readonly spool: SpoolAppender;
  readonly eventIds: EventIdMemory;
  readonly instruments: IngestInstruments;
}

/**
 * Decides, in order of receipt, what becomes of each frame of a decoded batch: its position, whether it or
 * one of its events was seen before, whether it is refused. Remembers the event ids it lets pass.
 *
 * Returns true when the batch's rows hold something that must not be kept: decode it again, then append.
 */
export function admitBatch(batch: PendingBatch, deps: AdmissionDeps): boolean {
  let again = false;
  const lastSeqs = new Map<string, number>();
  for (const frame of batch.frames) {
    admitFrame(frame, deps, lastSeqs);
    const keep = frame.state === 'append';
    if (frame.fault === null && keep === frame.silent) {
      frame.silent = !keep;
      again = true;
    }
  }
  return dropSeenEvents(batch, deps.eventIds) || again;
}

function admitFrame(frame: PendingFrame, deps: AdmissionDeps, lastSeqs: Map<string, number>): void {
  const { origin, result } = frame;
  if (frame.fault !== null) {
    condemn(frame, frame.fault);
    return;
  }
  if (result === null || frame.state === 'refused') return;
  deps.instruments.eventsReceived.inc(result.events);
  const key = positionKey(origin);
  const lastSeq =
    origin.producer === '' ? 0 : (lastSeqs.get(key) ?? deps.spool.lastSeq(origin.tenant, origin.producer));
  const admission = origin.admit(result, lastSeq);
  if (admission.kind === 'refuse') {
    condemn(frame, admission);
    if (result.events > 0) deps.instruments.events.inc({ outcome: 'refused' }, result.events);
    return;
  }
  frame.state = admission.kind;
  frame.seq = admission.seq;
  frame.events = result.events;
  if (admission.kind === 'append' && origin.producer !== '') lastSeqs.set(key, admission.seq);
}

function positionKey({ tenant, producer }: PendingFrame['origin']): string {
  return `${tenant}\n${producer}`;
}

/** The client hears of it when the frames before it are durable. */
function condemn(frame: PendingFrame, refusal: Refusal): void {
  frame.state = 'refused';
  frame.refusal = refusal;
  frame.origin.condemn(refusal.code);
}

/** Marks events whose id was seen before; true when there are any, since their rows are in the block. */
function dropSeenEvents(batch: PendingBatch, eventIds: EventIdMemory): boolean {
  const ids = batch.decoded?.eventIds ?? null;
  batch.admittedIds = ids;
  if (ids === null) return false;
  const decodable = batch.frames.filter((frame) => frame.fault === null);
  let seen = false;
  for (let index = 0; index < ids.low.length; index++) {
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
export function lostRepetitions(batch: PendingBatch, spool: SpoolAppender): PendingFrame[] {
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
export function restoreLostEvents(batch: PendingBatch, eventIds: EventIdMemory): boolean {
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
