import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { askEngine } from '../../bench/engine-access.js';
import { packageFile } from '../../src/core/package-root.js';
import { askChannel } from '../support/ask-engine.js';
import { createTestEngine, mustBePid, type TestEngine } from '../support/embedded-engine.js';
import { engineLimits } from '../support/engine-options.js';
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
  // Three seconds at least, so that it is still under way when it was seen to be.
  const rows = "SELECT number, repeat('x', 300) FROM numbers(300000) WHERE sleep(0.1) = 0";
  const insert = write(rig, `INSERT INTO t ${rows} SETTINGS max_block_size = 10000, max_threads = 1`);
  const listed = "SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO t%'";
  while ((await write(rig, listed)) === '0\n');
  await rig.engine.stop(60_000);
  await insert;
  await gone(pid);
  expect(rig.engine.pid()).toBeUndefined();
  expect(rig.restarts).toEqual([]);
  await expect(rig.engine.ready()).rejects.toMatchObject({ code: 'stopping' });
  const again = testEngine({ dataDir: rig.dataDir, spoolDir: rig.spoolDir });
  await again.engine.start();
  expect(await write(again, 'SELECT count() FROM t')).toBe('300000\n');
});

test('a stop before the start and a second stop do nothing', async () => {
  const rig = testEngine();
  await rig.engine.stop(100);
  await rig.engine.stop(100);
  await rig.engine.start();
  expect(rig.engine.pid()).toBeUndefined();
});

/** An engine whose collector is a program of its own, so that it can be killed. */
async function orphanable(
  dataDir: string,
): Promise<{ readonly parent: number; readonly engine: number; readonly port: number }> {
  const script = join(dataDir, 'parent.mjs');
  const built = (path: string) => JSON.stringify(packageFile(`dist/src/${path}`).href);
  writeFileSync(
    script,
    `import { createEngineProcess } from ${built('clickhouse/embedded/process/engine-process.js')};
     import { tryLoadFileLock } from ${built('clickhouse/embedded/sandbox/native-calls.js')};
     import { holdingClock } from ${built('core/clock.js')};
     import { silentLogger } from ${built('core/logger.js')};
     import { createFileLocker } from ${built('spool/file-locker.js')};
     const counter = { inc() {} };
     const [restarts, refusals, cancelled, streamed, resultFiles] = Array(5).fill(counter);
     const [heldBytes, heldBytesMax, waitingConnections] = Array(3).fill({ set() {} });
     const held = { resultFiles, heldBytes, heldBytesMax };
     const connections = { keptConnections: counter, waitingConnections };
     const instruments = { restarts, refusals, cancelled, streamed, ...held, ...connections };
     const locker = createFileLocker({ lock: tryLoadFileLock() });
     const [dataDir, spoolDir] = ${JSON.stringify([dataDir, dataDir])};
     const options = { ...${JSON.stringify(engineLimits)}, dataDir, spoolDir, port: 0, writerPassword: 'w' };
     const engine = createEngineProcess({ logger: silentLogger, clock: holdingClock, instruments, locker }, options);
     await engine.start();
     process.send({ parent: process.pid, engine: engine.pid(), port: engine.port });`,
  );
  const parent = fork(script, [], { execArgv: [] });
  onTestFinished(() => void parent.kill('SIGKILL'));
  const [told] = await once(parent, 'message');
  return told as { readonly parent: number; readonly engine: number; readonly port: number };
}

test('when the collector is killed with -9 its engine ends, with a read under way, and the next starts', async () => {
  const dataDir = tempDir();
  const first = await orphanable(dataDir);
  const slow = fetch(`http://127.0.0.1:${first.port}/`, {
    method: 'POST',
    body: 'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)',
  }).catch(() => null);
  const listed = "SELECT count() FROM system.processes WHERE query LIKE 'SELECT sum(sip%'";
  const access = { socketPath: join(dataDir, 'engine.sock'), password: 'w' };
  while ((await askEngine(access, listed)).bytes.toString() === '0\n');
  const rig = testEngine({ dataDir, port: first.port });
  process.kill(first.parent, 'SIGKILL');
  // The directory and the port are still held by the engine that drains.
  await rig.engine.start();
  expect((await slow)?.headers.get('x-clickhouse-exception-code')).toBe('394');
  await gone(first.engine);
  expect(await write(rig, 'SELECT 1')).toBe('1\n');
});

