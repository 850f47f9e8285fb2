import { spawnSync } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { canRefuseCalls, withoutNiceness } from '../support/refused-call.js';
import { tempDir } from '../support/temp-dir.js';

const isLinux = process.platform === 'linux';
const withoutProc = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh'];
const canHideProc = isLinux && spawnSync(withoutProc[0]!, [...withoutProc.slice(1), 'true']).status === 0;

/** A collector whose engine takes what is sent, within `within`. */
async function collectorWithin(within: readonly string[]): Promise<CollectorProcess> {
  const collector = new CollectorProcess({ dataDir: tempDir(), within });
  onTestFinished(() => collector.killAll());
  await collector.start();
  const response = await fetch(`${collector.url}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'task.completed', agent_id: 'a', task_id: 't' }),
  });
  expect(response.status).toBe(202);
  await collector.untilStored(1);
  return collector;
}

test.runIf(canHideProc)('without /proc, as in a chroot, the engine runs and metrics are told', async () => {
  const collector = await collectorWithin(withoutProc);
  expect(await collector.get('/health?verbose=1')).toMatchObject({ status: 'healthy' });
  const metrics = await collector.metrics();
  expect([...metrics.keys()].filter((name) => name.includes('resident_memory'))).toEqual([]);
  expect(collector.output).not.toContain('is started again');
});

test.runIf(isLinux)('the engine starts where 12 GB of addresses are all there are', async () => {
  const collector = await collectorWithin(['sh', '-c', 'ulimit -v 12000000 && exec "$@"', 'sh']);
  expect(await collector.get('/health?verbose=1')).toMatchObject({ status: 'healthy' });
});

test.runIf(isLinux)('an engine that has no room to start says which limit is in its way', async () => {
  const within = ['sh', '-c', 'ulimit -v 4000000 && exec "$@"', 'sh'];
  const collector = new CollectorProcess({ dataDir: tempDir(), within });
  onTestFinished(() => collector.killAll());
  await collector.start();
  await expect
    .poll(() => collector.output)
    .toMatch(/cannot start the embedded engine: .*the address space is limited to 4096 MB \(ulimit -v\)/);
});

// Only root, or who else has CAP_SYS_NICE, has an engine that would set it.
test.runIf(canRefuseCalls)('the engine runs where a seccomp profile lets nobody set niceness', async () => {
  const collector = await collectorWithin(withoutNiceness());
  expect(await collector.get('/health?verbose=1')).toMatchObject({ status: 'healthy' });
  expect(collector.output).not.toContain('is started again');
});
