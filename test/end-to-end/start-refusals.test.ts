import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';
import { freePort } from '../../bench/free-port.js';
import { packageFile } from '../../src/core/package-root.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { refusedStart } from '../support/refused-start.js';
import { tempDir } from '../support/temp-dir.js';

/** A collector without an engine of its own: nobody answers there. */
async function withoutEngine(): Promise<Record<string, string>> {
  return { TIDEMARK_CLICKHOUSE_URL: `http://127.0.0.1:${await freePort()}` };
}

async function started(dataDir: string, env: Readonly<Record<string, string>>): Promise<CollectorProcess> {
  const collector = new CollectorProcess({ dataDir, env });
  // An engine ends after its collector, and its directory is removed next.
  onTestFinished(async () => void (await collector.stop()));
  await collector.start();
  return collector;
}

/** Those that others meet: one without an engine and one with its own. */
let running: CollectorProcess;
let withEngine: CollectorProcess;
const root = mkdtempSync(join(tmpdir(), 'tidemark-refusals-'));

beforeAll(async () => {
  running = new CollectorProcess({ dataDir: join(root, 'running'), env: await withoutEngine() });
  withEngine = new CollectorProcess({ dataDir: join(root, 'with-engine') });
  await Promise.all([running.start(), withEngine.start()]);
});

afterAll(async () => {
  await Promise.all([running.stop(), withEngine.stop()]);
  rmSync(root, { recursive: true, force: true });
});

const left: Readonly<Record<string, string>> = {
  empty: '',
  torn: '{"pid":',
  'of another host': JSON.stringify({
    token: 'x',
    pid: 1,
    started: '1',
    host: { name: 'a', boot: 'b', namespace: 'c' },
  }),
};

test.each(Object.entries(left))('a collector starts with a lock file that is %s', async (_what, content) => {
  const dataDir = tempDir();
  writeFileSync(join(dataDir, 'collector.lock'), content);
  const collector = await started(dataDir, await withoutEngine());
  expect((await fetch(`${collector.url}/health`)).status).toBe(200);
  expect(await collector.stop()).toBe(0);
});

test('a lock that cannot be had ends the start with code 2 and one line that says what to do', async () => {
  const dataDir = tempDir();
  const env = { ...(await withoutEngine()), TIDEMARK_DATA_DIR: dataDir, TIDEMARK_PORT: '0' };
  mkdirSync(join(dataDir, 'collector.lock'));
  expect(await refusedStart(env)).toMatchObject({
    code: 2,
    stderr: `tidemark: cannot lock ${join(dataDir, 'collector.lock')}: it is a directory; remove it\n`,
  });
  const { pid, dataDir: other } = running;
  const { code, stderr } = await refusedStart({ ...env, TIDEMARK_DATA_DIR: other });
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(
      new RegExp(`^tidemark: cannot lock data directory ${other}: process ${pid} on .*; stop it.*\n$`),
    ),
  ]);
});

/** In another process; `shared` with SO_REUSEPORT, which lets others of the same user in if they ask for it, too. */
async function sharedListener(): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const program = `
    const { createRequire } = require('node:module');
    const uws = createRequire(process.argv[1])('uWebSockets.js');
    uws.App().any('/*', (response) => response.end('another')).listen('127.0.0.1', 0, (listener) => {
      console.log((uws.us_socket_local_port ?? uws.getSocketPort)(listener));
    });`;
  const child = spawn(process.execPath, ['-e', program, packageFile('package.json').pathname]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, port: Number(port.toString()) };
}

async function plainListener(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return (server.address() as { readonly port: number }).port;
}

test('a port that another program has ends the start with code 1 and names the port', async () => {
  const ofCollector = Number(new URL(running.url).port);
  const taken = [
    ['127.0.0.1', ofCollector],
    ['127.0.0.1', await plainListener()],
    ['0.0.0.0', (await sharedListener()).port],
  ] as const;
  for (const [host, port] of taken) {
    const place = { TIDEMARK_DATA_DIR: tempDir(), TIDEMARK_HOST: host, TIDEMARK_PORT: String(port) };
    const { code, stderr, stdout } = await refusedStart({ ...(await withoutEngine()), ...place });
    const advice = 'stop it or choose another TIDEMARK_PORT (0 takes a free one)';
    expect([code, stderr]).toEqual([
      1,
      `tidemark: cannot listen on ${host}:${port}: another program has port ${port}; ${advice}\n`,
    ]);
    expect(stdout).not.toContain('listening');
  }
  expect((await fetch(`${running.url}/health`)).status).toBe(200);
});

test('nobody gets into the port of a running collector, and a restart has it again at once', async () => {
  const port = new URL(running.url).port;
  const program = `
    const uws = require('node:module').createRequire(process.argv[1])('uWebSockets.js');
    uws.App().listen('127.0.0.1', ${port}, (listener) => { console.log(listener !== false); process.exit(); });`;
  const neighbour = spawn(process.execPath, ['-e', program, packageFile('package.json').pathname]);
  expect(String(await once(neighbour.stdout, 'data'))).toBe('false\n');
  // Connections that are cut leave the port in TIME_WAIT.
  for (const signal of ['kill', 'stop'] as const) {
    const open = new WebSocket(running.streamUrl, ['tidemark.v1', `tidemark.key.${testKey}`]);
    await once(open, 'open');
    await running[signal]();
    await running.start();
  }
  expect((await fetch(`${running.url}/health`)).status).toBe(200);
});

