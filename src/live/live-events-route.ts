import type { Clock } from '../core/clock.js';
import { CollectorError } from '../core/errors.js';
import type { LiveInstruments } from '../core/instruments.js';
import type { Principal } from '../core/ports/authenticator.js';
import type { HttpReply, HttpRequest, HttpRoute } from '../core/ports/http-route.js';
import { EventStream } from './event-stream.js';
import type { LiveHub } from './live-hub.js';
import { liveParameters, parseLiveQuery } from './live-query.js';

export interface LiveEventsDeps {
  readonly hub: LiveHub;
  readonly clock: Clock;
  readonly instruments: LiveInstruments;
}

/** `GET /api/v1/live/events`: the messages of `/api/v1/live` as Server-Sent Events, for `curl -N` and proxies. */
export function createLiveEventsRoute(deps: LiveEventsDeps): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/live/events',
    scope: 'read',
    byUser: true,
    longLived: true,
    operation: {
      id: 'streamLiveEvents',
      tag: 'live',
      summary: 'What happens now, as Server-Sent Events: a snapshot, then events and the progress of runs',
      query: liveParameters,
      answer: { kind: 'other', contentTypes: ['text/event-stream'] },
      errors: ['subscribers_exhausted'],
    },
    handle: (request, principal) => answer(deps, request, principal),
  };
}

const headers = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  // A proxy that collects an answer before it passes it on would hold events back.
  'x-accel-buffering': 'no',
};

function answer({ hub, clock, instruments }: LiveEventsDeps, request: HttpRequest, principal: Principal): HttpReply {
  const query = parseQuery(request.query, principal, instruments);
  if (request.method === 'HEAD') return { status: 200, headers };
  const stream = new EventStream(clock);
  const subscriber = hub.subscribe(principal.tenant, query, stream);
  stream.open({ onWanted: () => subscriber.drained(), onClosed: () => hub.unsubscribe(subscriber) });
  if (request.signal.aborted) stream.close();
  else request.signal.addEventListener('abort', () => stream.close(), { once: true });
  return { status: 200, headers, body: stream };
}

function parseQuery(query: URLSearchParams, { user = null }: Principal, instruments: LiveInstruments) {
  try {
    return parseLiveQuery(query, user);
  } catch (error) {
    if (error instanceof CollectorError) instruments.refused.inc({ reason: error.code });
    throw error;
  }
}
