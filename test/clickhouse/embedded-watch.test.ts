import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { EngineHunger } from '../../src/clickhouse/embedded/process/engine-hunger.js';
import type { EngineProcessOptions } from '../../src/clickhouse/embedded/process/engine-process.js';
import type { MemoryShortage } from '../../src/clickhouse/embedded/process/engine-protocol.js';
import { defaultWatch } from '../../src/clickhouse/embedded/process/engine-watch.js';
import { areMergesUnderWay } from '../../src/clickhouse/embedded/process/merges-under-way.js';
import { askChannel, askPort } from '../support/ask-engine.js';
import { crashThread, handlesSignal } from '../support/crash-thread.js';
import { createTestEngine, mustBePid, type TestEngine } from '../support/embedded-engine.js';

/** An engine that is looked at in short turns: whether it hangs, or has much to do. */
async function startEngine(options: Partial<EngineProcessOptions>): Promise<TestEngine> {
  const rig = createTestEngine(options);
  onTestFinished(() => rig.end());
  await rig.engine.start();
  return rig;
}

const onLinux = test.runIf(process.platform === 'linux');

test('an engine that does not answer is ended and started again', async () => {
  // Longer than a machine that does much else stands still: an engine that answers late is not meant.
  const rig = await startEngine({ watch: { pauseMs: 100, silentMsMax: 4_000, secondChanceMsMax: 4_000 } });
  const pid = mustBePid(rig.engine.pid());
  process.kill(pid, 'SIGSTOP');
  await expect.poll(() => rig.restarts).toEqual(['silent']);
  await rig.engine.ready();
  expect(rig.engine.pid()).not.toBe(pid);
  expect((await askChannel(rig, 'SELECT 1')).text).toBe('1\n');
});

onLinux('an engine of which a thread crashed is ended and started again', async () => {
  const rig = await startEngine({ watch: { pauseMs: 100, silentMsMax: 60_000, secondChanceMsMax: 1_000 } });
  const pid = mustBePid(rig.engine.pid());
  expect(crashThread(pid, 'BgSchPool')).toBe(true);
  await expect.poll(() => rig.restarts).toEqual(['fatal']);
  await rig.engine.ready();
  expect(rig.engine.pid()).not.toBe(pid);
  expect((await askChannel(rig, 'SELECT 1')).text).toBe('1\n');
});

test('an engine that is busy is not taken for one that hangs', async () => {
  // An answer may come late on a machine that does much else; one that waits for a read to end comes too late.
  const rig = await startEngine({ watch: { pauseMs: 50, silentMsMax: 5_000, secondChanceMsMax: 5_000 } });
  // Two at a time, and two that wait: longer than an engine may be silent.
  const busy = Array.from({ length: 4 }, () =>
    askPort(rig, 'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)', { query: 'max_execution_time=7' }),
  );
  await Promise.all(busy);
  expect(rig.restarts).toEqual([]);
});

interface HeldStart {
  readonly rig: TestEngine;
  /** Lets it go on. */
  readonly release: () => void;
  readonly started: Promise<void>;
}

/** An engine whose start waits for a file that it reads: a pipe that nobody has written to. */
async function startHeldUp(): Promise<HeldStart> {
  const rig = createTestEngine({ watch: { startPauseMs: 50 } });
  onTestFinished(() => rig.end());
  const directory = join(rig.dataDir, 'db', 'user_defined');
  mkdirSync(directory, { recursive: true });
  const pipe = join(directory, 'function_held.sql');
  execFileSync('mkfifo', [pipe]);
  const started = rig.engine.start();
  started.catch(() => undefined);
  await expect.poll(() => handlesSignal(mustBePid(rig.engine.pid()), 'SIGABRT')).toBe(true);
  return { rig, release: () => writeFileSync(pipe, 'CREATE FUNCTION held AS x -> x'), started };
}

