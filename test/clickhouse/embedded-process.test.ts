import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { EngineOptions, EngineReport } from '../../src/clickhouse/embedded/process/engine-protocol.js';
import { packageFile } from '../../src/core/package-root.js';
import { askChannel } from '../support/ask-engine.js';
import { createTestEngine, mustBePid, type TestEngine } from '../support/embedded-engine.js';
import { engineOptions } from '../support/engine-options.js';
import { tempDir } from '../support/temp-dir.js';

function testEngine(options: Parameters<typeof createTestEngine>[0] = {}): TestEngine {
  const rig = createTestEngine(options);
  onTestFinished(() => rig.end());
  return rig;
}

async function write(rig: TestEngine, sql: string): Promise<string> {
  const { code, text } = await askChannel(rig, sql);
  expect(code).toBe(0);
  return text;
}

async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('an engine killed with -9 is started again on the same port, and the data is there', async () => {
  const rig = testEngine();
  await rig.engine.start();
  await write(rig, 'CREATE TABLE t (id UInt64) ENGINE = MergeTree ORDER BY id');
  await write(rig, 'INSERT INTO t VALUES (1), (2), (3)');
  const { url } = rig.engine;
  const pid = mustBePid(rig.engine.pid());
  process.kill(pid, 'SIGKILL');
  await gone(pid);
  await rig.engine.ready();
  expect(rig.engine.url).toBe(url);
  expect(rig.engine.pid()).not.toBe(pid);
  expect(await write(rig, 'SELECT count() FROM t')).toBe('3\n');
  expect(rig.restarts).toEqual(['signal_SIGKILL']);
  expect(await rig.engine.health()).toMatchObject({ name: 'engine', status: 'healthy', details: { restarts: 1 } });
});

test('stop lets an insert finish, refuses what comes after and ends the process', async () => {
  const rig = testEngine();
  await rig.engine.start();
  const pid = mustBePid(rig.engine.pid());
  await write(rig, 'CREATE TABLE t (id UInt64, text String) ENGINE = MergeTree ORDER BY id');
  const insert = write(rig, "INSERT INTO t SELECT number, repeat('x', 300) FROM numbers(400000)");
  const listed = "SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO t%'";
  while ((await write(rig, listed)) === '0\n');
  await rig.engine.stop(10_000);
  await insert;
  await gone(pid);
  expect(rig.engine.pid()).toBeUndefined();
  expect(rig.restarts).toEqual([]);
  await expect(rig.engine.ready()).rejects.toMatchObject({ code: 'stopping' });
  const again = testEngine({ dataDir: rig.dataDir, spoolDir: rig.spoolDir });
  await again.engine.start();
  expect(await write(again, 'SELECT count() FROM t')).toBe('400000\n');
});

test('a stop before the start and a second stop do nothing', async () => {
  const rig = testEngine();
  await rig.engine.stop(100);
  await rig.engine.stop(100);
  await rig.engine.start();
  expect(rig.engine.pid()).toBeUndefined();
});

/** An engine whose parent is a program of its own, so that the parent can be killed. */
async function orphanable(
  options: EngineOptions,
): Promise<{ readonly parent: number; readonly engine: number; readonly port: number }> {
  const script = join(options.dataDir, 'parent.mjs');
  const entry = fileURLToPath(packageFile('dist/src/clickhouse/embedded/process/engine-main.js'));
  writeFileSync(
    script,
    `import { fork } from 'node:child_process';
     const child = fork(${JSON.stringify(entry)}, [], { env: { TZ: 'UTC' } });
     child.on('message', (report) => { if (report.type !== 'log') process.send({ report, pid: child.pid }); });
     process.on('message', (command) => child.send(command));`,
  );
  const parent = fork(script, [], { execArgv: [] });
  parent.send({ type: 'start', options });
  const [{ report, pid }] = (await once(parent, 'message')) as [{ report: EngineReport; pid: number }];
  if (report.type !== 'ready') throw new Error(JSON.stringify(report));
  return { parent: parent.pid ?? 0, engine: pid, port: report.port };
}

test('when the collector is killed with -9 its engine ends, with a read under way, and the next starts', async () => {
  const dataDir = tempDir();
  const first = await orphanable(engineOptions({ dataDir, spoolDir: dataDir }));
  const slow = fetch(`http://127.0.0.1:${first.port}/`, {
    method: 'POST',
    body: 'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)',
  }).catch(() => null);
  const listed = "SELECT count() FROM system.processes WHERE query LIKE 'SELECT sum(sip%'";
  for (let count = '0\n'; count === '0\n'; ) {
    count = await (await fetch(`http://127.0.0.1:${first.port}/`, { method: 'POST', body: listed })).text();
  }
  const rig = testEngine({ dataDir, port: first.port });
  process.kill(first.parent, 'SIGKILL');
  // The directory and the port are still held by the engine that drains.
  await rig.engine.start();
  expect((await slow)?.headers.get('x-clickhouse-exception-code')).toBe('394');
  await gone(first.engine);
  expect(await write(rig, 'SELECT 1')).toBe('1\n');
});

test('a port that somebody else keeps is a start failure with the reason', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const rig = testEngine({ port: (server.address() as { port: number }).port, startMsMax: 0 });
  await expect(rig.engine.start()).rejects.toMatchObject({
    code: 'engine_start_failed',
    message: expect.stringContaining('EADDRINUSE'),
  });
  expect(rig.engine.pid()).toBeUndefined();
});

test('a data directory that another engine holds is a start failure', async () => {
  const rig = testEngine();
  await rig.engine.start();
  const second = testEngine({ dataDir: rig.dataDir, startMsMax: 0 });
  await expect(second.engine.start()).rejects.toMatchObject({ code: 'engine_start_failed' });
  expect(await write(rig, 'SELECT 1')).toBe('1\n');
});