test('an engine that outlives its collector is waited for, and shares neither directory nor port', async () => {
  const dataDir = tempDir();
  const first = await orphanable(dataDir);
  process.kill(first.engine, 'SIGSTOP');
  onTestFinished(() => tryKill(first.engine, 'SIGCONT'));
  process.kill(first.parent, 'SIGKILL');
  const rig = testEngine({ dataDir, port: first.port });
  await rig.engine.reserve();
  expect(await rig.engine.health()).toMatchObject({ status: 'degraded' });
  const starting = rig.engine.start();
  await expect.poll(() => rig.logged.map(({ message }) => message)).toContain(waits);
  process.kill(first.engine, 'SIGCONT');
  await starting;
  await gone(first.engine);
  await expect.poll(async () => (await rig.engine.health()).status).toBe('healthy');
  expect(await (await fetch(rig.engine.url, { method: 'POST', body: 'SELECT 1' })).text()).toBe('1\n');
});

const waits = 'the embedded engine waits for a previous one to end';

function tryKill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(mustBePid(pid), signal);
  } catch {
    // It has ended.
  }
}

/** Somebody else's, on a port of the loopback address; 0 takes a free one. */
async function stranger(port = 0): Promise<{ readonly port: number; close(): void }> {
  const server = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nstranger'));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { port: (server.address() as { port: number }).port, close: () => server.close() };
}

test('a port that somebody else has is refused at once, with its number and what to do', async () => {
  const { port } = await stranger();
  const rig = testEngine({ port });
  await expect(rig.engine.start()).rejects.toMatchObject({
    code: 'port_taken',
    message:
      `cannot start the embedded engine: another program has port ${port}; ` +
      'stop it or choose another TIDEMARK_CLICKHOUSE_PORT (0 takes a free one)',
  });
  expect(rig.engine.pid()).toBeUndefined();
});

test("a reserved port is nobody else's before the engine runs, and its clients are told to come again", async () => {
  const rig = testEngine();
  await rig.engine.reserve();
  await expect(stranger(rig.engine.port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  const early = await fetch(rig.engine.url);
  expect([early.status, early.headers.get('retry-after'), await early.text()]).toEqual([
    503,
    '1',
    expect.stringContaining('The embedded engine is starting'),
  ]);
  await rig.engine.start();
  expect(await (await fetch(rig.engine.url, { method: 'POST', body: 'SELECT 1' })).text()).toBe('1\n');
  await expect(stranger(rig.engine.port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

/**
 * Ends the engine and takes its port in another process while this one, the collector of it, stands still: the moment
 * in which the port is nobody's is too short to be met otherwise. Returns the process id of who has it.
 */
function steal(port: number, engine: number): number {
  const taker = `const attempt = () => require('node:net').createServer().once('error', () => setTimeout(attempt, 5))
    .listen(${port}, '127.0.0.1', () => process.send('taken')); attempt();`;
  const script = `const { spawn } = require('node:child_process');
    const stdio = ['ignore', 'ignore', 'ignore', 'ipc'];
    const taker = spawn(process.execPath, ['-e', ${JSON.stringify(taker)}], { detached: true, stdio });
    taker.once('message', () => { console.log(taker.pid); taker.disconnect(); taker.unref(); });
    process.kill(${engine}, 'SIGKILL');`;
  const pid = Number(spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' }).stdout);
  onTestFinished(() => tryKill(pid, 'SIGKILL'));
  return mustBePid(pid);
}

test('an engine whose port is taken while it is away runs without it, says so, and has it back later', async () => {
  const rig = testEngine();
  await rig.engine.start();
  const { port } = rig.engine;
  const thief = steal(port, mustBePid(rig.engine.pid()));
  await expect.poll(() => rig.restarts).toHaveLength(1);
  await rig.engine.ready();
  expect(await write(rig, 'SELECT 1')).toBe('1\n');
  expect(await rig.engine.health()).toMatchObject({
    status: 'degraded',
    reason: `another program has port ${port}; stop it or choose another TIDEMARK_CLICKHOUSE_PORT (0 takes a free one)`,
  });
  process.kill(thief, 'SIGKILL');
  await expect.poll(async () => (await rig.engine.health()).status).toBe('healthy');
  expect(await (await fetch(rig.engine.url, { method: 'POST', body: 'SELECT 1' })).text()).toBe('1\n');
});

test('a data directory that another engine holds is a start failure', async () => {
  const rig = testEngine();
  await rig.engine.start();
  const second = testEngine({ dataDir: rig.dataDir, startMsMax: 0 });
  await expect(second.engine.start()).rejects.toMatchObject({ code: 'engine_start_failed' });
  expect(await write(rig, 'SELECT 1')).toBe('1\n');
});
