import type { HttpReply, HttpRoute } from '../core/ports.js';
import { problem } from '../core/problem.js';
import { eventsOperation } from './events-operation.js';
import type { FrameResult } from './frame-origin.js';
import { inflateBody, parseFormat } from './http-body.js';
import { type RequestFrames, requestProducer } from './request-frames.js';

export interface EventsRouteOptions {
  /** Bytes of a body, as sent and when inflated. */
  readonly frameBytesMax: number;
}

/** `POST /v1/events`: one body is one frame; the answer comes when it is on disk. */
export function createEventsRoute(deps: { readonly frames: RequestFrames }, options: EventsRouteOptions): HttpRoute {
  const { frames } = deps;
  return {
    method: 'POST',
    path: '/v1/events',
    scope: 'ingest',
    byUser: true,
    bodyBytesMax: options.frameBytesMax,
    operation: eventsOperation,
    async handle(request, principal) {
      frames.mustHaveRoom();
      const format = parseFormat(request.headers.get('content-type'));
      const bytes = await inflateBody(request, options.frameBytesMax);
      const producer = requestProducer(request.headers.get('idempotency-key'));
      return reply(await frames.submit({ principal, producer, bytes, format }));
    },
  };
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
