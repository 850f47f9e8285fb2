import { createHash } from 'node:crypto';
import type { Clock, Random } from '../core/clock.js';
import { CollectorError } from '../core/errors.js';
import type { EventIntake, IntakeEvent, IntakeOutcome } from '../core/ports/event-intake.js';
import { RequestProblem } from '../core/problem.js';
import { type RequestFrames, requestProducer } from './request-frames.js';

export interface OwnEventsDeps {
  readonly frames: RequestFrames;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Events that a request of the API makes, each a frame of its own: the way through the pipeline, and every count on it,
 * is that of an event an agent sent.
 */
export class OwnEvents implements EventIntake {
  readonly #deps: OwnEventsDeps;

  constructor(deps: OwnEventsDeps) {
    this.#deps = deps;
  }

  async accept(event: IntakeEvent): Promise<IntakeOutcome> {
    const { frames } = this.#deps;
    frames.mustHaveRoom();
    const producer = requestProducer(event.idempotencyKey, event.purpose);
    const eventId = producer === '' ? this.#freshId() : repeatableId(producer);
    const bytes = Buffer.from(JSON.stringify({ ...event.fields, event_id: eventId }));
    const principal = { tenant: event.tenant, contentAllowed: event.contentAllowed };
    const { frame, duplicate, duplicateEvents } = await frames.submit({
      principal,
      producer,
      bytes,
      format: 'json',
      said: event.requestBody,
    });
    if (frame.rejected > 0) {
      const items = frame.errors.map(({ path, code, message }) => ({ path, code, message }));
      throw new RequestProblem(items[0]?.code ?? 'body_invalid', 'the event is refused', items);
    }
    if (frame.accepted !== 1) throw new CollectorError('internal', 'one event was sent and not one was accepted');
    return { eventId, duplicate: duplicate || duplicateEvents > 0 };
  }

  #freshId(): string {
    const { clock, random } = this.#deps;
    const part = () => Math.floor(random() * 2 ** 48).toString(36);
    return `api-${clock.nowMs().toString(36)}-${part()}${part()}`;
  }
}

/** A retry names the event of the first request. */
function repeatableId(producer: string): string {
  return `api-${createHash('sha256').update(producer).digest('base64url').slice(0, 27)}`;
}
