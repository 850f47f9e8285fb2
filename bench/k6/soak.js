import { exactly } from './figures.js';
import { dueByRate, produce } from './producer.js';
import { framesPerSecond, oneEach, settings } from './settings.js';

/**
 * A steady rate for long, over connections that break every half minute: memory and files of the collector are to
 * stay as they are (watch `/metrics`), and a producer that comes back sends again only what is not on disk.
 */
const { connections, seconds, eventsPerFrame, ackMsMax } = settings;
const { total, due } = dueByRate(framesPerSecond, seconds);
const reconnectEveryMs = 30_000;

export const options = {
  scenarios: { stream: oneEach('stream') },
  thresholds: exactly(connections * total * eventsPerFrame, ackMsMax ?? 2_000),
};

export function stream() {
  // Not all of them at once.
  produce({ framesTotal: total, framesDue: due, seconds, reconnectEveryMs: reconnectEveryMs + 777 * (__VU % 10) });
}
