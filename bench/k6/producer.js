import { check } from 'k6';
import exec from 'k6/execution';
import { WebSocket } from 'k6/websockets';
import { unpackMessage } from '../../src/core/msgpack.js';
import { figures } from './figures.js';
import { framesOf } from './fleet-frames.js';
import { graceMs, settings } from './settings.js';

const pumpMs = 10;
/** k6 drops a message that comes before it has noted that the connection is open, and the greeting is the first. */
const greetingMsMax = 2_000;
const reconnectMs = 250;

/**
 * One connection that sends frames when they are due, within the credit it is given, and what was not acknowledged
 * again after a reconnect, from the number on that the collector says it holds.
 *
 * `framesDue(elapsedMs, acknowledged)` tells how many frames are due so far; `framesTotal` ends the stream, or the
 * deadline, half a minute after `seconds`; with `reconnectEveryMs` the client itself breaks its connection that often;
 * `onEnd(eventsAcknowledged)` is called once.
 */
export function produce({ framesTotal, framesDue, seconds, reconnectEveryMs, onEnd }) {
  const connection = connectionNumber();
  const frames = framesOf(connection);
  const producer = `k6-${settings.token}-${connection}`;
  const url = `${settings.streamUrl}/v1/stream?producer=${producer}`;
  const state = { dueAt: [], sent: 0, sentMax: 0, acknowledged: 0, credit: 0, problem: '', ended: false, socket: null };
  const beganAt = Date.now();
  const deadline = beganAt + seconds * 1_000 + graceMs;

  const acknowledge = (seq) => {
    const now = Date.now();
    for (; state.acknowledged < seq; state.acknowledged += 1) {
      figures.ackLatency.add(now - state.dueAt[state.acknowledged]);
      figures.acknowledged.add(settings.eventsPerFrame);
    }
  };
  const noteDue = (now) => {
    const due = Math.min(framesTotal, framesDue(now - beganAt, state.acknowledged));
    while (state.dueAt.length < due) state.dueAt.push(now);
  };
  const send = () => {
    while (state.sent < state.dueAt.length && state.sent - state.acknowledged < state.credit) {
      state.sent += 1;
      state.socket.send(frameOf(frames, state.sent));
    }
    if (state.sent > state.sentMax) figures.sent.add((state.sent - state.sentMax) * settings.eventsPerFrame);
    state.sentMax = Math.max(state.sentMax, state.sent);
  };
  const end = () => {
    if (state.ended) return;
    state.ended = true;
    state.socket.close();
    figures.rejected.add(0);
    figures.lost.add((framesTotal - state.acknowledged) * settings.eventsPerFrame);
    check(state.problem, { 'the stream ended without a problem': (text) => text === '' });
    if (state.problem !== '') console.error(`${producer}: ${state.problem}`);
    onEnd?.(state.acknowledged * settings.eventsPerFrame);
  };
  const take = (message) => {
    if (message.op === 'hello') {
      // What a lost connection left unacknowledged is on disk up to here, and is sent again from there on.
      acknowledge(message.last_seq);
      state.sent = message.last_seq;
    }
    if (message.op === 'hello' || message.op === 'credit') state.credit = message.credit;
    else if (message.op === 'ack') acknowledge(message.seq);
    else if (message.op === 'reject') figures.rejected.add(settings.eventsPerFrame - message.accepted);
    else state.problem = JSON.stringify(message);
  };
  const connect = () => {
    const socket = new WebSocket(url, null, { headers: { Authorization: `Bearer ${settings.key}` } });
    let greeted = false;
    socket.binaryType = 'arraybuffer';
    state.socket = socket;
    state.credit = 0;
    const ungreeted = setTimeout(() => greeted || socket.close(), greetingMsMax);
    const renewal = reconnectEveryMs ? setTimeout(() => socket.close(), reconnectEveryMs) : null;
    socket.onmessage = ({ data }) => {
      if (state.socket !== socket || state.ended) return;
      const message = typeof data === 'string' ? JSON.parse(data) : unpackMessage(new Uint8Array(data));
      greeted = true;
      take(message);
      noteDue(Date.now());
      send();
    };
    socket.onerror = ({ error }) => console.warn(`${producer}: ${error}`);
    socket.onclose = () => {
      clearTimeout(ungreeted);
      if (renewal !== null) clearTimeout(renewal);
      if (state.ended) return;
      state.credit = 0;
      figures.reconnects.add(1);
      setTimeout(() => state.ended || connect(), reconnectMs);
    };
  };
  const pump = () => {
    const now = Date.now();
    noteDue(now);
    send();
    if (state.problem !== '' || state.acknowledged >= framesTotal || now > deadline) end();
    else setTimeout(pump, pumpMs);
  };
  connect();
  pump();
}

/** Of this run of the script within its scenario, from 0 on. */
export function connectionNumber() {
  return exec.scenario.iterationInTest;
}

/** The same number gives the same events, so that a frame can be sent again. */
function frameOf(frames, seq) {
  const frame = frames[seq % frames.length];
  frame.patch({ seq, firstEvent: (seq - 1) * settings.eventsPerFrame, nowMs: Date.now() });
  return frame.bytes.slice().buffer;
}

/** `framesPerSecond(second)` integrated in steps of a tenth: how many frames are due after so many milliseconds. */
export function dueByRate(framesPerSecond, seconds) {
  const steps = [0];
  for (let step = 0; step < seconds * 10; step += 1) steps.push(steps[step] + framesPerSecond(step / 10) / 10);
  const total = Math.floor(steps.at(-1) + 1e-6);
  return {
    total,
    due: (elapsedMs) => {
      const at = Math.min(elapsedMs / 100, steps.length - 1);
      const step = Math.floor(at);
      const next = steps[Math.min(step + 1, steps.length - 1)];
      return Math.floor(steps[step] + (next - steps[step]) * (at - step) + 1e-6);
    },
  };
}
