import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Acknowledgement, ClientError, ClientOptions, Rejection } from '../../src/sdk/client-options.js';
import { createTidemarkClient } from '../../src/sdk/create-client.js';
import type { TidemarkEvent } from '../../src/sdk/event.js';
import { hello, Ledger, type ReceivedFrame, scriptedCollector } from './scripted-collector.js';

const eventNumber = (index: number): TidemarkEvent => ({
  type: 'task.completed',
  agent_id: 'agent-1',
  task_id: `task-${index}`,
  event_id: `event-${String(index).padStart(5, '0')}`,
  duration_ms: index,
});

const expectedIds = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => String(eventNumber(index).event_id));

function client(options: Partial<ClientOptions> & { readonly url: string }) {
  const created = createTidemarkClient({
    key: 'secret',
    producer: 'p',
    batchAgeMsMax: 1,
    reconnectMsMin: 1,
    reconnectMsMax: 5,
    ...options,
  });
  onTestFinished(async () => {
    await created.close(0);
  });
  return created;
}

test('a batch goes out as one positional frame with its number first and is forgotten when acknowledged', async () => {
  const frames: { readonly frame: ReceivedFrame; readonly bytes: Uint8Array }[] = [];
  const collector = await scriptedCollector({
    received(peer, frame, bytes) {
      frames.push({ frame, bytes: bytes.slice() });
      peer.say({ op: 'ack', seq: frame.seq });
    },
  });
  const acks: Acknowledgement[] = [];
  const sender = client({ url: collector.url, onAck: (ack) => acks.push(ack) });
  expect(sender.trySend(eventNumber(0))).toBe('queued');
  expect(sender.trySend({ type: 'heartbeat', agent_id: 'agent-2', ts: new Date(1_700_000_000_000) })).toBe('queued');
  await sender.flush();

  expect(frames).toHaveLength(1);
  expect([...frames[0]!.bytes.subarray(0, 5)]).toEqual([0x83, 0xa3, 0x73, 0x65, 0x71]);
  expect(frames[0]!.frame).toEqual({
    seq: 1,
    columns: ['type', 'agent_id', 'task_id', 'event_id', 'duration_ms', 'ts'],
    rows: [
      ['task.completed', 'agent-1', 'task-0', 'event-00000', 0, null],
      ['heartbeat', 'agent-2', null, null, null, 1_700_000_000_000],
    ],
  });
  expect(collector.peers[0]).toMatchObject({ producer: 'p', authorization: 'Bearer secret' });
  expect(acks).toEqual([{ seq: 1, events: 2, latencyMs: expect.any(Number) }]);
  expect(sender.stats()).toMatchObject({ eventsQueued: 2, eventsAcknowledged: 2, eventsUnacknowledged: 0 });
});

test('a connection that breaks before acks costs nothing: what follows last_seq is resent, numbers kept', async () => {
  const ledger = new Ledger();
  let durable = 0;
  const collector = await scriptedCollector({
    opened: (peer) => peer.say({ ...hello, last_seq: durable }),
    received(peer, frame) {
      ledger.add(peer, frame);
      durable = Math.max(durable, frame.seq - 2);
      // Each of the first five connections dies after some frames, some of them durable but not acknowledged.
      if (peer.number <= 5 && frame.seq >= peer.number * 6) peer.cut();
      else if (frame.seq % 3 === 0) peer.say({ op: 'ack', seq: frame.seq });
      if (frame.seq === 40) peer.say({ op: 'ack', seq: 40 });
    },
  });
  const errors: ClientError[] = [];
  const sender = client({ url: collector.url, batchEventsMax: 10, onError: (error) => errors.push(error) });
  for (let index = 0; index < 400; index += 1) await sender.send(eventNumber(index));
  await sender.flush();

  expect(ledger.eventIds()).toEqual(expectedIds(400));
  expect(ledger.duplicates).toBeGreaterThan(0);
  expect(collector.peers).toHaveLength(6);
  expect(errors.map((error) => [error.code, error.retryable])).toEqual(Array(5).fill(['connection_lost', true]));
  expect(sender.stats()).toMatchObject({
    eventsAcknowledged: 400,
    eventsUnacknowledged: 0,
    framesSent: expect.any(Number),
  });
});

test('frames under way never exceed the credit; credit 0 stops them and new credit resumes', async () => {
  let unacknowledged = 0;
  let highest = 0;
  let sawStop = false;
  const collector = await scriptedCollector({
    opened: (peer) => peer.say({ ...hello, credit: 3 }),
    received(peer, frame) {
      unacknowledged += 1;
      highest = Math.max(highest, unacknowledged);
      if (frame.seq === 3) {
        peer.say({ op: 'credit', credit: 0 });
        peer.say({ op: 'ack', seq: 3 });
        unacknowledged -= 3;
        setTimeout(() => {
          sawStop = unacknowledged === 0;
          peer.say({ op: 'credit', credit: 2 });
        }, 50);
      } else if (frame.seq > 3) {
        unacknowledged -= 1;
        peer.say({ op: 'ack', seq: frame.seq });
      }
    },
  });
  const sender = client({ url: collector.url, batchEventsMax: 1 });
  for (let index = 0; index < 30; index += 1) sender.trySend(eventNumber(index));
  await sender.flush();
  expect(highest).toBe(3);
  expect(sawStop).toBe(true);
  expect(sender.stats()).toMatchObject({ eventsAcknowledged: 30, credit: 2, framesResent: 0 });
});

