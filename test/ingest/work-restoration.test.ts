import { afterEach, expect, test, vi } from 'vitest';
import { silentLogger } from '../../src/core/logger.js';
import { WorkMemory } from '../../src/ingest/work/work-memory.js';
import { WorkRestoration } from '../../src/ingest/work/work-restoration.js';
import { FakeClock } from '../support/fake-clock.js';

const nowMs = 1_000_000;
const count = 30_000;

function restorationOf(memory: WorkMemory): WorkRestoration {
  const remembered = Array.from({ length: count }, (_, at) => ({
    ...{ tenant: 't', run: '', agent: 'a', task: String(at + 1), step: '', attempt: 1, startedMs: 100, endedMs: null },
  }));
  return new WorkRestoration(
    {
      spool: { stats: () => ({ oldestReceivedMs: null }) as never },
      clock: new FakeClock(nowMs),
      logger: silentLogger,
      work: memory,
      keysOf: ({ task }) => ({ key: Number(task), alias: 0, runKey: 0 }),
      read: async () => remembered,
    },
    { startedMs: () => nowMs, openAgeMsMax: 60_000 },
  );
}

function createMemory(): WorkMemory {
  const limits = { openStartsMax: 2 * count, openStartsAgeMsMax: nowMs, recentEndsMax: 1_024 };
  return new WorkMemory({ ...limits, onForgotten: () => {} });
}

/** Acknowledgements go out in such turns of the event loop. */
let isOver = false;
afterEach(() => {
  isOver = true;
});

test('what is taken over from before a restart leaves turns to acknowledgements', async () => {
  const memory = createMemory();
  const seen = new Set<number>();
  const look = () => {
    seen.add(memory.openCount);
    if (!isOver) setImmediate(look);
  };
  look();
  await restorationOf(memory).start();
  await vi.waitFor(() => expect(memory.openCount).toBe(count), 60_000);
  expect(seen.size).toBeGreaterThan(10);
});

test('a stop ends it midway', async () => {
  const memory = createMemory();
  const restoration = restorationOf(memory);
  await restoration.start();
  await restoration.stop();
  expect(memory.openCount).toBeLessThan(count);
});
