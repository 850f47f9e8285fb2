import { Counter, Trend } from 'k6/metrics';
import { WebSocket } from 'k6/websockets';
import { exactly } from './figures.js';
import { agentsOf } from './fleet-frames.js';
import { connectionNumber, dueByRate, produce } from './producer.js';
import { framesPerSecond, graceMs, oneEach, settings } from './settings.js';

/**
 * Every connection sends events and watches its own agents live: what it is shown and what it is told was dropped add
 * up to what was acknowledged.
 */
const { connections, seconds, eventsPerFrame, ackMsMax } = settings;
const { total, due } = dueByRate(framesPerSecond, seconds);

const shown = new Counter('tidemark_live_events');
const dropped = new Counter('tidemark_live_events_dropped');
const missed = new Counter('tidemark_live_events_missed');
/** From the receipt of an event by the collector to its coming to a subscriber. */
const delay = new Trend('tidemark_live_delay', true);

export const options = {
  scenarios: { watch: oneEach('watch') },
  thresholds: {
    ...exactly(connections * total * eventsPerFrame, ackMsMax ?? 1_000),
    tidemark_live_events_missed: ['count==0'],
    tidemark_live_delay: ['p(99)<1000'],
  },
};

export function watch() {
  const filter = agentsOf(connectionNumber()).map((agent) => `agent_id=${agent}`);
  const socket = new WebSocket(`${settings.httpUrl.replace(/^http/, 'ws')}/api/v1/live?${filter.join('&')}`, null, {
    headers: { Authorization: `Bearer ${settings.key}` },
  });
  let seen = 0;
  /** Known when the stream has ended. */
  let expected = null;
  const endWhenSeen = () => expected !== null && seen >= expected && socket.close();

  socket.onopen = () =>
    produce({
      framesTotal: total,
      framesDue: due,
      seconds,
      onEnd: (acknowledged) => {
        expected = acknowledged;
        setTimeout(() => socket.close(), graceMs);
        endWhenSeen();
      },
    });
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.op === 'events') {
      seen += message.events.length;
      shown.add(message.events.length);
      // One of a message is enough: they come together, and a figure of each event would cost more than the event.
      delay.add(Date.now() - Date.parse(message.events[0].received));
    }
    if (message.op === 'dropped') {
      seen += message.count;
      dropped.add(message.count);
    }
    endWhenSeen();
  };
  socket.onclose = () => missed.add(Math.abs((expected ?? total * eventsPerFrame) - seen));
}
