import { createEventsRoute, type EventsRouteOptions } from './events-route.js';
import { RequestFrames } from './request-frames.js';
import { StreamRoute, type StreamRouteDeps } from './stream-route.js';

export interface EntrancesOptions extends EventsRouteOptions {
  readonly bytesInFlightMax: number;
  readonly creditFramesMax: number;
}

/** The two ways in, and what the collector tells itself: they share the bytes that may be under way. */
export function createEntrances(deps: StreamRouteDeps, options: EntrancesOptions) {
  const { frameBytesMax, bytesInFlightMax, creditFramesMax: creditMax } = options;
  const frames = new RequestFrames(deps.pipeline, { bytesInFlightMax });
  const onAnswerForgotten = () => deps.instruments.dedupForgotten.inc({ kind: 'first_answer' }, 1);
  const events = createEventsRoute({ frames, budgets: deps.budgets, onAnswerForgotten }, options);
  const stream = new StreamRoute(deps, { frameBytesMax, bytesInFlightMax, creditMax });
  return { frames, events, stream };
}