test('rejected events are told once, with the event, although the frame is resent and rejected again', async () => {
  const collector = await scriptedCollector({
    received(peer, frame) {
      const errors = [
        { index: 1, code: 'field_range', path: 'duration_ms', message: 'negative' },
        { index: 2, code: 'field_unknown', path: 'colour', message: 'ignored' },
      ];
      peer.say({ op: 'reject', seq: frame.seq, accepted: 2, errors });
      if (peer.number === 1) setTimeout(() => peer.cut(), 20);
      else peer.say({ op: 'ack', seq: frame.seq });
    },
  });
  const rejections: Rejection[] = [];
  const sender = client({ url: collector.url, onReject: (rejection) => rejections.push(rejection) });
  for (let index = 0; index < 3; index += 1) sender.trySend(eventNumber(index));
  await sender.flush();
  expect(collector.peers).toHaveLength(2);
  expect(rejections).toEqual([
    { event: eventNumber(1), code: 'field_range', path: 'duration_ms', message: 'negative', kept: false },
    { event: eventNumber(2), code: 'field_unknown', path: 'colour', message: 'ignored', kept: true },
  ]);
  expect(sender.stats()).toMatchObject({ eventsAcknowledged: 3, eventsRejected: 1 });
});

test('acks that repeat or go back change nothing', async () => {
  const collector = await scriptedCollector({
    received(peer, frame) {
      peer.say({ op: 'ack', seq: frame.seq });
      peer.say({ op: 'ack', seq: frame.seq });
      peer.say({ op: 'ack', seq: 1 });
      peer.say({ op: 'a word of a later version', seq: 99 });
    },
  });
  const acknowledged: number[] = [];
  const sender = client({ url: collector.url, batchEventsMax: 2, onAck: (ack) => acknowledged.push(ack.seq) });
  for (let index = 0; index < 20; index += 1) sender.trySend(eventNumber(index));
  await sender.flush();
  expect(acknowledged).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(sender.stats()).toMatchObject({ eventsAcknowledged: 20, eventsUnacknowledged: 0 });
});

test('an error that cannot pass by itself ends the client and is named; one that can is retried', async () => {
  const collector = await scriptedCollector({
    received(peer) {
      const code = peer.number === 1 ? 'spool_full' : 'seq_regressed';
      peer.say({ op: 'error', code, message: 'as told' });
      peer.close(peer.number === 1 ? 4503 : 4422);
    },
  });
  const errors: [string, boolean][] = [];
  const sender = client({ url: collector.url, onError: (error) => errors.push([error.code, error.retryable]) });
  sender.trySend(eventNumber(0));
  await expect(sender.flush()).rejects.toMatchObject({ code: 'seq_regressed', retryable: false });
  expect(errors).toEqual([
    ['spool_full', true],
    ['seq_regressed', false],
  ]);
  expect(sender.trySend(eventNumber(1))).toBe('closed');
  expect(await sender.close()).toEqual({ eventsUnacknowledged: 1 });
});

