import { exactly } from './figures.js';
import { dueByRate, produce } from './producer.js';
import { framesPerSecond, oneEach, settings } from './settings.js';

/** `rate` events a second for `seconds`, spread over the connections. */
const { connections, seconds, eventsPerFrame, ackMsMax } = settings;
const { total, due } = dueByRate(framesPerSecond, seconds);

export const options = {
  scenarios: { stream: oneEach('stream') },
  thresholds: exactly(connections * total * eventsPerFrame, ackMsMax ?? 500),
};

export function stream() {
  produce({ framesTotal: total, framesDue: due, seconds });
}
