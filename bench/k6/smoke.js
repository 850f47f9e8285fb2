import { check } from 'k6';
import { Counter, Trend } from 'k6/metrics';
import { WebSocket } from 'k6/websockets';
import { createFleet } from '../../src/cli/fleet.js';
import { seededRandom } from '../../src/cli/seeded-random.js';
import { unpackMessage } from '../../src/core/msgpack.js';
import { encodeFrame, stampSeq } from '../../src/sdk/frame-encoder.js';

/**
 * Streams to a running collector with the frames of the SDK, and fails when an event is not acknowledged or an ack
 * takes too long. Bundled by esbuild (`npm run k6`), because k6 does not resolve packages.
 *
 * TIDEMARK_URL (ws://…), TIDEMARK_KEY; K6_CONNECTIONS, K6_FRAMES a connection, K6_EVENTS a frame.
 */
const connections = Number(__ENV.K6_CONNECTIONS || 5);
const framesPerConnection = Number(__ENV.K6_FRAMES || 200);
const eventsPerFrame = Number(__ENV.K6_EVENTS || 100);
const eventsExpected = connections * framesPerConnection * eventsPerFrame;
/** Fewer than credit allows: with full credit the latency would be that of the queue before the collector. */
const inFlightMax = 8;
/** A stream that is not finished by then is closed, and what it lacks counts as lost. */
const streamMsMax = 60_000;

const eventsSent = new Counter('tidemark_events_sent');
const eventsAcknowledged = new Counter('tidemark_events_acknowledged');
const eventsRejected = new Counter('tidemark_events_rejected');
const eventsLost = new Counter('tidemark_events_lost');
const ackLatency = new Trend('tidemark_ack_latency', true);

export const options = {
  scenarios: { stream: { executor: 'per-vu-iterations', vus: connections, iterations: 1, maxDuration: '90s' } },
  thresholds: {
    checks: ['rate==1'],
    tidemark_events_sent: [`count==${eventsExpected}`],
    tidemark_events_acknowledged: [`count==${eventsExpected}`],
    tidemark_events_rejected: ['count==0'],
    tidemark_events_lost: ['count==0'],
    tidemark_ack_latency: ['p(99)<2000'],
  },
};

/** A few frames, encoded before the clock runs and numbered when they are sent. */
function encodeFrames() {
  const random = seededRandom(__VU);
  const fleet = createFleet(random, { agents: 5, token: `k6-${__VU}-${Date.now().toString(36)}` });
  const events = [];
  for (let turn = 0; events.length < 10 * eventsPerFrame; turn += 1) {
    // Ids would repeat when a frame is sent again; without them the collector takes each event as new.
    for (const { event_id: _, ...event } of fleet[turn % fleet.length].nextRun(Date.now())) events.push(event);
  }
  return Array.from({ length: 10 }, (_, index) =>
    encodeFrame(events.slice(index * eventsPerFrame, (index + 1) * eventsPerFrame)),
  );
}

export default function stream() {
  const frames = encodeFrames();
  const producer = `k6-${__VU}-${Date.now().toString(36)}`;
  const socket = new WebSocket(`${__ENV.TIDEMARK_URL}/v1/stream?producer=${producer}`, null, {
    headers: { Authorization: `Bearer ${__ENV.TIDEMARK_KEY}` },
  });
  socket.binaryType = 'arraybuffer';
  const sentAt = [];
  let credit = 0;
  let acknowledged = 0;
  let problem = '';

  const pump = () => {
    while (sentAt.length < framesPerConnection && sentAt.length - acknowledged < Math.min(credit, inFlightMax)) {
      const seq = sentAt.push(Date.now());
      socket.send(stampSeq(frames[seq % frames.length], seq).slice().buffer);
      eventsSent.add(eventsPerFrame);
    }
    if (acknowledged === framesPerConnection) socket.close();
  };
  const acknowledge = (seq) => {
    for (; acknowledged < seq; acknowledged += 1) {
      ackLatency.add(Date.now() - sentAt[acknowledged]);
      eventsAcknowledged.add(eventsPerFrame);
    }
  };

  const timeout = setTimeout(() => socket.close(), streamMsMax);
  socket.onmessage = ({ data }) => {
    const message = typeof data === 'string' ? JSON.parse(data) : unpackMessage(new Uint8Array(data));
    if (message.op === 'hello' || message.op === 'credit') credit = message.credit;
    else if (message.op === 'ack') acknowledge(message.seq);
    else if (message.op === 'reject') eventsRejected.add(eventsPerFrame - message.accepted);
    else problem = JSON.stringify(message);
    pump();
  };
  socket.onerror = (error) => {
    problem = String(error.error);
  };
  socket.onclose = () => {
    clearTimeout(timeout);
    eventsRejected.add(0);
    eventsLost.add((sentAt.length - acknowledged) * eventsPerFrame);
    check(problem, { 'the stream ended without a problem': (text) => text === '' });
  };
}
