import { chownSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { freePort } from '../../bench/free-port.js';
import { packageFile } from '../../src/core/package-root.js';
import { ContainerEngine, missingForContainers } from '../support/container-engine.js';

/**
 * The `Dockerfile`, built by buildah and run by podman with the system calls and rights a container has by default and
 * fewer. There is no registry of images here: its base is put together from Debian 13 and npm's Node, once.
 */
const missing = missingForContainers();
const isMissing = missing !== null;
if (isMissing) process.stderr.write(`the image is not built: ${missing} is missing\n`);
const minutes = 60_000;
const tag = 'localhost/tidemark:test';
/** As the service `collector` of docker-compose.yml. */
const confined = ['--read-only', '--cap-drop', 'all', '--security-opt', 'no-new-privileges', '--tmpfs', '/tmp'];
const given = ['--memory', '2g', '--cpus', '2', '--pids-limit', '512', '--ulimit', 'nofile=10000:10000'];

const directory = mkdtempSync(join(tmpdir(), 'tidemark-image-'));
const engine = new ContainerEngine(directory);
const data = join(directory, 'data');
let port = 0;
let storePort = 0;
let key = '';

beforeAll(async () => {
  if (isMissing) return;
  await engine.makeBase();
  await engine.build(tag);
  mkdirSync(data);
  chownSync(data, 1000, 1000);
  [port, storePort] = [await freePort(), await freePort()];
  const settings = ['--env', `TIDEMARK_PORT=${port}`, '--env', `TIDEMARK_CLICKHOUSE_PORT=${storePort}`];
  const places = ['--network', 'host', '--volume', `${data}:/data`, '--ulimit', 'nproc=4096:4096'];
  await engine.podman(['run', '--name', 'it', '--detach', ...confined, ...given, ...settings, ...places, tag]);
  await vi.waitFor(async () => expect(await healthOf(port)).toBe(200), { timeout: 60_000, interval: 100 });
  key = readFileSync(join(data, 'admin-key'), 'utf8').trim();
}, 8 * minutes);

afterAll(async () => {
  if (!isMissing) await engine.podman(['rm', '--force', '--time', '20', 'it']);
  await engine.remove();
}, minutes);

const asked = async (path: string) =>
  fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${key}` } });
const stored = async (sql: string): Promise<string> => {
  const password = readFileSync(join(data, 'engine-reader-password'), 'utf8').trim();
  const headers = { 'X-ClickHouse-User': 'default', 'X-ClickHouse-Key': password };
  return (await (await fetch(`http://127.0.0.1:${storePort}/`, { method: 'POST', body: sql, headers })).text()).trim();
};
const inside = (script: string): Promise<string> => engine.podman(['exec', 'it', 'sh', '-c', script]);

test.skipIf(isMissing)('takes an event, keeps it in its engine and serves the pages', async () => {
  const body = JSON.stringify({ type: 'task.completed', agent_id: 'boxed', task_id: 'one', duration_ms: 5 });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const sent = await fetch(`http://127.0.0.1:${port}/v1/events`, { method: 'POST', headers, body });
  expect([sent.status, await sent.json()]).toMatchObject([202, { accepted: 1 }]);
  const rows = () => stored("SELECT count() FROM tidemark.agent_events WHERE agent_id = 'boxed'");
  await expect.poll(rows).toBe('1');
  const page = await fetch(`http://127.0.0.1:${port}/`, { headers: { accept: 'text/html' } });
  const html = await page.text();
  expect(html).toContain('<div id="root">');
  const script = /src="([^"]+\.js)"/.exec(html)?.[1] ?? '';
  expect((await fetch(new URL(script, page.url))).status).toBe(200);
});

test.skipIf(isMissing)(
  'serves WebSockets by uWebSockets.js, with the engine in its sandbox, as somebody without rights',
  async () => {
    const said = await engine.podman(['logs', 'it']);
    expect(said).toContain('WebSockets are served by @btc-vision/uwebsockets.js');
    expect(said).not.toMatch(/"level":"(error|fatal)"/);
    // A part that does not answer within two seconds has no details.
    const sandbox = async () => {
      const { dependencies } = (await (await asked('/health/deep')).json()) as Health;
      return dependencies.find(({ name }) => name === 'engine')?.details.sandbox;
    };
    await expect.poll(sandbox).toBe('landlock');
    expect(await inside('id -u; grep CapEff /proc/1/status; touch /app/x 2>&1 || true')).toMatch(
      /^1000\nCapEff:\s0+\n.*Read-only file system/,
    );
  },
);

test.skipIf(isMissing)('shares out the memory of its container, not that of the machine', async () => {
  const module = '/app/dist/src/clickhouse/machine-memory.js';
  const script = `import('${module}').then((it) => console.log(it.machineMemoryBytes()))`;
  expect(Number(await inside(`node -e "${script}"`))).toBe(2 * 1024 ** 3);
});

test.skipIf(isMissing)(
  'has the packages that the lock file gives a collector, and none that are for development',
  async () => {
    const lock = JSON.parse(readFileSync(packageFile('package-lock.json'), 'utf8')) as Lock;
    const dev = Object.entries(lock.packages).filter(([, { dev: isDev }]) => isDev === true);
    const present = (await inside('find node_modules -name package.json -path "*node_modules/*"')).split('\n');
    const found = new Set(present.map((path) => path.replace(/\/package\.json$/, '')));
    expect(found.has('node_modules/chdb')).toBe(true);
    expect(dev.map(([path]) => path).filter((path) => found.has(path))).toEqual([]);
    expect(await inside('ls node_modules/@btc-vision/uwebsockets.js | grep -c node$; ls dist; ls')).toBe(
      '1\nsrc\nui\nworkers\nLICENSE\nREADME.md\nclickhouse\ndist\nnode_modules\npackage.json\n',
    );
  },
);

test.skipIf(isMissing)(
  'is healthy by its own check, stops as asked, and has everything when it is started again',
  async () => {
    await engine.podman(['healthcheck', 'run', 'it']);
    await engine.podman(['stop', '--time', '30', 'it']);
    expect((await engine.podman(['inspect', 'it', '--format', '{{.State.ExitCode}}'])).trim()).toBe('0');
    await engine.podman(['start', 'it']);
    await expect.poll(() => healthOf(port)).toBe(200);
    const rows = () => stored("SELECT count() FROM tidemark.agent_events WHERE agent_id = 'boxed'");
    await expect.poll(rows).toBe('1');
  },
);

interface Health {
  readonly dependencies: readonly { readonly name: string; readonly details: { readonly sandbox?: string } }[];
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
}

async function healthOf(port: number): Promise<number> {
  return fetch(`http://127.0.0.1:${port}/health`).then(
    ({ status }) => status,
    () => 0,
  );
}
