import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { EventPlan } from '../support/planned-events.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';
import { fill, hasDisk, smallDisk } from '../support/small-disk.js';
import { settledLedger } from '../support/store-ledger.js';
import { StreamProducer } from '../support/stream-producer.js';

const diskBytes = 402_653_184;
const seed = testSeed(20_261_128);
const storedMsMax = 240_000;

/** Of one collector on one disk: what is sent by clients that keep to their credit and connect again. */
function producersOf(collector: CollectorProcess, random: () => number) {
  return ['a', 'b', 'c'].map((name) => {
    const plan = new EventPlan(random, { producer: name, eventsPerFrame: 200, badRatio: 0 });
    const url = () => collector.streamUrl;
    const frame = (seq: number) => plan.frame(seq);
    const producer = new StreamProducer({ name, key: testKey, url, frame, random, repeatRatio: 0, pauseMs: 20 });
    return { plan, producer };
  });
}

test.runIf(hasDisk)('a neighbour that fills the disk again and again loses and doubles nothing', async () => {
  const disk = smallDisk(diskBytes);
  // As where a service manager keeps what it says on the same disk.
  const within = ['sh', '-c', `exec "$@" >> ${disk}/collector.log`, 'sh'];
  const collector = new CollectorProcess({ dataDir: join(disk, 'data'), within });
  await collector.start();
  const sent = producersOf(collector, seededRandom(seed));
  const acknowledged = () => sent.reduce((sum, { producer }) => sum + producer.acknowledged, 0);
  try {
    await expect.poll(async () => (await collector.get<{ status: string }>('/health')).status).toBe('healthy');
    const running = Promise.all(sent.map(({ producer }) => producer.run()));
    for (let round = 0; round < 3; round++) {
      const before = acknowledged();
      await expect.poll(acknowledged, { timeout: storedMsMax }).toBeGreaterThan(before + 60);
      const filling = fill(disk);
      await expect.poll(() => sent.map(({ producer }) => producer.credit)).toEqual([0, 0, 0]);
      // Long enough for what the engine had begun to meet the full disk.
      await sleep(3_000);
      rmSync(filling);
    }
    const before = acknowledged();
    await expect.poll(acknowledged, { timeout: storedMsMax }).toBeGreaterThan(before + 60);
    for (const { producer } of sent) producer.finish();
    await running;
    const totalOf = (what: 'good' | 'executions') => sent.reduce((sum, { plan }) => sum + plan[what], 0);
    const [good, executions] = [totalOf('good'), totalOf('executions')];
    await collector.untilStored(good, '1', storedMsMax);
    const ledger = await settledLedger(collector, good);
    const told = { rows: good, ids: good, executions, minuteTotal: executions, dayTotal: executions };
    expect(ledger, `seed ${seed}`).toEqual(told);
  } finally {
    await collector.kill();
  }
});
