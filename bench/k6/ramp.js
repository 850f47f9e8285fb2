import { exactly } from './figures.js';
import { dueByRate, produce } from './producer.js';
import { framesPerSecond, oneEach, settings } from './settings.js';

/** From nothing to `rate` events a second, evenly over `seconds`: where acknowledgements begin to wait, and on whom. */
const { connections, seconds, eventsPerFrame, ackMsMax } = settings;
const { total, due } = dueByRate((second) => (framesPerSecond() * second) / seconds, seconds);

export const options = {
  scenarios: { stream: oneEach('stream') },
  thresholds: exactly(connections * total * eventsPerFrame, ackMsMax ?? 2_000),
};

export function stream() {
  produce({ framesTotal: total, framesDue: due, seconds });
}
