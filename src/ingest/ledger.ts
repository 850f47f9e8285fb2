import type { IngestInstruments } from '../core/instruments.js';
import type { FrameResult } from './frame-origin.js';

/**
 * Books the outcome of every event of an answered frame. Over time, and once nothing is under way,
 * received = durable + duplicate + rejected + refused; `refused` events were not acknowledged.
 */
export function countFrame(instruments: IngestInstruments, result: FrameResult): void {
  const { frame, duplicate, duplicateEvents } = result;
  instruments.frames.inc({ outcome: duplicate ? 'duplicate' : 'accepted' });
  if (duplicate) {
    instruments.events.inc({ outcome: 'duplicate' }, frame.events);
    return;
  }
  const durable = frame.accepted - duplicateEvents;
  if (durable > 0) instruments.events.inc({ outcome: 'durable' }, durable);
  if (duplicateEvents > 0) instruments.events.inc({ outcome: 'duplicate' }, duplicateEvents);
  if (frame.rejected === 0) return;
  instruments.events.inc({ outcome: 'rejected' }, frame.rejected);
  for (const [code, count] of Object.entries(frame.rejectedByCode)) instruments.eventsRejected.inc({ code }, count);
}
