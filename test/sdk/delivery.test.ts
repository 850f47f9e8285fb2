import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { nodeSurroundings } from '../../src/sdk/record/node.js';
import type { TidemarkOptions } from '../../src/sdk/record/options.js';
import { Tidemark } from '../../src/sdk/record/tidemark.js';
import { hello, type Peer, type Script, scriptedCollector } from './scripted-collector.js';
import { eventsOf } from './told-events.js';

function client(url: string, options: TidemarkOptions = {}): Tidemark {
  const tm = new Tidemark(nodeSurroundings, { url, key: 'k', agent: 'a', signals: false, batchAgeMs: 1, ...options });
  onTestFinished(async () => {
    await tm.close({ timeoutMs: 0 });
  });
  return tm;
}

/** What a collector has: the ids of each frame number once, in the order of the numbers. */
class Store {
  readonly #frames = new Map<number, readonly string[]>();
  readonly peers: Peer[] = [];

  take(frame: Parameters<Script['received']>[1]): void {
    this.#frames.set(
      frame.seq,
      eventsOf(frame).map(({ event_id }) => String(event_id)),
    );
  }

  get lastSeq(): number {
    return Math.max(0, ...this.#frames.keys());
  }

  ids(): string[] {
    return [...this.#frames.values()].flat();
  }
}

const isExact = (tm: Tidemark): boolean => {
  const { offered, acked, rejected, dropped, pending } = tm.stats();
  return offered === acked + rejected + dropped + pending && pending >= 0;
};

test('connections that break anywhere lose nothing and double nothing', async () => {
  const store = new Store();
  const collector = await scriptedCollector({
    opened: (peer) => peer.say({ ...hello, last_seq: store.lastSeq }),
    received(peer, frame) {
      store.take(frame);
      if (frame.seq % 7 === 0) peer.cut();
      else peer.say({ op: 'ack', seq: frame.seq });
    },
  });
  const tm = client(collector.url, { batchEventsMax: 20 });
  for (let index = 0; index < 500; index += 1) {
    tm.task(`t${index}`, () => 1);
    if (index % 50 === 0) await sleep(1);
  }
  expect(await tm.flush({ timeoutMs: 20_000 })).toEqual({ acked: 1_000, pending: 0, rejected: 0, dropped: 0 });
  expect(store.ids()).toHaveLength(1_000);
  expect(new Set(store.ids()).size).toBe(1_000);
  expect(tm.stats().resent).toBeGreaterThan(0);
});

test('without credit nothing is sent, a flush says what is pending, and credit sets it going', async () => {
  const store = new Store();
  let peer: Peer | null = null;
  const collector = await scriptedCollector({
    opened(opened) {
      peer = opened;
      opened.say({ ...hello, credit: 0 });
    },
    received(from, frame) {
      store.take(frame);
      from.say({ op: 'ack', seq: frame.seq });
    },
  });
  const tm = client(collector.url);
  tm.task('t', () => 1);
  await expect.poll(() => peer).not.toBeNull();
  expect(await tm.flush({ timeoutMs: 50 })).toEqual({ acked: 0, pending: 2, rejected: 0, dropped: 0 });
  expect(store.ids()).toEqual([]);
  peer!.say({ op: 'credit', credit: 4 });
  expect(await tm.flush({ timeoutMs: 60_000 })).toEqual({ acked: 2, pending: 0, rejected: 0, dropped: 0 });
});

test('what the collector rejects is counted by event, and said once', async () => {
  const collector = await scriptedCollector({
    received(peer, frame) {
      const errors = [{ index: 0, code: 'value_invalid', path: 'name', message: 'no' }];
      peer.say({ op: 'reject', seq: frame.seq, accepted: frame.rows.length - 1, errors });
      peer.say({ op: 'ack', seq: frame.seq });
    },
  });
  const problems: string[] = [];
  const tm = client(collector.url, { onProblem: (text) => problems.push(text) });
  tm.task('t', () => 1);
  expect(await tm.flush({ timeoutMs: 60_000 })).toEqual({ acked: 1, pending: 0, rejected: 1, dropped: 0 });
  expect(problems).toEqual(['an event is refused: value_invalid name no']);
});

test('dropping gives up the oldest unsent events, counts each, and never one that was sent', async () => {
  const store = new Store();
  let peer: Peer | null = null;
  const collector = await scriptedCollector({
    opened(opened) {
      peer = opened;
      opened.say({ ...hello, credit: 1 });
    },
    received: (_peer, frame) => store.take(frame),
  });
  const tm = client(collector.url, { bufferBytesMax: 20_000, batchEventsMax: 10 });
  tm.task('first', () => 1);
  await expect.poll(() => store.ids().length).toBe(2);
  for (let index = 0; index < 2_000; index += 1) tm.log('info', `line ${index}`);
  const { offered, dropped, pending } = tm.stats();
  expect(offered).toBe(2_002);
  expect(dropped).toBeGreaterThan(1_000);
  expect(pending).toBe(offered - dropped);
  peer!.say({ op: 'ack', seq: 1 });
  peer!.say({ op: 'credit', credit: 1_000 });
  await expect.poll(() => store.ids().length).toBe(offered - dropped);
  peer!.say({ op: 'ack', seq: store.lastSeq });
  expect(await tm.flush({ timeoutMs: 60_000 })).toEqual({ acked: offered - dropped, pending: 0, rejected: 0, dropped });
});

test('blocking makes asynchronous work wait for room, and then every event is there once', async () => {
  const store = new Store();
  const collector = await scriptedCollector({
    received(peer, frame) {
      store.take(frame);
      setTimeout(() => peer.say({ op: 'ack', seq: frame.seq }), 2);
    },
  });
  const tm = client(collector.url, { overflow: 'block', bufferBytesMax: 10_000, batchEventsMax: 10 });
  let bufferedMax = 0;
  for (let index = 0; index < 500; index += 1) {
    await tm.task(`t${index}`, async () => 1);
    bufferedMax = Math.max(bufferedMax, tm.stats().pending);
  }
  expect(await tm.flush({ timeoutMs: 20_000 })).toEqual({ acked: 1_000, pending: 0, rejected: 0, dropped: 0 });
  expect(new Set(store.ids()).size).toBe(1_000);
  expect(bufferedMax).toBeLessThan(300);
});

test('what cannot wait is dropped beyond twice the bound, and counted', async () => {
  const collector = await scriptedCollector({ opened: (peer) => peer.say({ ...hello, credit: 0 }), received() {} });
  const tm = client(collector.url, { overflow: 'block', bufferBytesMax: 10_000, batchEventsMax: 10 });
  for (let index = 0; index < 2_000; index += 1) tm.log('info', `line ${index}`);
  expect(tm.stats().dropped).toBeGreaterThan(1_000);
  expect(isExact(tm)).toBe(true);
});

test('a refused key is tried again and said once, and when it is made what was kept is told', async () => {
  let isMade = false;
  let attempts = 0;
  const store = new Store();
  const collector = await scriptedCollector({
    opened(peer) {
      if (isMade) return peer.say(hello);
      attempts += 1;
      peer.say({ op: 'error', code: 'key_invalid', message: 'the key is not known' });
      peer.close(4401);
    },
    received(peer, frame) {
      store.take(frame);
      peer.say({ op: 'ack', seq: frame.seq });
    },
  });
  const problems: string[] = [];
  const onProblem = (text: string) => void problems.push(text);
  const tm = client(collector.url, { onProblem, bufferBytesMax: 10_000, batchEventsMax: 10 });
  for (let index = 0; index < 100; index += 1) tm.log('info', `line ${index}`);
  await expect.poll(() => attempts).toBeGreaterThan(2);
  expect(problems).toEqual(['key_invalid: the key is not known']);
  expect(tm.stats()).toMatchObject({ state: 'connecting', acked: 0 });
  isMade = true;
  const { acked, dropped, pending } = await tm.flush({ timeoutMs: 20_000 });
  expect({ told: acked + dropped, pending }).toEqual({ told: tm.stats().offered, pending: 0 });
  expect(acked).toBeGreaterThan(50);
  expect(store.ids()).toHaveLength(acked);
});

test('a redacted event is not offered', async () => {
  const collector = await scriptedCollector({
    received: (peer, frame) => peer.say({ op: 'ack', seq: frame.seq }),
  });
  const tm = client(collector.url, { redact: ({ labels: _, ...event }) => event });
  tm.task('t', { labels: { secret: 'x' } }, () => 1);
  expect(await tm.flush({ timeoutMs: 60_000 })).toMatchObject({ acked: 2 });
  expect(tm.stats()).toMatchObject({ offered: 2, redacted: 0 });
});