test('a refused key ends the client, a collector that is not there yet does not', async () => {
  const statuses = [503, 401];
  const server = createServer().on('upgrade', (_request, socket) => {
    socket.end(`HTTP/1.1 ${statuses.shift()} No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  const errors: [string, boolean][] = [];
  const sender = client({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    onError: (error) => errors.push([error.code, error.retryable]),
  });
  sender.trySend(eventNumber(0));
  await expect(sender.flush()).rejects.toMatchObject({ code: 'key_invalid' });
  expect(errors).toEqual([
    ['connection_lost', true],
    ['key_invalid', false],
  ]);
});

test('a quota that is spent is not now: frames are kept, and the next connection comes when it was told', async () => {
  const ledger = new Ledger();
  const since: number[] = [];
  const collector = await scriptedCollector({
    opened(peer) {
      since.push(performance.now());
      if (peer.number > 1) return peer.say(hello);
      peer.say({ op: 'error', code: 'event_quota_spent', message: 'as told', retry_after: 1 });
      peer.close(4429);
    },
    received(peer, frame) {
      ledger.add(peer, frame);
      peer.say({ op: 'ack', seq: frame.seq });
    },
  });
  const errors: [string, boolean][] = [];
  const sender = client({ url: collector.url, onError: (error) => errors.push([error.code, error.retryable]) });
  sender.trySend(eventNumber(0));
  await sender.flush();
  expect(errors).toEqual([['event_quota_spent', true]]);
  expect(since[1]! - since[0]!).toBeGreaterThan(950);
  expect([ledger.eventIds().length, ledger.duplicates]).toEqual([1, 0]);
});

test('a key that is a function is asked before each connection, and a refused one is not the last', async () => {
  const collector = await scriptedCollector({
    opened(peer) {
      if (peer.authorization === 'Bearer new') return peer.say(hello);
      peer.say({ op: 'error', code: 'key_rotated', message: 'as told' });
      peer.close(4401);
    },
    received: (peer, { seq }) => peer.say({ op: 'ack', seq }),
  });
  const keys = ['old', 'new'];
  const sender = client({ url: collector.url, key: () => keys.shift() ?? '' });
  sender.trySend(eventNumber(0));
  await sender.flush();
  expect(collector.peers.map(({ authorization }) => authorization)).toEqual(['Bearer old', 'Bearer new']);
  const fixed = client({ url: collector.url, key: 'old' });
  fixed.trySend(eventNumber(0));
  await expect(fixed.flush()).rejects.toMatchObject({ code: 'key_rotated', retryable: false });
});

test('a refused upgrade is named as its answer names it', async () => {
  const body = JSON.stringify({ code: 'certificate_missing', title: 'there is none' });
  const server = createServer().on('upgrade', (_request, socket) => {
    socket.end(`HTTP/1.1 403 No\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const sender = client({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  sender.trySend(eventNumber(0));
  const told = { code: 'certificate_missing', retryable: false, message: 'cannot stream: there is none' };
  await expect(sender.flush()).rejects.toMatchObject(told);
});

test('a full buffer is an outcome: trySend says full, send waits for room, everything arrives once', async () => {
  const ledger = new Ledger();
  const held: (() => void)[] = [];
  let holding = true;
  const collector = await scriptedCollector({
    received(peer, frame) {
      ledger.add(peer, frame);
      const ack = () => peer.say({ op: 'ack', seq: frame.seq });
      if (holding) held.push(ack);
      else ack();
    },
  });
  const sender = client({ url: collector.url, batchEventsMax: 1, bufferFramesMax: 4, waitingSendsMax: 2 });
  const outcomes = [0, 1, 2, 3, 4].map((index) => sender.trySend(eventNumber(index)));
  expect(outcomes).toEqual(['queued', 'queued', 'queued', 'queued', 'full']);
  const waiting = [4, 5].map((index) => sender.send(eventNumber(index)));
  expect(await sender.send(eventNumber(6))).toBe('full');
  holding = false;
  while (ledger.eventIds().length < 4) await new Promise((resolve) => setTimeout(resolve, 1));
  for (const ack of held) ack();
  expect(await Promise.all(waiting)).toEqual(['queued', 'queued']);
  await sender.flush();
  expect(ledger.eventIds()).toEqual(expectedIds(6));
});

test('a client whose producer is known continues the numbers, and stops when somebody else has used them', async () => {
  const seqs: number[] = [];
  const collector = await scriptedCollector({
    opened: (peer) => peer.say({ ...hello, last_seq: peer.number === 1 ? 41 : 50 }),
    received(peer, frame) {
      seqs.push(frame.seq);
      peer.cut();
    },
  });
  const sender = client({ url: collector.url });
  sender.trySend(eventNumber(0));
  await expect(sender.flush()).rejects.toMatchObject({ code: 'producer_conflict' });
  expect(seqs).toEqual([42]);
});

test('an event that cannot be encoded or is larger than a frame is named and does not hold up its batch', async () => {
  const ledger = new Ledger();
  const collector = await scriptedCollector({
    opened: (peer) => peer.say({ ...hello, max_frame_bytes: 2_000 }),
    received(peer, frame) {
      ledger.add(peer, frame);
      peer.say({ op: 'ack', seq: frame.seq });
    },
  });
  const rejections: Rejection[] = [];
  const sender = client({
    url: collector.url,
    batchAgeMsMax: 200,
    onReject: (rejection) => rejections.push(rejection),
  });
  while (sender.stats().credit === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const endless: Record<string, unknown> = {};
  endless.inputs = endless;
  for (let index = 0; index < 100; index += 1) {
    if (index === 20) sender.trySend({ ...eventNumber(1000), message: 'x'.repeat(3_000) });
    if (index === 70) sender.trySend({ ...eventNumber(1001), ...endless } as TidemarkEvent);
    sender.trySend(eventNumber(index));
  }
  await sender.flush();
  expect(ledger.eventIds()).toEqual(expectedIds(100));
  expect(rejections.map(({ event, code }) => [event.event_id, code])).toEqual([
    ['event-01000', 'event_unsendable'],
    ['event-01001', 'event_unsendable'],
  ]);
});

test('a peer that falls silent is given up and the frames go to the next connection', async () => {
  const collector = await scriptedCollector({
    received(peer, frame) {
      if (peer.number > 1) peer.say({ op: 'ack', seq: frame.seq });
    },
  });
  // The pong of the first connection is held back by pausing its socket.
  const sender = client({ url: collector.url, silenceMsMax: 60 });
  while (collector.peers.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  collector.peers[0]!.pause();
  sender.trySend(eventNumber(0));
  await sender.flush();
  expect(collector.peers.length).toBeGreaterThan(1);
});
