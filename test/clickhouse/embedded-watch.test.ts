import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import type { WatchOptions } from '../../src/clickhouse/embedded/process/engine-watch.js';
import { loadNativeCalls } from '../../src/clickhouse/embedded/sandbox/native-calls.js';
import { askChannel, askPort } from '../support/ask-engine.js';
import { createTestEngine, mustBePid, type TestEngine } from '../support/embedded-engine.js';

/** An engine that is looked at in short turns: whether it hangs, or has much to do. */
async function startEngine(options: { readonly watch: WatchOptions }): Promise<TestEngine> {
  const rig = createTestEngine(options);
  onTestFinished(() => rig.end());
  await rig.engine.start();
  return rig;
}

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

/** A signal that ends other programs stops one thread of the engine: the rest answer that it shuts down, and go on. */
function crashThread(pid: number): void {
  const threads = `/proc/${pid}/task`;
  const nameOf = (thread: string) => readFileSync(`${threads}/${thread}/comm`, 'utf8').trim();
  const crashing = readdirSync(threads).find((thread) => nameOf(thread) === 'BgSchPool');
  const tgkill = process.arch === 'arm64' ? 131 : 234;
  loadNativeCalls().syscall('tgkill', tgkill, pid, Number(crashing), constants.signals.SIGABRT);
}

test.runIf(process.platform === 'linux')('an engine of which a thread crashed is ended and started again', async () => {
  const rig = await startEngine({ watch: { pauseMs: 100, silentMsMax: 60_000, secondChanceMsMax: 1_000 } });
  const pid = mustBePid(rig.engine.pid());
  crashThread(pid);
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
