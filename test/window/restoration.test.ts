import { expect, test } from 'vitest';
import { silentLogger } from '../../src/core/logger.js';
import type { SpoolStats } from '../../src/core/ports/spool-reader.js';
import type { WindowRestoreRow } from '../../src/core/window-restore.js';
import { createLiveWindows } from '../../src/window/live-windows.js';
import { WindowRestoration } from '../../src/window/window-restoration.js';
import { defaultWindowLimits } from '../support/default-config.js';
import { FakeClock } from '../support/fake-clock.js';
import { settle } from '../support/spool-rig.js';
import { ToldProgress } from '../support/told-progress.js';
import { CountingCounter, sliceOf } from './window-slices.js';

/** Counts of the live windows after a start: what the store holds, what has come since, and nothing twice. */

const minuteMs = 60_000;

function rowOf(tenant: string, agentId: string, completed: number, startMs: number): WindowRestoreRow {
  const {
    sliceMs: _slice,
    durationBuckets: _buckets,
    ...slice
  } = sliceOf(startMs, [1], { tenant, agentId, completed });
  return { ...slice, startMs, spanMs: minuteMs };
}

function createRestoration(
  pages: (onAgents: (done: number, total: number) => void) => AsyncIterable<readonly WindowRestoreRow[]>,
  progress = new ToldProgress(),
) {
  const clock = new FakeClock();
  const startedMs = clock.nowMs();
  const instruments = { keysEvicted: new CountingCounter(), eventsLate: new CountingCounter() };
  const windows = createLiveWindows({ clock, logger: silentLogger, instruments }, defaultWindowLimits);
  const spool = { oldestReceivedMs: null as number | null };
  const asked: number[] = [];
  const restoration = new WindowRestoration(
    {
      readPages: (receivedBeforeMs, onAgents) => {
        asked.push(receivedBeforeMs);
        return pages(onAgents);
      },
      progress,
      windows,
      spool: { stats: () => ({ ...spool }) as SpoolStats },
      clock,
      logger: silentLogger,
    },
    { startedMs: () => startedMs },
  );
  const total = (tenant: string, agentId: string) => windows.snapshot(tenant, agentId, '15m')?.total;
  const pass = async (ms: number) => {
    await settle(3);
    clock.advance(ms);
    await settle(3);
  };
  return { clock, startedMs, windows, spool, asked, restoration, total, pass };
}

test('the store is asked only when the spool holds nothing any more of what came before the start', async () => {
  const at = Date.UTC(2026, 0, 15, 11, 55);
  const { restoration, spool, startedMs, asked, total, pass } = createRestoration(async function* () {
    yield [rowOf('acme', 'a', 3, at)];
  });
  spool.oldestReceivedMs = startedMs - 1;
  await restoration.start();
  for (let round = 0; round < 20; round++) await pass(200);
  expect(asked).toEqual([]);
  // What has come since the start is in the windows already, whether it is inserted or not.
  spool.oldestReceivedMs = startedMs;
  await pass(200);
  expect(asked).toEqual([startedMs]);
  expect(total('acme', 'a')).toBe(3);
  await restoration.stop();
});

test('a restoration that fails half-way counts every agent once when it begins again', async () => {
  const at = Date.UTC(2026, 0, 15, 11, 55);
  let attempts = 0;
  const { restoration, total, windows, startedMs, asked, pass } = createRestoration(async function* () {
    yield [rowOf('acme', 'a', 3, at), rowOf('acme', 'a', 4, at + minuteMs), rowOf('globex', 'a', 20, at)];
    if (++attempts < 3) throw new Error('the store is away');
    yield [rowOf('acme', 'b', 5, at)];
  });
  windows.add([sliceOf(startedMs, [1, 1], { agentId: 'a' })]);
  await restoration.start();
  for (let round = 0; round < 4; round++) await pass(2_000);
  expect(asked).toHaveLength(3);
  expect([total('acme', 'a'), total('globex', 'a'), total('acme', 'b')]).toEqual([9, 20, 5]);
  await restoration.stop();
});

test('a restoration is begun once and ends with the stop, whatever it waits for', async () => {
  const { restoration, spool, startedMs, asked, pass } = createRestoration(async function* () {});
  spool.oldestReceivedMs = startedMs - 1;
  await restoration.start();
  await restoration.start();
  const stopped = restoration.stop();
  spool.oldestReceivedMs = null;
  await pass(200);
  await stopped;
  await pass(10_000);
  expect(asked).toEqual([]);
});

test('how many agents of how many are restored is told, also when the store goes away meanwhile', async () => {
  const at = Date.UTC(2026, 0, 15, 11, 55);
  const progress = new ToldProgress();
  let isAway = true;
  const { restoration, pass } = createRestoration(async function* (onAgents) {
    onAgents(0, 2);
    yield [rowOf('acme', 'a', 3, at)];
    onAgents(1, 2);
    if (isAway) throw new Error('the store is away');
    yield [rowOf('acme', 'b', 3, at)];
  }, progress);
  await restoration.start();
  await pass(200);
  isAway = false;
  await pass(2_000);
  const once = ['begins, nobody knows how many agents', '0 of 2 agents', '1 of 2 agents', 'ends'];
  expect(progress.told).toEqual([...once, ...once].map((line) => `restore of the live windows: ${line}`));
  await restoration.stop();
});
