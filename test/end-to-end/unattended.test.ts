import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { tempDir } from '../support/temp-dir.js';

/** Of a shell that becomes the command it is given, in a directory of its own. */
const full = 'exec "$@" > /dev/full';
const gone = 'exec "$@" > >(true)';
/** Its only reader holds it open and reads nothing. */
const stuck = `mkfifo log && exec 3<> log && dd if=/dev/zero of=log bs=65536 count=1 oflag=nonblock && exec "$@" > log`;

async function post(collector: CollectorProcess, task = 't'): Promise<void> {
  const response = await fetch(`${collector.url}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'task.completed', agent_id: 'a', task_id: task }),
  });
  expect(response.status).toBe(202);
}

test.each([
  ['goes to a full disk', full, 1],
  ['nobody reads any more', gone, 1],
  ['goes to a pipe that takes no more', stuck, 0],
])('a collector whose log %s starts, takes events, stores them, and stops with code 0', async (_, script, dropped) => {
  const within = ['bash', '-c', `cd "$0" && ${script}`, tempDir()];
  const collector = new CollectorProcess({ dataDir: tempDir(), within });
  onTestFinished(() => collector.killAll());
  await collector.start();
  await post(collector);
  await collector.untilStored(1);
  expect((await collector.metrics()).get('tidemark_log_lines_dropped_total')).toBeGreaterThanOrEqual(dropped);
  expect(await collector.stop()).toBe(0);
});

const noTerminal = spawnSync('script', ['-qfec', 'true', '/dev/null'], { stdio: 'ignore' }).status !== 0;
/** Of a shell: under a terminal of its own, which takes what is written to `keys` as typed. */
const onTerminal = 'mkfifo keys; exec 3<> keys; exec script -qfec "$*" /dev/null < keys';

test.skipIf(noTerminal)('a terminal that is held holds nothing but what is shown on it', async () => {
  const dir = tempDir();
  const within = ['bash', '-c', `cd "$0" && ${onTerminal}`, dir];
  const collector = new CollectorProcess({ dataDir: tempDir(), within });
  onTestFinished(() => collector.killAll());
  await collector.start();
  await expect.poll(() => collector.output, { timeout: 60_000 }).toContain('the embedded engine is ready');
  await post(collector);
  await collector.untilStored(1);
  writeFileSync(join(dir, 'keys'), '\u0013');
  const shown = collector.output;
  process.kill(collector.enginePid()!, 'SIGKILL');
  await post(collector, 'another');
  await collector.untilStored(2);
  expect(collector.output).toBe(shown);
  writeFileSync(join(dir, 'keys'), '\u0011');
  await expect.poll(() => collector.output).toContain('ended and is started again');
});

test('without a terminal a collector outlives who started it: SIGHUP ends neither it nor its engine', async () => {
  const collector = new CollectorProcess({ dataDir: tempDir() });
  onTestFinished(() => collector.killAll());
  await collector.start();
  await expect.poll(() => collector.output, { timeout: 60_000 }).toContain('the embedded engine is ready');
  const engine = collector.enginePid() ?? 0;
  collector.signal('SIGHUP');
  process.kill(engine, 'SIGHUP');
  await expect.poll(() => collector.output).toContain('SIGHUP');
  await post(collector);
  await collector.untilStored(1);
  expect(collector.enginePid()).toBe(engine);
  expect(await collector.stop()).toBe(0);
});