onLinux('an engine of which a thread crashes while it starts is ended, and the start fails', async () => {
  const { rig, started } = await startHeldUp();
  const pid = mustBePid(rig.engine.pid());
  await expect.poll(() => crashThread(pid, 'MemoryWorker')).toBe(true);
  await expect(started).rejects.toMatchObject({
    code: 'engine_start_failed',
    message: 'cannot start the embedded engine: a thread of it crashed',
  });
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

onLinux('a start that takes long is not taken for one of which a thread crashed', async () => {
  const { rig, release, started } = await startHeldUp();
  // Twenty looks; fewer on a busy machine.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  release();
  await started;
  expect((await askChannel(rig, 'SELECT 1')).text).toBe('1\n');
});

/** A table that nobody empties, of many inserts: each takes less than the engine counts at once, and is let through. */
async function leak(rig: TestEngine, mebibytes: number): Promise<void> {
  await askChannel(rig, 'CREATE TABLE leak (text String) ENGINE = Memory');
  for (let written = 0; written < mebibytes; written++) {
    await askChannel(rig, 'INSERT INTO leak SELECT randomString(1024) FROM numbers(1024)');
  }
}

test('an engine whose memory is gone is ended and started again when nothing runs any more', async () => {
  const watch = { pauseMs: 50, silentMsMax: 60_000, starvedProofsMax: 10 };
  const rig = await startEngine({ memoryBytesMax: 400 * 1_048_576, guestQueryMsMax: 600_000, watch });
  const pid = mustBePid(rig.engine.pid());
  const leaves = new AbortController();
  const endless = 'SELECT sleepEachRow(0.1) FROM numbers(1000000)';
  const busy = askPort(rig, endless, {
    user: 'tidemark',
    query: 'max_block_size=1',
    init: { signal: leaves.signal },
  }).catch(() => null);
  await leak(rig, 600);
  const grouped = 'SELECT count() FROM (SELECT number FROM numbers(3000000) GROUP BY number)';
  expect(await askChannel(rig, grouped)).toMatchObject({ code: 241 });
  // Thirty proofs; fewer on a busy machine.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(rig.restarts).toEqual([]);
  expect(rig.engine.pid()).toBe(pid);
  leaves.abort();
  await busy;
  await expect.poll(() => rig.restarts).toEqual(['starved']);
  await rig.engine.ready();
  expect((await askChannel(rig, grouped)).text).toBe('3000000\n');
});

test('a merge under way is seen in the files', async () => {
  const rig = await startEngine({});
  const directory = join(rig.dataDir, 'db');
  await askChannel(rig, 'CREATE TABLE t (text String) ENGINE = MergeTree ORDER BY text');
  await askChannel(rig, 'INSERT INTO t SELECT randomString(30) FROM numbers(1000000)');
  expect(areMergesUnderWay(directory)).toBe(false);
  let isSeen = false;
  // It may be over between two looks.
  while (!isSeen) {
    let isOver = false;
    const merge = askChannel(rig, 'OPTIMIZE TABLE t FINAL').finally(() => {
      isOver = true;
    });
    while (!isOver) {
      isSeen ||= areMergesUnderWay(directory);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await merge).toMatchObject({ code: 0 });
  }
  await expect.poll(() => areMergesUnderWay(directory)).toBe(false);
});

test('memory that is gone counts while nothing runs, and for an engine that had some', () => {
  const hunger = new EngineHunger();
  const proofs = (shortage: MemoryShortage, count: number) =>
    Array.from({ length: count }, () => hunger.after(shortage)).at(-1);
  expect(proofs('idle', 100)).toBe(0);
  expect(proofs('none', 1)).toBe(0);
  // A statement that has it for an hour.
  expect(proofs('in_use', 720)).toBe(0);
  expect(proofs('idle', 12)).toBe(12);
  expect(proofs('in_use', 12)).toBe(12);
  expect(proofs('none', 1)).toBe(0);
  expect(proofs('idle', 24)).toBe(24);
  expect(defaultWatch.starvedProofsMax * defaultWatch.pauseMs).toBe(120_000);
});
