import { expect, test } from 'vitest';
import { StoreStartup } from '../../src/clickhouse/store-startup.js';
import { CollectorError } from '../../src/core/errors.js';
import { silentLogger } from '../../src/core/logger.js';
import type { Stage } from '../../src/core/stage.js';
import { FakeClock } from '../support/fake-clock.js';

const backoff = { delayMsMin: 100, delayMsMax: 1_000 };

/** A store of stages that fail as often as they are told to. */
function setUp(failures: Readonly<Record<string, number>>) {
  const clock = new FakeClock();
  const done: string[] = [];
  const left = new Map(Object.entries(failures));
  const stages = Object.keys(failures).map(
    (name): Stage => ({
      name,
      async start() {
        done.push(`start ${name}`);
        const more = left.get(name) ?? 0;
        left.set(name, more - 1);
        if (more > 0) throw new CollectorError('store_unreachable', `cannot reach ${name}`);
      },
      async stop() {
        done.push(`stop ${name}`);
      },
    }),
  );
  const startup = new StoreStartup({ clock, random: () => 1, logger: silentLogger }, stages, backoff);
  const pass = async (ms: number) => {
    await settle();
    clock.advance(ms);
    await settle();
  };
  return { clock, done, startup, pass };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test('each stage is tried with growing pauses until it has started, and those after it wait', async () => {
  const { startup, done, pass } = setUp({ engine: 0, schema: 2, deliver: 0 });
  expect(startup.health().details).toEqual({ ready: false, attempts: 0 });
  await startup.start();
  await pass(199);
  expect(done).toEqual(['start engine', 'start schema']);
  expect(startup.health()).toEqual({
    name: 'schema',
    status: 'degraded',
    reason: 'cannot reach schema',
    details: { ready: false, attempts: 2 },
  });
  await pass(1);
  await pass(399);
  expect([done.length, startup.ready]).toEqual([3, false]);
  await pass(1);
  expect(done).toEqual(['start engine', 'start schema', 'start schema', 'start schema', 'start deliver']);
  expect(startup.health()).toMatchObject({ status: 'healthy', reason: null, details: { ready: true, attempts: 3 } });
});

test('a stop ends the wait for the store at once, and stops what was never started as well', async () => {
  const { startup, done, clock, pass } = setUp({ engine: 0, schema: 9, deliver: 0 });
  await startup.start();
  await pass(0);
  await startup.stop(1_000);
  expect(done).toEqual(['start engine', 'start schema', 'stop deliver', 'stop schema', 'stop engine']);
  await pass(10_000);
  expect([done.length, startup.ready, clock.pendingTimers()]).toEqual([5, false, 0]);
});

test('a stage that comes up after the stop has given it up starts nothing after it', async () => {
  const { clock, done } = setUp({});
  let finish = () => {};
  const slow: Stage = {
    name: 'schema',
    start: () => new Promise((resolve) => (finish = resolve)),
  };
  const later: Stage = { name: 'deliver', start: async () => void done.push('start deliver') };
  const startup = new StoreStartup({ clock, random: () => 1, logger: silentLogger }, [slow, later], backoff);
  await startup.start();
  const stopped = startup.stop(1_000);
  await settle();
  clock.advance(1_000);
  await stopped;
  finish();
  await settle();
  expect([done, startup.ready]).toEqual([[], false]);
});
