import { exactly } from './figures.js';
import { produce } from './producer.js';
import { oneEach, settings } from './settings.js';

/** Each connection sends `frames` frames as fast as eight in flight allow, and every event is acknowledged. */
const { connections, frames, eventsPerFrame, ackMsMax } = settings;
/** Fewer than credit allows: with full credit the latency would be that of the queue before the collector. */
const inFlightMax = 8;

export const options = {
  scenarios: { stream: oneEach('stream') },
  thresholds: exactly(connections * frames * eventsPerFrame, ackMsMax ?? 2_000),
};

export function stream() {
  produce({
    framesTotal: frames,
    framesDue: (_, acknowledged) => acknowledged + inFlightMax,
    seconds: settings.seconds,
  });
}
