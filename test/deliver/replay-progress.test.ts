import { expect, onTestFinished, test } from 'vitest';
import { silentLogger } from '../../src/core/logger.js';
import { createDelivery } from '../../src/deliver/delivery.js';
import { FakeClock } from '../support/fake-clock.js';
import { ScriptedWriter } from '../support/scripted-segment-writer.js';
import { ScriptedSpool } from '../support/scripted-spool.js';
import { settle } from '../support/spool-rig.js';
import { tempDir } from '../support/temp-dir.js';
import { ToldProgress } from '../support/told-progress.js';

const counter = { inc: () => undefined };
const histogram = { observe: () => undefined };
const instruments = {
  eventsInserted: counter,
  insertBytes: counter,
  insertRetries: counter,
  insertSeconds: histogram,
  freshnessSeconds: histogram,
};

function setUp() {
  const progress = new ToldProgress();
  const clock = new FakeClock();
  const spool = new ScriptedSpool(tempDir());
  const writer = new ScriptedWriter();
  const deps = { reader: spool, writer, clock, random: () => 0.5, logger: silentLogger, instruments, progress };
  const delivery = createDelivery(deps);
  const stop = async () => {
    const stopping = delivery.stop(1_000);
    await settle();
    clock.advance(1_000);
    await stopping;
  };
  onTestFinished(stop);
  return { progress, spool, writer, delivery, stop };
}

test('of what was in the spool at the start it is told how much is in the store, and of nothing else', async () => {
  const { progress, spool, delivery } = setUp();
  // Ten events each.
  spool.close('1');
  spool.close('2');
  await delivery.start();
  await expect.poll(() => spool.released.length).toBe(2);
  spool.close('3');
  await expect.poll(() => spool.released.length).toBe(3);
  expect(progress.told).toEqual([
    'replay of the spool: begins, 20 events',
    'replay of the spool: 10 of 20 events',
    'replay of the spool: 20 of 20 events',
    'replay of the spool: ends',
  ]);
});

test('without a backlog nothing is told, and a stop ends what is told of one', async () => {
  const none = setUp();
  await none.delivery.start();
  expect(none.progress.told).toEqual([]);
  const { progress, spool, writer, delivery, stop } = setUp();
  writer.answer(new Promise(() => undefined));
  spool.close('1');
  await delivery.start();
  await stop();
  expect(progress.told).toEqual(['replay of the spool: begins, 10 events', 'replay of the spool: ends']);
});
