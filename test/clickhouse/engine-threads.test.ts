import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';
import { EngineStore } from '../support/engine-store.js';

describe.skipIf(process.platform !== 'linux')('threads of the embedded engine (needs /proc)', () => {
  it('look for work of a table more and more seldom when there is none', async () => {
    const store = await EngineStore.withSchema();
    onTestFinished(() => store.end());
    const pid = store.test.engine.pid() ?? 0;
    const wakesInFourSeconds = async () => {
      const before = wakesOfDelays(pid);
      await sleep(4_000);
      return wakesOfDelays(pid) - before;
    };
    // By the engine's own factor each of the 21 tables looks for merges and for streams about once a second for ever.
    await expect.poll(wakesInFourSeconds).toBeLessThan(60);
  });

  it('that run a read of the collector give way to the collector', async () => {
    const store = await EngineStore.start();
    onTestFinished(() => store.end());
    const pid = store.test.engine.pid() ?? 0;
    // Until it is ended: a shorter one can be over before it was looked at.
    const sql = 'SELECT sum(sipHash64(number)) AS sum FROM numbers(1000000000000)';
    const ended = new AbortController();
    const reading = store.client
      .rows({ name: 'long_read', sql, params: {}, signal: ended.signal })
      .catch((error: { readonly code: string }) => error.code);
    let niceness: number[] = [];
    while (niceness.length === 0) {
      await sleep(10);
      niceness = threadsOf(pid).flatMap(({ name, niceness }) => (name.startsWith('Query') ? [niceness] : []));
    }
    // As root the engine sets it for each statement; else it is that of the process.
    expect(Math.min(...niceness)).toBeGreaterThanOrEqual(5);
    ended.abort();
    expect(await reading).toBe('query_timeout');
  });

  it('are those of libuv as well, which have begun before the engine', () => {
    const module = packageFile('dist/src/clickhouse/embedded/process/thread-niceness.js').href;
    const program = `
      import { readFileSync, readdirSync } from 'node:fs';
      import { stat } from 'node:fs/promises';
      await stat('/');
      (await import(${JSON.stringify(module)})).lowerPriority();
      const tasks = readdirSync('/proc/self/task');
      const lines = tasks.map((task) => readFileSync('/proc/self/task/' + task + '/stat', 'utf8'));
      console.log(JSON.stringify(lines.map((line) => Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[16]))));`;
    const niceness = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
    expect(new Set(JSON.parse(niceness))).toEqual(new Set([10]));
  });
});

interface Thread {
  readonly name: string;
  readonly niceness: number;
  readonly wakes: number;
}

function threadsOf(pid: number): Thread[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) => {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8');
      const status = readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8');
      const name = /^Name:\t(.*)$/m.exec(status)?.[1] ?? '';
      // The name is in parentheses and may hold spaces; niceness is field 19 of the line.
      const niceness = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
      return [{ name, niceness, wakes: Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]) }];
    } catch {
      // It has ended since the directory was read.
      return [];
    }
  });
}

/** How often the threads woke that wait until a table looks for work. */
function wakesOfDelays(pid: number): number {
  const waiting = threadsOf(pid).filter(({ name }) => name === 'PoolDelayExec');
  expect(waiting.length).toBeGreaterThan(0);
  return waiting.reduce((sum, { wakes }) => sum + wakes, 0);
}
