import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { tempDir } from '../support/temp-dir.js';
import { agent, countingCollector, sdkUrl } from './agent-process.js';
import { hello, type Peer, scriptedCollector } from './scripted-collector.js';
import { summary } from './told-events.js';

const told = ['run.started r', 'task.running t', 'task.completed t'];
const openRun = `const run = tm.run('r'); run.task('t', () => 1);`;

test('a process that has nothing left to do ends, and what it told last is there', async () => {
  const { url, events } = await countingCollector();
  const { ended } = agent(url, openRun);
  expect(await ended).toEqual({ code: 0, signal: null, output: '' });
  expect(summary(events)).toEqual(told);
});

test('what begins when the process was about to end is waited for too', async () => {
  // Longer than it takes until something begins: it is told while what was told before is waited for.
  const { url, events } = await countingCollector({ ackMs: 200 });
  const { ended } = agent(
    url,
    `${openRun} process.once('beforeExit', () => setTimeout(() => tm.task('late', () => 1), 50));`,
    'batchAgeMs: 60_000, exitMs: 20_000',
  );
  expect(await ended).toEqual({ code: 0, signal: null, output: '' });
  expect(summary(events)).toEqual([...told, 'task.running late', 'task.completed late']);
});

test('work that waits for room is not cut off by the end of the process', async () => {
  let peer: Peer | null = null;
  let isStalled = true;
  const seqs: number[] = [];
  const { url } = await scriptedCollector({
    opened: (opened) => opened.say({ ...hello, credit: 1 }),
    received(from, { seq }) {
      peer = from;
      seqs.push(seq);
      if (!isStalled) from.say({ op: 'ack', seq });
    },
  });
  const { ended, says } = agent(
    url,
    `console.log('begun');
     for (let index = 0; index < 200; index += 1) await tm.tool('t' + index, async () => 1);
     console.log('all told'); tm.close({ timeoutMs: 0 });`,
    `overflow: 'block', bufferBytesMax: 4_000, batchEventsMax: 10, exitMs: 100`,
  );
  await says('begun');
  await expect.poll(() => seqs).toEqual([1]);
  // Longer than the end of a process would wait.
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(seqs).toEqual([1]);
  isStalled = false;
  peer!.say({ op: 'ack', seq: 1 });
  expect(await ended).toEqual({ code: 0, signal: null, output: 'begun\nall told\n' });
});

test('an open connection and an open run keep no process alive', async () => {
  const { url } = await countingCollector();
  const { ended } = agent(url, `${openRun} await connected(); await tm.flush({ timeoutMs: 60_000 });`);
  expect(await ended).toMatchObject({ code: 0 });
});

test('a collector that never answers holds the end of a process no longer than it was told', async () => {
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void silent.close());
  const { port } = silent.address() as AddressInfo;
  const { ended } = agent(`ws://127.0.0.1:${port}`, openRun, 'exitMs: 200');
  expect(await ended).toEqual({ code: 0, signal: null, output: '' });
});

test('a collector that was never there costs neither an error nor the end', async () => {
  const { ended } = agent('ws://127.0.0.1:9', `${openRun} setTimeout(() => console.log('on'), 50);`, 'exitMs: 100');
  expect(await ended).toEqual({ code: 0, signal: null, output: 'on\n' });
});

test('SIGTERM is waited for, and then does what it does', async () => {
  const { url, events } = await countingCollector();
  const { child, ended, says } = agent(
    url,
    `await connected(); ${openRun} console.log('ready'); setInterval(() => {}, 1_000);`,
    'batchAgeMs: 60_000',
  );
  await says('ready');
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: null, signal: 'SIGTERM' });
  expect(summary(events)).toEqual(told);
});

test('where others listen for SIGTERM, they decide when the process ends', async () => {
  const { url, events } = await countingCollector();
  const { child, ended, says } = agent(
    url,
    `process.on('SIGTERM', async () => {
       console.log('mine'); await tm.close({ timeoutMs: 60_000 }); process.exit(7); });
     await connected(); ${openRun} console.log('ready'); setInterval(() => {}, 1_000);`,
    'batchAgeMs: 60_000',
  );
  await says('ready');
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 7, output: 'ready\nmine\n' });
  expect(summary(events)).toEqual(told);
});

test('process.exit waits for nothing: what was flushed before is there, the rest is not', async () => {
  const { url, events } = await countingCollector();
  const { ended } = agent(
    url,
    `${openRun} console.log(await tm.flush({ timeoutMs: 60_000 })); run.end(); process.exit(3);`,
    'batchAgeMs: 60_000',
  );
  expect(await ended).toMatchObject({ code: 3, output: '{ acked: 3, pending: 0, rejected: 0, dropped: 0 }\n' });
  expect(summary(events)).toEqual(told);
});

