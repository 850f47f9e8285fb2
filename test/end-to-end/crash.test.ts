import { expect, test } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { EventPlan } from '../support/planned-events.js';
import { randomInteger, seededRandom, testSeed } from '../support/seeded-random.js';
import { settledLedger } from '../support/store-ledger.js';
import { StreamProducer } from '../support/stream-producer.js';
import { tempDir } from '../support/temp-dir.js';

/** The short form runs with every test run; `TIDEMARK_CRASH_KILLS=20` is the long one. */
const kills = Number(process.env.TIDEMARK_CRASH_KILLS ?? 3);
const producerCount = 6;

test(
  `nothing acknowledged is lost or doubled over ${kills} kills of the collector and ${kills} of the engine`,
  async () => {
    const seed = testSeed(20_261_121);
    const random = seededRandom(seed);
    const collector = new CollectorProcess({ isStreamed: true, dataDir: tempDir() });
    await collector.start();
    const plans = Array.from(
      { length: producerCount },
      (_, index) => new EventPlan(random, { producer: `p${index}`, eventsPerFrame: 40, badRatio: 0.05 }),
    );
    const producers = plans.map(
      (plan, index) =>
        new StreamProducer({
          name: `p${index}`,
          key: testKey,
          url: () => collector.streamUrl,
          frame: (seq) => plan.frame(seq),
          random,
          repeatRatio: 0.1,
        }),
    );
    const running = Promise.all(producers.map((producer) => producer.run()));
    try {
      for (let kill = 0; kill < 2 * kills; kill++) {
        await new Promise((resolve) => setTimeout(resolve, randomInteger(random, { min: 100, max: 1_500 })));
        if (kill % 2 === 0) {
          await collector.kill();
          await collector.start();
        } else {
          await expect.poll(() => collector.enginePid()).toBeDefined();
          process.kill(collector.enginePid()!, 'SIGKILL');
        }
      }
      for (const producer of producers) producer.finish();
      await running;
      const good = plans.reduce((sum, plan) => sum + plan.good, 0);
      const executions = plans.reduce((sum, plan) => sum + plan.executions, 0);
      process.stdout.write(`crash test: seed ${seed}, ${good} events over ${2 * kills} kills\n`);
      const ledger = await settledLedger(collector, good);
      expect(ledger, `seed ${seed}`).toEqual({
        rows: good,
        ids: good,
        executions,
        minuteTotal: executions,
        dayTotal: executions,
      });
      expect(producers.flatMap((producer) => producer.ackOrderViolations)).toEqual([]);
      expect(await collector.stop()).toBe(0);
    } finally {
      await collector.kill();
    }
  },
  60_000 + kills * 30_000,
);
