import { createHash } from 'node:crypto';
import { CollectorError, type ErrorCode } from '../core/errors.js';
import type { DecodedFrame } from '../core/event-batch.js';
import type { HttpReply, HttpRequest, HttpRoute, Principal } from '../core/ports.js';
import { problem, RequestProblem } from '../core/problem.js';
import { eventsOperation, idempotencyKeyCharactersMax } from './events-operation.js';
import type { Admission, FrameOrigin, FrameResult } from './frame-origin.js';
import { inflateBody, parseFormat } from './http-body.js';
import type { IngestPipeline } from './pipeline.js';

export interface EventsRouteOptions {
  /** Bytes of a body, as sent and when inflated. */
  readonly frameBytesMax: number;
  /** Bytes received and not answered, over all connections, above which a request is turned away. */
  readonly bytesInFlightMax: number;
}

/** `POST /v1/events`: one body is one frame; the answer comes when it is on disk. */
export function createEventsRoute(deps: { readonly pipeline: IngestPipeline }, options: EventsRouteOptions): HttpRoute {
  const { pipeline } = deps;
  return {
    method: 'POST',
    path: '/v1/events',
    scope: 'ingest',
    bodyBytesMax: options.frameBytesMax,
    operation: eventsOperation,
    async handle(request, principal) {
      if (pipeline.stalled) throw new CollectorError('spool_full', 'the spool is full; send the request again later');
      if (pipeline.bytesInFlight >= options.bytesInFlightMax) {
        throw new CollectorError(
          'overloaded',
          'more events are under way than the collector may hold; send again later',
        );
      }
      const format = parseFormat(request.headers.get('content-type'));
      const bytes = await inflateBody(request, options.frameBytesMax);
      const result = await new Promise<FrameResult>((resolve, reject) => {
        const origin = new RequestOrigin(principal, parseProducer(request), { resolve, reject });
        pipeline.submit({ origin, bytes, format, duplicate: false });
      });
      return reply(result);
    },
  };
}

/**
 * A request with an `Idempotency-Key` is a producer with the one frame 1, so that its memory is the
 * producers': durable, bounded, carried over a restart. The key is hashed, since it may be long or personal.
 */
function parseProducer(request: HttpRequest): string {
  const key = request.headers.get('idempotency-key');
  if (key === undefined) return '';
  if (key === '' || key.length > idempotencyKeyCharactersMax) {
    throw new RequestProblem('parameter_invalid', 'the Idempotency-Key header is empty or too long', [
      { path: 'Idempotency-Key', code: 'string_too_long', message: `1 to ${idempotencyKeyCharactersMax} characters` },
    ]);
  }
  return `http:${createHash('sha256').update(key).digest('base64url')}`;
}

interface Settle {
  readonly resolve: (result: FrameResult) => void;
  readonly reject: (error: CollectorError) => void;
}

/** One request's frame. Numbers inside the body mean nothing here: only the header makes a retry safe. */
class RequestOrigin implements FrameOrigin {
  readonly tenant: string;
  readonly contentAllowed: boolean;
  readonly producer: string;
  readonly waits = false;
  readonly #settle: Settle;
  #faulted = false;

  constructor(principal: Principal, producer: string, settle: Settle) {
    this.tenant = principal.tenant;
    this.contentAllowed = principal.contentAllowed;
    this.producer = producer;
    this.#settle = settle;
  }

  get faulted(): boolean {
    return this.#faulted;
  }

  admit(frame: DecodedFrame, lastSeq: number): Admission {
    if (frame.fault !== null) return { kind: 'refuse', ...frame.fault };
    if (this.producer === '') return { kind: 'append', seq: 0 };
    return lastSeq >= 1 ? { kind: 'duplicate', seq: 1 } : { kind: 'append', seq: 1 };
  }

  acknowledge(result: FrameResult): void {
    this.#settle.resolve(result);
  }

  condemn(_code: ErrorCode): void {}

  refuse(code: ErrorCode, message: string): void {
    this.#faulted = true;
    this.#settle.reject(new CollectorError(code, message));
  }

  flush(): void {}
}

/** 202 when anything was accepted; a request of which every event is bad is a 400 that names them. */
function reply(result: FrameResult): HttpReply {
  const { frame, duplicate, duplicateEvents } = result;
  const { accepted, rejected, errors } = frame;
  if (accepted === 0 && rejected > 0) {
    const items = errors.map((error) => ({
      ...error,
      path: error.path === '' ? `events.${error.index}` : `events.${error.index}.${error.path}`,
    }));
    return problem(errors[0]?.code ?? 'frame_shape', {
      detail: `none of ${rejected} events could be accepted`,
      errors: items,
    });
  }
  const body = { accepted, rejected, duplicates: duplicate ? accepted : duplicateEvents, errors };
  return {
    status: 202,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: `${JSON.stringify(body)}\n`,
  };
}
