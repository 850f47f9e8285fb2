import { renameSync, truncateSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { CollectorError } from '../../src/core/errors.js';
import type { DeliverInstruments } from '../../src/core/instruments.js';
import { silentLogger } from '../../src/core/logger.js';
import { createDelivery, type Delivery, defaultDeliveryOptions } from '../../src/deliver/delivery.js';
import { FakeClock } from '../support/fake-clock.js';
import { ScriptedWriter } from '../support/scripted-segment-writer.js';
import { ScriptedSpool } from '../support/scripted-spool.js';
import { tempDir } from '../support/temp-dir.js';

function countingInstruments() {
  const counts: Record<string, number> = {};
  const observed: Record<string, number[]> = {};
  const counter = (name: string) => ({
    inc(by: number | object = 1, labelled = 1) {
      const key = typeof by === 'number' ? name : `${name}:${Object.values(by).join()}`;
      counts[key] = (counts[key] ?? 0) + (typeof by === 'number' ? by : labelled);
    },
  });
  const histogram = (name: string) => ({
    observe(value: number) {
      observed[name] = [...(observed[name] ?? []), value];
    },
  });
  const instruments: DeliverInstruments = {
    eventsInserted: counter('events'),
    insertBytes: counter('bytes'),
    insertRetries: counter('retries'),
    insertSeconds: histogram('seconds'),
    freshnessSeconds: histogram('freshness'),
  };
  return { instruments, counts, observed };
}

function setUp() {
  const clock = new FakeClock();
  const spool = new ScriptedSpool(tempDir());
  const writer = new ScriptedWriter();
  const metrics = countingInstruments();
  const { instruments } = metrics;
  const delivery = createDelivery(
    { reader: spool, writer, clock, random: () => 0.5, logger: silentLogger, instruments },
    { ...defaultDeliveryOptions, lagMsMax: 60_000 },
  );
  onTestFinished(() => stopped(delivery, clock));
  return { clock, spool, writer, delivery, ...metrics };
}

async function stopped(delivery: Delivery, clock: FakeClock): Promise<void> {
  const stopping = delivery.stop(1000);
  await settle();
  clock.advance(1000);
  await stopping;
}

/** Lets promises and the file system come to rest. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Until `condition` holds; the test's own time limit is what ends it otherwise. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Lets backoff after backoff pass until `condition` holds. */
async function untilRetried(clock: FakeClock, condition: () => boolean): Promise<void> {
  while (!condition()) {
    await settle();
    clock.advance(defaultDeliveryOptions.backoff.delayMsMax);
  }
}

const unreachable = () => new CollectorError('store_unreachable', 'cannot insert: connection refused');
const overloaded = () => new CollectorError('store_overloaded', 'cannot insert: too many parts');
const rejected = () => new CollectorError('store_rejected', 'cannot insert: no such column');

test('segments closed before and after the start are inserted in order, one at a time, and released', async () => {
  const { spool, writer, delivery } = setUp();
  spool.close('1');
  spool.close('2');
  await delivery.start();
  await until(() => spool.released.length === 2);
  spool.close('3');
  spool.close('4');
  await until(() => spool.released.length === 4);
  expect(writer.inserted).toEqual(['1', '2', '3', '4']);
  expect(spool.released).toEqual(['1', '2', '3', '4']);
  expect(writer.runningMost).toBe(1);
});

test('a segment closed while another is inserted is not forgotten', async () => {
  const { spool, writer, delivery } = setUp();
  let finish: () => void = () => undefined;
  writer.answer(new Promise((resolve) => (finish = resolve)));
  await delivery.start();
  spool.close('1');
  await until(() => writer.attempts.length === 1);
  spool.close('2');
  finish();
  await until(() => spool.released.length === 2);
});

test('when it was received is told of what is being inserted, until the store has it', async () => {
  const { clock, spool, writer, delivery } = setUp();
  let finish: () => void = () => undefined;
  writer.answer(overloaded(), new Promise((resolve) => (finish = resolve)));
  spool.close('1', { receivedMs: 1_000 });
  expect(delivery.inserting).toBeNull();
  await delivery.start();
  await untilRetried(clock, () => writer.attempts.length === 2);
  expect(delivery.inserting).toEqual({ fromMs: 1_000, toMs: 1_001 });
  finish();
  await until(() => spool.released.length === 1);
  expect(delivery.inserting).toBeNull();
});

test('nothing is told of a segment of which no batch can be read', async () => {
  const { spool, writer, delivery } = setUp();
  let finish: () => void = () => undefined;
  writer.answer(new Promise((resolve) => (finish = resolve)));
  spool.close('1', { receivedMs: null });
  await delivery.start();
  await until(() => writer.attempts.length === 1);
  expect(delivery.inserting).toBeNull();
  finish();
  await until(() => spool.released.length === 1);
});

test('what is inserted is counted, with its duration and the age of its first event', async () => {
  const { clock, spool, writer, delivery, counts, observed } = setUp();
  let finish: () => void = () => undefined;
  writer.answer(new Promise((resolve) => (finish = resolve)));
  spool.close('1', { bytes: 321, receivedMs: clock.nowMs() - 1500 });
  await delivery.start();
  await until(() => writer.attempts.length === 1);
  clock.advance(250);
  finish();
  await until(() => spool.released.length === 1);
  expect(counts).toEqual({ events: 10, bytes: 321 });
  expect(observed).toEqual({ seconds: [0.25], freshness: [1.75] });
});

test('a store that is away or overloaded is tried again for as long as it takes, and nothing is given up', async () => {
  const { clock, spool, writer, delivery, counts } = setUp();
  writer.answer(...Array.from({ length: 50 }, (_, attempt) => (attempt % 2 === 0 ? unreachable() : overloaded())));
  spool.close('1');
  await delivery.start();
  await untilRetried(clock, () => spool.released.length === 1);
  expect(writer.attempts).toHaveLength(51);
  expect(spool.quarantined).toEqual([]);
  expect(counts).toMatchObject({ 'retries:store_unreachable': 25, 'retries:store_overloaded': 25, events: 10 });
});

test('the wait between attempts grows and is not cut short by new segments', async () => {
  const { clock, spool, writer, delivery } = setUp();
  writer.answer(unreachable(), unreachable());
  spool.close('1');
  await delivery.start();
  await until(() => clock.pendingTimers() === 1);
  spool.close('2');
  clock.advance(149);
  await settle();
  expect(writer.attempts).toHaveLength(1);
  clock.advance(1);
  await until(() => writer.attempts.length === 2);
  await until(() => clock.pendingTimers() === 1);
  clock.advance(249);
  await settle();
  expect(writer.attempts).toHaveLength(2);
  clock.advance(1);
  await until(() => spool.released.length === 2);
});

test('a segment the store refuses for good is quarantined after a second refusal, and the next goes on', async () => {
  const { clock, spool, writer, delivery, counts } = setUp();
  writer.answer(rejected(), rejected());
  spool.close('bad');
  spool.close('good');
  await delivery.start();
  await untilRetried(clock, () => spool.released.length === 1);
  expect(writer.attempts).toEqual(['bad', 'bad', 'good']);
  expect(spool.quarantined).toEqual([{ id: 'bad', reason: 'store_rejected' }]);
  expect(spool.released).toEqual(['good']);
  expect(counts).toMatchObject({ 'retries:store_rejected': 1, events: 10 });
  expect(delivery.health()).toMatchObject({ status: 'healthy', details: { quarantined_segments: 1 } });
});

test('a refusal that does not repeat itself is forgotten: only two in a row quarantine', async () => {
  const { clock, spool, writer, delivery } = setUp();
  writer.answer(rejected(), unreachable(), rejected(), overloaded());
  spool.close('1');
  await delivery.start();
  await untilRetried(clock, () => spool.released.length === 1);
  expect(spool.quarantined).toEqual([]);
});

test('a defect of the writer is retried, because giving up would lose events', async () => {
  const { clock, spool, writer, delivery, counts } = setUp();
  writer.answer(new TypeError('undefined is not a function'));
  spool.close('1');
  await delivery.start();
  await untilRetried(clock, () => spool.released.length === 1);
  expect(counts).toMatchObject({ 'retries:internal': 1 });
});

test('a file that is cut or gone is looked at again, then quarantined as corrupt, and never sent', async () => {
  const { clock, spool, writer, delivery, counts } = setUp();
  spool.close('cut', { bytes: 100 });
  truncateSync(spool.peek()?.dataPath ?? '', 99);
  spool.close('gone', { file: 'missing' });
  spool.close('whole');
  await delivery.start();
  await untilRetried(clock, () => spool.released.length === 1);
  expect(writer.attempts).toEqual(['whole']);
  expect(counts).toMatchObject({ 'retries:segment_unreadable': 18 });
  expect(spool.quarantined).toEqual([
    { id: 'cut', reason: 'corrupt' },
    { id: 'gone', reason: 'corrupt' },
  ]);
});

test('a file that is missing for a moment is inserted when it is back', async () => {
  const { clock, spool, delivery } = setUp();
  spool.close('1');
  const path = spool.peek()?.dataPath ?? '';
  renameSync(path, `${path}.away`);
  await delivery.start();
  await until(() => delivery.health().details.attempts === 1);
  renameSync(`${path}.away`, path);
  await untilRetried(clock, () => spool.released.length === 1);
  expect(spool.quarantined).toEqual([]);
});

test('what the store has of a segment that is put aside goes with it', async () => {
  const { clock, spool, writer, delivery } = setUp();
  const refused = () => new CollectorError('store_rejected', 'cannot insert');
  writer.answer(refused());
  writer.answer(refused());
  writer.arrived.set('1', 'the raw rows');
  spool.close('1');
  await delivery.start();
  await untilRetried(clock, () => spool.quarantined.length === 1);
  expect(spool.arrived).toEqual(['the raw rows']);
});

test('a spool that cannot release yet is asked again, without inserting again', async () => {
  const { clock, spool, writer, delivery } = setUp();
  spool.failures.push(new CollectorError('spool_failed', 'cannot sync'), new Error('EIO'));
  spool.close('1');
  await delivery.start();
  await untilRetried(clock, () => spool.released.length === 1);
  expect(writer.inserted).toEqual(['1']);
});

test('health is degraded during retries, says since when and how old the oldest event is, and recovers', async () => {
  const { clock, spool, writer, delivery } = setUp();
  expect(delivery.health()).toMatchObject({ name: 'delivery', status: 'healthy', reason: null });
  const failedMs = clock.nowMs();
  writer.answer(unreachable(), unreachable());
  spool.close('1', { receivedMs: failedMs - 5_000 });
  await delivery.start();
  await until(() => clock.pendingTimers() === 1);
  clock.advance(100);
  expect(delivery.health()).toEqual({
    name: 'delivery',
    status: 'degraded',
    reason: 'cannot insert: connection refused',
    details: {
      retrying_since: new Date(failedMs).toISOString(),
      attempts: 1,
      error_code: 'store_unreachable',
      oldest_event_age_ms: 5_100,
      undelivered_events: 10,
      undelivered_segments: 1,
      quarantined_segments: 0,
      quarantined_events: 0,
    },
  });
  await untilRetried(clock, () => spool.released.length === 1);
  expect(delivery.health()).toMatchObject({ status: 'healthy', reason: null, details: { retrying_since: null } });
});

test('health is degraded when the oldest event is too old, although no insert has failed', async () => {
  const { clock, spool, writer, delivery } = setUp();
  writer.answer(new Promise<void>(() => undefined));
  spool.close('1', { receivedMs: clock.nowMs() });
  await delivery.start();
  await until(() => writer.attempts.length === 1);
  expect(delivery.health().status).toBe('healthy');
  clock.advance(60_001);
  expect(delivery.health()).toMatchObject({ status: 'degraded', reason: 'the oldest undelivered event is 60 s old' });
});

test('stop lets the insert under way finish and be released, and starts no other', async () => {
  const { spool, writer, delivery } = setUp();
  let finish: () => void = () => undefined;
  writer.answer(new Promise((resolve) => (finish = resolve)));
  spool.close('1');
  spool.close('2');
  await delivery.start();
  await until(() => writer.attempts.length === 1);
  const stopping = delivery.stop(1000);
  finish();
  await stopping;
  expect(spool.released).toEqual(['1']);
  expect(writer.attempts).toEqual(['1']);
});

test('stop returns at its deadline when the store does not answer', async () => {
  const { clock, spool, writer, delivery } = setUp();
  writer.answer(new Promise<void>(() => undefined));
  spool.close('1');
  await delivery.start();
  await until(() => writer.attempts.length === 1);
  const stopping = delivery.stop(1000);
  await settle();
  clock.advance(1000);
  await stopping;
  expect(spool.released).toEqual([]);
});

test('stop ends a wait between attempts at once and leaves the segment for the next start', async () => {
  const { clock, spool, writer, delivery } = setUp();
  writer.answer(unreachable());
  spool.close('1');
  await delivery.start();
  await until(() => clock.pendingTimers() === 1);
  await delivery.stop(1000);
  expect(writer.attempts).toHaveLength(1);
  expect(spool.peek()?.id).toBe('1');
  expect(clock.pendingTimers()).toBe(0);
});

test('stop is safe before the start, twice, and while there is nothing to do', async () => {
  const { spool, writer, delivery } = setUp();
  await delivery.stop(1000);
  await delivery.start();
  spool.close('1');
  await settle();
  expect(writer.attempts).toEqual([]);
  const idle = setUp();
  await idle.delivery.start();
  await idle.delivery.stop(1000);
  await idle.delivery.stop(1000);
});

test('what needs delivery to stand still runs between two inserts, and events wait for it', async () => {
  const { spool, writer, delivery } = setUp();
  let finishInsert: () => void = () => undefined;
  let finishWork: () => void = () => undefined;
  writer.answer(new Promise((resolve) => (finishInsert = resolve)));
  spool.close('1');
  spool.close('2');
  await delivery.start();
  await until(() => writer.attempts.length === 1);
  const seen: string[][] = [];
  const held = delivery.whileHeld(async () => {
    seen.push([...spool.released]);
    await new Promise<void>((resolve) => (finishWork = resolve));
    seen.push([...writer.attempts]);
    return 'done';
  });
  await settle();
  expect(seen).toEqual([]);
  finishInsert();
  await until(() => seen.length === 1);
  await settle();
  finishWork();
  expect(await held).toBe('done');
  await until(() => spool.released.length === 2);
  // The first segment was complete before, the second was not begun meanwhile.
  expect(seen).toEqual([['1'], ['1']]);
});

test('work that fails lets delivery go on, and the failure reaches who asked', async () => {
  const { spool, delivery } = setUp();
  await delivery.start();
  await expect(delivery.whileHeld(() => Promise.reject(overloaded()))).rejects.toMatchObject({
    code: 'store_overloaded',
  });
  spool.close('1');
  await until(() => spool.released.length === 1);
});

test('what an earlier process has left is delivered before anything holds deliveries', async () => {
  const { spool, delivery } = setUp();
  spool.close('found');
  spool.isChecking = true;
  await delivery.start();
  const held = delivery.whileHeld(async () => [...spool.released]);
  await settle();
  spool.checked();
  expect(await held).toEqual(['found']);
});

test('nothing is held while an insert is retried, because its rows may be there in part', async () => {
  const { clock, spool, writer, delivery } = setUp();
  const work = () => Promise.reject(new Error('must not run'));
  let failInsert: () => void = () => undefined;
  writer.answer(new Promise((_, reject) => (failInsert = () => reject(unreachable()))), unreachable());
  spool.close('1');
  await delivery.start();
  await until(() => writer.attempts.length === 1);
  const waiting = delivery.whileHeld(work);
  failInsert();
  await expect(waiting).rejects.toMatchObject({ code: 'store_unreachable' });
  await expect(delivery.whileHeld(work)).rejects.toMatchObject({ code: 'store_unreachable' });
  await untilRetried(clock, () => spool.released.length === 1);
  expect(await delivery.whileHeld(async () => 'again')).toBe('again');
});
