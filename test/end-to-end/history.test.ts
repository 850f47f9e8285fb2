import { expect, test } from 'vitest';
import type { Random } from '../../src/core/clock.js';
import { CollectorProcess } from '../support/collector-process.js';
import { compareAnswers, readAnswers } from '../support/compared-answers.js';
import { historyEndpoints, orphanEndpoints } from '../support/history-endpoints.js';
import { PlannedHistory } from '../support/planned-history.js';
import { randomInteger, seededRandom, testSeed } from '../support/seeded-random.js';
import type { WireEvent } from '../support/sent-history.js';
import { StreamProducer } from '../support/stream-producer.js';
import { tempDir } from '../support/temp-dir.js';

/** The short form runs with every test run; `TIDEMARK_TEST_HISTORY_RUNS=200` is a long one. */
const runs = Number(process.env.TIDEMARK_TEST_HISTORY_RUNS ?? 12);
const dayMs = 86_400_000;
const phases = 4;
/** The second tenant is there so that ids are shared: in the short form it is asked for each third endpoint. */
const secondTenantEvery = runs > 12 ? 1 : 3;
const seed = testSeed(20_261_122);

interface Tenant {
  readonly name: string;
  readonly key: string;
  readonly plan: PlannedHistory;
}

test(
  'a history shuffled, repeated, delayed and split over two producers and a restart is answered as the ordered one',
  async () => {
    process.stdout.write(`history test: seed ${seed}\n`);
    const random = seededRandom(seed);
    const endMs = Date.now() - 60_000;
    const tenants = ['first', 'second'].map((name) => ({
      name,
      key: `tdm_test_key_of_the_${name}_tenant`,
      plan: new PlannedHistory(random, { runs, endMs, spanMs: 5 * dayMs }),
    }));
    const ordered = createCollector(tenants);
    const shuffled = createCollector(tenants);
    const started = [ordered, shuffled];
    try {
      await Promise.all([ordered.start(), shuffled.start()]);
      await Promise.all([sendInOrder(ordered, tenants), sendShuffled(shuffled, tenants, random)]);
      await Promise.all([untilStored(ordered, tenants), untilStored(shuffled, tenants)]);
      for (const [index, tenant] of tenants.entries()) {
        const asked = historyEndpoints(tenant.plan).filter((_, at) => at % (index === 0 ? 1 : secondTenantEvery) === 0);
        await compareAnswers({ ...tenant, seed }, { wanted: ordered, found: shuffled }, asked);
      }
      expect(await Promise.all([ordered.stop(), shuffled.stop()])).toEqual([0, 0]);

      // With a lease that has run out, what was running is orphaned.
      const [orderedLater, shuffledLater] = started.map(({ dataDir }) => createCollector(tenants, dataDir, 1_000));
      const later = { ordered: orderedLater!, shuffled: shuffledLater! };
      started.push(later.ordered, later.shuffled);
      await Promise.all([later.ordered.start(), later.shuffled.start()]);
      for (const tenant of tenants) {
        for (const collector of [later.ordered, later.shuffled]) {
          await expect.poll(() => orphanedTasks(collector, tenant)).toBeGreaterThan(0);
        }
        await compareAnswers({ ...tenant, seed }, { wanted: later.ordered, found: later.shuffled }, orphanEndpoints);
      }
      expect(await Promise.all([later.ordered.stop(), later.shuffled.stop()])).toEqual([0, 0]);
    } finally {
      await Promise.all(started.map((collector) => collector.kill()));
    }
  },
  120_000 + runs * 3_000,
);

/** The usual lease is so long that what is open stays running however slow the machine is. */
function createCollector(tenants: readonly Tenant[], dataDir = tempDir(), leaseMs = 3_600_000): CollectorProcess {
  const keys = tenants.map(({ key, name }) => `${key}:${name}:admin`).join(',');
  return new CollectorProcess({
    dataDir,
    isStreamed: true,
    env: {
      TIDEMARK_API_KEYS: keys,
      TIDEMARK_QUERY_CACHE_MS: '0',
      TIDEMARK_HISTORY_LEASE_MS: String(leaseMs),
      // A daily pass would tell one of the two what recovered.
      TIDEMARK_MAINTENANCE_SCHEDULE: 'off',
    },
  });
}

async function sendInOrder(collector: CollectorProcess, tenants: readonly Tenant[]): Promise<void> {
  const sizeMax = 200;
  for (const { key, plan } of tenants) {
    for (let at = 0; at < plan.events.length; at += sizeMax) {
      const events = plan.events.slice(at, at + sizeMax);
      const response = await fetch(`${collector.url}/v1/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ events }),
      });
      expect(await response.json()).toMatchObject({ accepted: events.length, rejected: 0, duplicates: 0 });
    }
  }
}

/** In phases, each an insert or more of its own; in the second the collector is killed and started again. */
async function sendShuffled(collector: CollectorProcess, tenants: readonly Tenant[], random: Random): Promise<void> {
  const plans = tenants.flatMap(({ name, key, plan }) => {
    const frames = shuffledFrames(plan.events, random);
    return [0, 1].map((half) => ({
      name: `${name}-${half}`,
      key,
      frames: frames.filter((_, index) => index % 2 === half),
    }));
  });
  for (let phase = 1; phase <= phases; phase++) {
    const producers = plans.map(
      ({ name, key, frames }) =>
        new StreamProducer({
          name,
          key,
          url: () => collector.streamUrl,
          frame: (seq) => ({ seq, events: frames[seq - 1]!, good: frames[seq - 1]!.length }),
          framesMax: Math.ceil((frames.length * phase) / phases),
          random: seededRandom(randomInteger(random, { min: 1, max: 1e9 })),
          repeatRatio: 0.2,
        }),
    );
    const streaming = Promise.all(producers.map((producer) => producer.run()));
    if (phase === 2) {
      await expect.poll(() => producers.some(({ acknowledged }) => acknowledged > 0)).toBe(true);
      await collector.kill();
      await collector.start();
    }
    await streaming;
    // A segment is closed by its age meanwhile.
    await new Promise((resolve) => setTimeout(resolve, randomInteger(random, { min: 300, max: 1_200 })));
  }
}

/** Every event once and some of them twice, in any order, in frames of any size. */
function shuffledFrames(events: readonly WireEvent[], random: Random): WireEvent[][] {
  const repeated = events.filter(() => random() < 0.15);
  const order = [...events, ...repeated].map((event) => ({ event, place: random() }));
  const sent = order.sort((a, b) => a.place - b.place).map(({ event }) => event);
  const frames: WireEvent[][] = [];
  while (sent.length > 0) frames.push(sent.splice(0, randomInteger(random, { min: 1, max: 30 })));
  return frames;
}

async function untilStored(collector: CollectorProcess, tenants: readonly Tenant[]): Promise<void> {
  const events = tenants.reduce((sum, { plan }) => sum + plan.events.length, 0);
  await collector.untilStored(events);
}

async function orphanedTasks({ url }: CollectorProcess, { key }: Tenant): Promise<number> {
  const [answer] = await readAnswers(`${url}/api/v1/monitoring/tasks?status=orphaned`, key, false);
  return (answer as { readonly total?: number }).total ?? 0;
}
