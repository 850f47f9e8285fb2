import { expect, test } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { EventPlan } from '../support/planned-events.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';
import { settledLedger } from '../support/store-ledger.js';
import { StreamProducer } from '../support/stream-producer.js';
import { tempDir } from '../support/temp-dir.js';

/** `TIDEMARK_COUNT_EVENTS=2000000` is the long form. */
const events = Number(process.env.TIDEMARK_COUNT_EVENTS ?? 100_000);
const producerCount = 20;
const eventsPerFrame = 200;

test(
  `of ${events} events, 5 % of them bad and 10 % of the frames sent twice, every one is accounted for`,
  async () => {
    const seed = testSeed(7);
    const random = seededRandom(seed);
    const collector = new CollectorProcess({ dataDir: tempDir() });
    await collector.start();
    try {
      const frames = Math.ceil(events / producerCount / eventsPerFrame);
      const plans = Array.from(
        { length: producerCount },
        (_, index) => new EventPlan(random, { producer: `p${index}`, eventsPerFrame, badRatio: 0.05 }),
      );
      const producers = plans.map(
        (plan, index) =>
          new StreamProducer({
            name: `p${index}`,
            key: testKey,
            url: () => collector.streamUrl,
            frame: (seq) => plan.frame(seq),
            framesMax: frames,
            random,
            repeatRatio: 0.1,
          }),
      );
      await Promise.all(producers.map((producer) => producer.run()));
      const good = plans.reduce((sum, plan) => sum + plan.good, 0);
      const bad = plans.reduce((sum, plan) => sum + plan.bad, 0);
      const executions = plans.reduce((sum, plan) => sum + plan.executions, 0);

      const ledger = await settledLedger(collector, good);
      expect(ledger, `seed ${seed}`).toEqual({
        rows: good,
        ids: good,
        executions,
        minuteTotal: executions,
        dayTotal: executions,
      });

      const metrics = await collector.metrics();
      const outcome = (name: string): number => metrics.get(`tidemark_events_total{outcome="${name}"}`) ?? 0;
      expect(outcome('durable')).toBe(good);
      expect(outcome('rejected')).toBe(bad);
      expect(metrics.get('tidemark_events_received_total')).toBe(good + bad + outcome('duplicate'));
      const repeated = producers.reduce((sum, producer) => sum + producer.repeats, 0);
      expect(outcome('duplicate')).toBe(repeated * eventsPerFrame);
      expect(metrics.get('tidemark_events_inserted_total')).toBe(good);

      const rejected = producers.flatMap((producer, index) =>
        [...producer.rejectsBySeq].filter(([seq, accepted]) => plans[index]!.frames[seq - 1]!.good !== accepted),
      );
      expect(rejected, 'a reject names how many events of its frame were accepted').toEqual([]);
      expect(producers.flatMap((producer) => producer.ackOrderViolations)).toEqual([]);
    } finally {
      await collector.stop();
    }
  },
  120_000 + events / 10,
);
