import { exactly } from './figures.js';
import { dueByRate, produce } from './producer.js';
import { framesPerSecond, oneEach, settings } from './settings.js';

/**
 * A tenth of `rate`, the whole of it in the third fifth of `seconds`, then a tenth again: what waits in the spike is
 * acknowledged after it, and nothing is lost.
 */
const { connections, seconds, eventsPerFrame, ackMsMax } = settings;
const spikes = (second) => second >= seconds * 0.4 && second < seconds * 0.6;
const { total, due } = dueByRate((second) => framesPerSecond() * (spikes(second) ? 1 : 0.1), seconds);

export const options = {
  scenarios: { stream: oneEach('stream') },
  thresholds: exactly(connections * total * eventsPerFrame, ackMsMax ?? 5_000),
};

export function stream() {
  produce({ framesTotal: total, framesDue: due, seconds });
}