test('an address that the machine does not have is told as such', async () => {
  const place = { TIDEMARK_DATA_DIR: tempDir(), TIDEMARK_HOST: '192.0.2.1', TIDEMARK_PORT: '0' };
  const { code, stderr } = await refusedStart({ ...(await withoutEngine()), ...place });
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/^tidemark: cannot listen on 192\.0\.2\.1:0: .* address; .*\n$/),
  ]);
});

test('a taken port of the engine ends the start with code 1, and its number is in no banner', async () => {
  await expect.poll(() => withEngine.enginePid()).toBeDefined();
  const ofEngine = Number(new URL(withEngine.storeUrl).port);
  for (const port of [ofEngine, await plainListener(), (await sharedListener()).port]) {
    const place = { TIDEMARK_DATA_DIR: tempDir(), TIDEMARK_PORT: '0', TIDEMARK_CLICKHOUSE_PORT: String(port) };
    const { code, stderr, stdout } = await refusedStart(place);
    expect([code, stderr]).toEqual([
      1,
      `tidemark: cannot start the embedded engine: another program has port ${port}; ` +
        'stop it or choose another TIDEMARK_CLICKHOUSE_PORT (0 takes a free one)\n',
    ]);
    expect(stdout).not.toContain(`:${port}`);
  }
  const ownPort = { TIDEMARK_CLICKHOUSE_PORT: '0' };
  const free = await started(tempDir(), ownPort);
  await free.query('SELECT 1 AS one');
  const [address] = /http:\/\/127\.0\.0\.1:\d+(?=\n)/.exec(free.output.split('ClickHouse: ')[1] ?? '') ?? [];
  const answer = await fetch(`${address}/?query=SELECT+1`, {
    headers: { 'x-clickhouse-user': 'default', 'x-clickhouse-key': free.readerPassword },
  });
  expect(await answer.text()).toBe('1\n');
});

test('a start waits for the engine of a killed collector that holds the port, and is not taken for done', async () => {
  const collector = withEngine;
  await collector.query('SELECT 1 AS one');
  const engine = collector.enginePid() ?? 0;
  expect(engine).toBeGreaterThan(0);
  process.kill(engine, 'SIGSTOP');
  try {
    await collector.kill();
    await collector.start();
    const health = await collector.get<{ dependencies: { name: string; reason: string | null }[] }>('/health/deep');
    expect(health.dependencies.find(({ name }) => name === 'engine')?.reason).toContain('is starting');
  } finally {
    process.kill(engine, 'SIGCONT');
  }
  expect(await collector.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await expect.poll(async () => (await fetch(`${collector.storeUrl}/ping`)).status).toBe(200);
});

test('a data directory that cannot be ends the start at once with code 2 and a word why', async () => {
  const directory = tempDir();
  const file = join(directory, 'file');
  writeFileSync(file, '');
  const linux = process.platform === 'linux' ? ['/proc/tidemark', '/proc/tidemark/data'] : [];
  for (const path of [file, join(file, 'below'), ...linux]) {
    const { code, stderr, stdout } = await refusedStart({ TIDEMARK_DATA_DIR: path, TIDEMARK_PORT: '0' });
    expect([code, stderr, stdout], path).toEqual([
      2,
      expect.stringMatching(/^tidemark: cannot make data directory \S+: .*TIDEMARK_DATA_DIR\n$/),
      '',
    ]);
  }
});

describe('where no package of uWebSockets.js is to be found', () => {
  /** In an environment whose Node finds none of them. */
  function without() {
    const directory = tempDir();
    const hooks = `export async function resolve(name, context, next) {
      if (/uws|uwebsockets/i.test(name) && !/^[./]/.test(name)) throw new Error('Cannot find package');
      return next(name, context);
    }`;
    const hook = join(directory, 'hook.mjs');
    const url = `data:text/javascript,${encodeURIComponent(hooks)}`;
    writeFileSync(hook, `import { register } from 'node:module'; register(${JSON.stringify(url)});`);
    const dataDir = join(directory, 'data');
    return { TIDEMARK_DATA_DIR: dataDir, TIDEMARK_PORT: '0', NODE_OPTIONS: `--import ${hook}` };
  }
  const missing = `uWebSockets.js is not installed, or has no binary for Node ${process.versions.node}`;

  test('a collector that was to use it ends at once with code 2 and what to do, and leaves nothing', async () => {
    const env = { ...without(), TIDEMARK_HTTP_SERVER: 'uws' };
    const { code, stderr } = await refusedStart(env);
    expect(code).toBe(2);
    const told = missing.replace('uWebSockets.js is', 'cannot serve WebSockets by uWebSockets.js, which is');
    expect(stderr).toContain(`tidemark: ${told} (${process.platform}`);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(existsSync(env.TIDEMARK_DATA_DIR)).toBe(false);
  });

  test('any other starts with ws, and says so', async () => {
    const { stdout } = await refusedStart({ ...(await withoutEngine()), ...without() });
    expect(stdout).toContain(`WebSockets are served by ws: ${missing}`);
    expect(stdout).toContain('is listening on');
  });
});

test('an IPv6 address stands in brackets in the banner', async () => {
  const place = { TIDEMARK_DATA_DIR: tempDir(), TIDEMARK_HOST: '::1', TIDEMARK_PORT: '0' };
  const { stdout } = await refusedStart({ ...(await withoutEngine()), ...place });
  expect(stdout).toMatch(/is listening on http:\/\/\[::1\]:\d+,/);
  expect(stdout).toMatch(/curl http:\/\/\[::1\]:\d+\/v1\/events/);
});
