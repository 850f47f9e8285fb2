import type { ErrorCode } from '../core/errors.js';
import type { IngestInstruments } from '../core/instruments.js';
import { invariant } from '../core/invariant.js';
import type { FrameResult } from './frame-origin.js';

/**
 * Books what was received and the outcome of every event of it. Over time, and once nothing is under way,
 * received = durable + duplicate + rejected + refused; `refused` events were not acknowledged. Each frame calls it once
 * when it could be read and once when its outcome is known (pending-frame.ts).
 */
export class FrameLedger {
  readonly #instruments: IngestInstruments;
  #eventsUnderway = 0;

  constructor(instruments: IngestInstruments) {
    this.#instruments = instruments;
  }

  /** Events counted as received whose outcome is not counted yet. */
  get eventsUnderway(): number {
    return this.#eventsUnderway;
  }

  // Hot path: once a frame.
  receive(events: number): void {
    this.#eventsUnderway += events;
    this.#instruments.eventsReceived.inc(events);
  }

  // Hot path: once a frame. `waitedMs`: from its receipt.
  acknowledge(result: FrameResult, waitedMs: number): void {
    const { frame, duplicate, duplicateEvents } = result;
    const { frames, events, eventsRejected, ackSeconds } = this.#instruments;
    this.#close(frame.events);
    ackSeconds.observe(waitedMs / 1_000);
    frames.inc({ outcome: duplicate ? 'duplicate' : 'accepted' });
    if (duplicate) {
      events.inc({ outcome: 'duplicate' }, frame.events);
      return;
    }
    const durable = frame.accepted - duplicateEvents;
    if (durable > 0) events.inc({ outcome: 'durable' }, durable);
    if (duplicateEvents > 0) events.inc({ outcome: 'duplicate' }, duplicateEvents);
    if (frame.rejected === 0) return;
    events.inc({ outcome: 'rejected' }, frame.rejected);
    for (const [code, count] of Object.entries(frame.rejectedByCode)) eventsRejected.inc({ code }, count);
  }

  /** `events`: of the frame, 0 when it was never read. */
  refuse(code: ErrorCode, events: number): void {
    this.#close(events);
    this.#instruments.frames.inc({ outcome: code });
    if (events > 0) this.#instruments.events.inc({ outcome: 'refused' }, events);
  }

  #close(events: number): void {
    this.#eventsUnderway -= events;
    invariant(this.#eventsUnderway >= 0, 'the outcome of more events was counted than were received');
  }
}