test('an uncaught exception ends the process as it would have, and says what it said', async () => {
  const { url } = await countingCollector();
  const { ended } = agent(url, `tm.run('r', () => { throw new Error('boom'); });`);
  const { code, output } = await ended;
  expect(code).toBe(1);
  expect(output).toContain('boom');
});

test('after a freeze, in which the connection was lost, it goes on where it was', async () => {
  const { url, events, peers } = await countingCollector();
  const { child, ended, says } = agent(
    url,
    `await connected(); tm.task('before', () => 1); await tm.flush({ timeoutMs: 60_000 }); console.log('ready');
     setTimeout(async () => { tm.task('after', () => 1); console.log(await tm.flush({ timeoutMs: 20_000 })); }, 300);`,
  );
  await says('ready');
  child.kill('SIGSTOP');
  peers[0]!.cut();
  await new Promise((resolve) => setTimeout(resolve, 500));
  child.kill('SIGCONT');
  expect((await ended).output).toContain('acked: 4, pending: 0');
  expect(summary(events)).toEqual([
    'task.running before',
    'task.completed before',
    'task.running after',
    'task.completed after',
  ]);
});

test('an event loop that is blocked sends when it is free again', async () => {
  const { url, events } = await countingCollector();
  const { ended } = agent(
    url,
    `await connected(); ${openRun}
     Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5_000);
     console.log(await tm.flush({ timeoutMs: 60_000 }));`,
  );
  expect((await ended).output).toContain('acked: 3');
  expect(summary(events)).toEqual(told);
});

test('a thread has a client of its own, and one that is terminated harms nobody', async () => {
  const { url, events } = await countingCollector();
  const { ended } = agent(
    url,
    `import { Worker } from 'node:worker_threads';
     const code = \`import { tidemark } from ${JSON.stringify(sdkUrl)};
       const tm = tidemark({ url: ${JSON.stringify(url)}, key: 'k', agent: 'w' });
       tm.task('in thread', () => 1); await tm.flush({ timeoutMs: 60_000 }); setInterval(() => {}, 1_000);
       (await import('node:worker_threads')).parentPort.postMessage('done');\`;
     const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(code)));
     await new Promise((resolve) => worker.once('message', resolve));
     await worker.terminate();
     tm.task('in main', () => 1);`,
  );
  expect(await ended).toEqual({ code: 0, signal: null, output: '' });
  expect(summary(events)).toContain('task.completed in thread');
  expect(summary(events)).toContain('task.completed in main');
});

test('each process of a cluster tells for itself, and one that is killed takes only its own with it', async () => {
  const { url, events, peers } = await countingCollector();
  const worker = join(tempDir(), 'worker.mjs');
  writeFileSync(
    worker,
    `import cluster from 'node:cluster';
     import { tidemark } from ${JSON.stringify(sdkUrl)};
     const tm = tidemark({ url: ${JSON.stringify(url)}, key: 'k', agent: 'w', batchAgeMs: 60_000, exitMs: 60_000 });
     tm.task('in worker ' + process.env.NUMBER, () => 1);
     if (process.env.NUMBER === '2') process.send('told');
     else cluster.worker.disconnect();`,
  );
  const { ended } = agent(
    url,
    `const { default: cluster } = await import('node:cluster');
     cluster.setupPrimary({ exec: ${JSON.stringify(worker)}, execArgv: [] });
     const workers = [0, 1, 2].map((number) => cluster.fork({ NUMBER: number }));
     workers[2].once('message', () => workers[2].process.kill('SIGKILL'));
     const ends = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)));
     console.log(JSON.stringify(await Promise.all(ends)));
     tm.task('in primary', () => 1);`,
  );
  expect(await ended).toEqual({ code: 0, signal: null, output: '[0,0,null]\n' });
  const done = events.filter(({ type }) => type === 'task.completed').map(({ name }) => name);
  expect(done.sort()).toEqual(['in primary', 'in worker 0', 'in worker 1']);
  expect(new Set(peers.map(({ producer }) => producer)).size).toBeGreaterThanOrEqual(3);
});

test('ten thousand runs at once are ten thousand runs', async () => {
  const { url, events } = await countingCollector();
  const { ended } = agent(
    url,
    `await Promise.all(Array.from({ length: 10_000 }, (_, i) => tm.run('r' + i, async () => {
       await new Promise((resolve) => setTimeout(resolve, 1)); await tm.tool('s', async () => 1); })));
     console.log(await tm.flush({ timeoutMs: 30_000 }));`,
  );
  expect((await ended).output).toBe('{ acked: 30000, pending: 0, rejected: 0, dropped: 0 }\n');
  const steps = events.filter(({ type }) => type === 'step.completed');
  expect(new Set(steps.map(({ run_id }) => run_id)).size).toBe(10_000);
});
