import { expect, onTestFinished, test } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { EventPlan } from '../support/planned-events.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';
import { settledLedger } from '../support/store-ledger.js';
import { StreamProducer } from '../support/stream-producer.js';
import { tempDir } from '../support/temp-dir.js';
import { WireClient } from '../support/wire-client.js';

interface Health {
  readonly status: string;
  readonly dependencies: readonly { readonly name: string; readonly status: string; readonly reason: string | null }[];
  readonly oldest_undelivered_age_ms: number | null;
}

/** A collector whose spool is soon full, and its engine, which may be stopped: both are ended with the test. */
async function startSmallSpool(): Promise<{ readonly collector: CollectorProcess; readonly engine: number }> {
  const collector = new CollectorProcess({
    dataDir: tempDir(),
    env: { TIDEMARK_SPOOL_BYTES_MAX: '16777216', TIDEMARK_SPOOL_SEGMENT_BYTES_MAX: '4194304' },
  });
  await collector.start();
  await expect.poll(() => collector.enginePid()).toBeDefined();
  await collector.query('SELECT 1 AS one');
  const engine = collector.enginePid()!;
  onTestFinished(async () => {
    process.kill(engine, 'SIGCONT');
    await collector.kill();
  });
  return { collector, engine };
}

test('a hanging store fills the spool, credit stops, requests are refused, and all resumes by itself', async () => {
  const random = seededRandom(testSeed(99));
  const { collector, engine } = await startSmallSpool();
  const plans = Array.from(
    { length: 3 },
    (_, index) => new EventPlan(random, { producer: `f${index}`, eventsPerFrame: 500, badRatio: 0 }),
  );
  const producers = plans.map(
    (plan, index) =>
      new StreamProducer({
        name: `f${index}`,
        key: testKey,
        url: () => collector.streamUrl,
        frame: (seq) => plan.frame(seq),
        random,
        repeatRatio: 0,
      }),
  );
  process.kill(engine, 'SIGSTOP');
  const running = Promise.all(producers.map((producer) => producer.run()));
  // What was answered 202 must be there, whenever it is inserted.
  let accepted = 0;
  const post = async () => {
    const response = await fetch(`${collector.url}/v1/events`, {
      method: 'POST',
      body: JSON.stringify({ type: 'log', agent_id: 'refused', message: 'no room' }),
      headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
    });
    if (response.status === 202) accepted++;
    return response;
  };
  await expect.poll(async () => (await post()).status, { timeout: 40_000 }).toBe(503);
  const refused = await post();
  expect([refused.headers.get('retry-after'), ((await refused.json()) as { code: string }).code]).toEqual([
    '1',
    'spool_full',
  ]);
  await expect.poll(() => producers.map((producer) => producer.credit)).toEqual([0, 0, 0]);
  const health = await collector.get<Health>('/health/deep');
  expect(health.dependencies.find(({ name }) => name === 'spool')).toMatchObject({ status: 'unhealthy' });
  expect(health.oldest_undelivered_age_ms).toBeGreaterThan(0);

  for (const producer of producers) producer.finish();
  process.kill(engine, 'SIGCONT');
  await running;
  const good = plans.reduce((sum, plan) => sum + plan.good, 0);
  const executions = plans.reduce((sum, plan) => sum + plan.executions, 0);
  const ledger = await settledLedger(collector, good + accepted);
  // The posts name no task: together they are one id more.
  expect(ledger).toEqual({
    rows: good + accepted,
    ids: good + (accepted > 0 ? 1 : 0),
    executions,
    minuteTotal: executions,
    dayTotal: executions,
  });
  expect((await post()).status).toBe(202);
});

test('a client that keeps to its credit goes on by itself, though nothing it sent was ever refused', async () => {
  const { collector, engine } = await startSmallSpool();
  process.kill(engine, 'SIGSTOP');
  const client = await WireClient.open(collector, '?producer=patient');
  const credit = () => client.received.findLast((message) => message.credit !== undefined)?.credit;
  const message = 'm'.repeat(4_000);
  let seq = 0;
  const send = async () => {
    seq += 1;
    const events = Array.from({ length: 50 }, (_, at) => ({
      type: 'log',
      agent_id: 'a',
      message: `${at}${message}`,
    }));
    client.sendPacked({ seq, events });
    await client.untilAck(seq);
  };
  while (credit() !== 0 && seq < 200) await send();
  expect(credit()).toBe(0);
  process.kill(engine, 'SIGCONT');
  await client.until(() => credit() !== 0);
  await send();
  const ledger = await settledLedger(collector, 50 * seq);
  expect(ledger).toMatchObject({ rows: 50 * seq });
});
